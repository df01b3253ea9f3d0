"""Why a login is refused before it is looked at."""

from __future__ import annotations

from jobs.errors import RayfarmError


class TooManyLogins(RayfarmError):
    """Too many logins under this address have failed."""

    code = "too-many-logins"
