"""What can go wrong between the farm and its database.

RayfarmError
├── Unavailable
│   └── DatabaseUnavailable   no connection, a restart, a timeout: try again
│       └── RowsBusy          it answers, but somebody holds these rows: others may be had
└── LostLeadership            a write of a leader that leads no more
"""

from __future__ import annotations

from typing import ClassVar

from jobs.errors import RayfarmError, Unavailable


class DatabaseUnavailable(Unavailable):
    """The database does not answer."""

    code: ClassVar[str] = "database-unavailable"


class RowsBusy(DatabaseUnavailable):
    """Other work holds the rows that this needs."""

    code: ClassVar[str] = "rows-busy"


class LostLeadership(RayfarmError):
    """Another process leads now, so this write was dropped."""

    code: ClassVar[str] = "lost-leadership"
