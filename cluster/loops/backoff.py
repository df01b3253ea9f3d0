"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from datetime import timedelta

_MOST_DOUBLINGS = 20


def pause_before_next(attempts: int, *, first: timedelta, longest: timedelta) -> timedelta:
    """Behind so many attempts, from 1 on: doubled with each and less a fifth at random, so that what failed together
    does not come back together."""
    doubled = first * 2.0 ** min(attempts - 1, _MOST_DOUBLINGS)
    return min(doubled, longest) * random.uniform(0.8, 1.0)  # noqa: S311 - jitter
