"""What the farm has done in the last minutes, over all projects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from db._query import run
from db.session import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteRow:
    """One minute of the farm."""

    minute: datetime
    frames: int
    warm: int
    known: int
    """Frames of which is known whether their scene was loaded already."""
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptCounts:
    attempts: int
    failed: int


async def read_pace(tx: Transaction, *, minutes: int) -> list[MinuteRow]:
    """The oldest first, without a gap. The last one still runs."""
    return [MinuteRow(**row) for row in (await run(tx, "read_pace", minutes=minutes)).mappings()]


async def count_attempts(tx: Transaction, *, minutes: int) -> AttemptCounts:
    """Of replicas that are up."""
    return AttemptCounts(**(await run(tx, "count_attempts", minutes=minutes)).mappings().one())
