"""Try again while the database or storage does not answer: bounded exponential back-off with jitter."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import structlog

from jobs.errors import Unavailable

_log = structlog.get_logger(__name__)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Patience:
    """Waits out an outage, for ever; what is not an outage is raised at once."""

    first: timedelta
    longest: timedelta

    async def until_available(
        self, action: str, call: Callable[[], Awaitable[_Result]], *, tell: Callable[[str], None] | None = None
    ) -> _Result:
        """Await ``call()``; on ``Unavailable`` or a connection error ``tell`` its words, wait and call again."""
        pause = self.first.total_seconds()
        while True:
            try:
                return await call()
            except (Unavailable, OSError) as error:
                _log.warning("unavailable", action=action, error=str(error), retry_in_s=round(pause, 2))
                if tell is not None:
                    tell(str(error))
            await asyncio.sleep(pause * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret
            pause = min(pause * 2, self.longest.total_seconds())
