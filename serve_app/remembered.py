"""One look for all who ask at about the same time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """A value that may be a little old; who asks while it is looked for waits for that look."""

    def __init__(self, *, age: timedelta) -> None:
        self._age_s = age.total_seconds()
        self._looking = asyncio.Lock()
        self._kept: tuple[Value, float] | None = None

    async def read(self, look: Callable[[], Awaitable[Value]]) -> tuple[Value, float]:
        """The value, and its age in seconds. What ``look`` raises is remembered by nobody."""
        async with self._looking:
            if self._kept is None or time.monotonic() - self._kept[1] > self._age_s:
                self._kept = (await look(), time.monotonic())
            value, since = self._kept
        return value, time.monotonic() - since
