"""The port through which usage is told to a billing service outside the farm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReading:
    """What one customer used."""

    identifier: str
    """The service counts the same identifier once."""
    attempt: int
    """From 1 on."""
    customer: str
    meter: str
    value: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """It is there."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It is certainly not there by this attempt."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """It may be there."""

    reason: str


Outcome = Taken | Refused | Unclear


class UsageSink(Protocol):
    """Tells one reading. Errors of the service and of the way to it are outcomes."""

    async def tell(self, reading: MeterReading) -> Outcome: ...
