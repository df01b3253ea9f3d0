"""How long to wait before a component that died is started again."""

from __future__ import annotations

from datetime import timedelta


class RestartBackoff:
    """The first restart is immediate; each further one in a row waits twice as long, up to a limit."""

    def __init__(self, *, first: timedelta, longest: timedelta, forgiven_after: timedelta) -> None:
        self._first = first
        self._longest = longest
        self._forgiven_after = forgiven_after
        self._in_a_row = 0
        self._last_at: float | None = None

    def next_wait(self, now: float) -> timedelta:
        """The wait before the restart that is due at `now` (seconds of a monotonic clock)."""
        if self._last_at is not None and now - self._last_at >= self._forgiven_after.total_seconds():
            self._in_a_row = 0
        self._last_at = now
        self._in_a_row += 1
        if self._in_a_row == 1:
            return timedelta(0)
        doublings = min(self._in_a_row - 2, 30)
        return min(self._first * float(1 << doublings), self._longest)
