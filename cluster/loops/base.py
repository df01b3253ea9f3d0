"""The contract of a loop."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol, runtime_checkable


class Loop(Protocol):
    """Ticked by whoever leads, one tick at a time; keeps no truth in memory, so that the next leader goes on."""

    @property
    def name(self) -> str:
        """Of its row in ``loop_health``, and in metrics."""
        ...

    @property
    def every(self) -> timedelta:
        """Pause between two ticks."""
        ...

    async def tick(self, epoch: int) -> int:
        """One bounded pass; returns how many rows it handled. Every write carries ``epoch``.

        A row that cannot be handled is logged and left for the next pass; it never keeps the others from theirs.
        Raises ``LostLeadership`` when another leads, ``Unavailable`` during an outage. It may be cancelled anywhere.
        """
        ...


@runtime_checkable
class Patient(Protocol):
    """A loop that judges others by their silence: those must first have had the chance to be heard."""

    @property
    def grace(self) -> timedelta:
        """It is not ticked until this process has led, and the database has answered, for so long without a break."""
        ...


@runtime_checkable
class Showing(Protocol):
    """A loop that shows something which stays shown until it is taken back."""

    def hush(self) -> None:
        """Take it back: this process does not lead, so nobody renews it. It may be ticked again afterwards."""
        ...


@runtime_checkable
class Closing(Protocol):
    """A loop whose ticks leave tasks behind; the runner ends them when it ends."""

    async def close(self) -> None:
        """Cancel them and wait for their end; it may be ticked again afterwards."""
        ...
