"""Who tells what: the methods that each part of the farm calls, and a meter that is deaf to all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from db.loops.measure import FarmMeasures
from jobs.states import EndReason


class LoopMeter(Protocol):
    """Hears of every tick of a loop."""

    def observe(self, name: str, *, took_s: float, handled: int, failures: int) -> None:
        """``failures``: ticks of this loop that have failed in a row, this one counted."""
        ...


class DispatchMeter(Protocol):
    """Hears of the dispatcher."""

    def ticked(self, took_s: float) -> None: ...

    def started(self, priority_class: str, waited_s: float) -> None:
        """A job has started for the first time, so long after its submit."""
        ...


class FarmMeter(Protocol):
    """Hears of the farm as a whole."""

    def show(self, measures: FarmMeasures) -> None: ...

    def expired(self, leases: int) -> None: ...


class ReplicaMeter(Protocol):
    """Hears of one replica."""

    def claimed(self, waited_s: float) -> None: ...

    def committed(self, frames: Sequence[tuple[bool, float]]) -> None:
        """Of each: whether it began warm, and the seconds from its start to its picture."""
        ...

    def failed(self, reason: EndReason, *, warm: bool) -> None: ...

    def lost(self) -> None:
        """The chunk that renders is somebody else's."""
        ...


class ApiMeter(Protocol):
    """Hears of the API."""

    def refused(self, code: str) -> None: ...


class Silent:
    """For tests and benches: nobody listens."""

    def observe(self, name: str, *, took_s: float, handled: int, failures: int) -> None: ...
    def ticked(self, took_s: float) -> None: ...
    def started(self, priority_class: str, waited_s: float) -> None: ...
    def show(self, measures: FarmMeasures) -> None: ...
    def expired(self, leases: int) -> None: ...
    def claimed(self, waited_s: float) -> None: ...
    def committed(self, frames: Sequence[tuple[bool, float]]) -> None: ...
    def failed(self, reason: EndReason, *, warm: bool) -> None: ...
    def lost(self) -> None: ...
    def refused(self, code: str) -> None: ...


SILENT = Silent()
