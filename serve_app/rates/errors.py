"""Why a request is refused for its number."""

from __future__ import annotations

from jobs.errors import RayfarmError


class RateLimited(RayfarmError):
    """Too many requests of this kind in too short a time."""

    code = "rate-limited"
