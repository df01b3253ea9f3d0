"""SIGTERM and SIGINT as a wait that ends at once."""

from __future__ import annotations

import os
import select
import signal
from datetime import timedelta
from types import FrameType


class StopSignal:
    """Set by a signal, for good. A pipe and no Event: an Event's lock may be held by the code a signal interrupts."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._is_set = False

    def listen(self) -> None:
        """From now on SIGTERM and SIGINT of this process set it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def is_set(self) -> bool:
        """Whether a stop was asked for."""
        return self._is_set

    def wait(self, limit: timedelta) -> bool:
        """Sleep until it is set, `limit` at most; returns whether it is."""
        if not self._is_set:
            select.select([self._read], [], [], limit.total_seconds())
        return self._is_set

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._is_set = True
        os.write(self._write, b"x")
