"""A replica's leave: why, and until when a frame may still render."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

LAST_ACTS = timedelta(seconds=5)
"""Kept of the time that is left, for killing the engine, committing what is rendered and giving the rest back."""
LAST_ACTS_SHARE = 0.25
"""Of a notice shorter than four times that: what is kept of it."""


class Departure:
    """Announced once or more: the first reason stays, the nearest end counts. Belongs to one event loop."""

    def __init__(self) -> None:
        self.announced = asyncio.Event()
        self.reason = ""
        """For people; empty until it is announced."""
        self._end: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def announce(self, reason: str, within: timedelta | None, out_of_time: Callable[[], None]) -> None:
        """The replica shall leave; ``out_of_time`` is called when what renders must stop for a machine that goes."""
        self.reason = self.reason or reason
        self.announced.set()
        if within is None:
            return
        loop = asyncio.get_running_loop()
        kept = min(LAST_ACTS.total_seconds(), within.total_seconds() * LAST_ACTS_SHARE)
        end = loop.time() + within.total_seconds() - kept
        if self._end is None or end < self._end:
            self.forget()
            self._end = end
            self._timer = loop.call_at(end, out_of_time)

    def forget(self) -> None:
        """No timer stays behind."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
