"""What can go wrong between the farm and its database.

RayfarmError
├── Unavailable
│   └── DatabaseUnavailable   no connection, a restart, a timeout: try again
└── LostLeadership            a write of a leader that leads no more
"""

from __future__ import annotations

from typing import ClassVar

from jobs.errors import RayfarmError, Unavailable


class DatabaseUnavailable(Unavailable):
    """The database does not answer."""

    code: ClassVar[str] = "database-unavailable"


class LostLeadership(RayfarmError):
    """Another process leads now, so this write was dropped."""

    code: ClassVar[str] = "lost-leadership"
