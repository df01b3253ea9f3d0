"""Reads the last minutes of the ledger, over all projects."""

from __future__ import annotations

from decimal import Decimal

from db.billing.prices import currency_of_farm
from db.repositories.pace import count_attempts, read_pace
from db.session import Transaction
from jobs.billing import plain
from serve_app.pace.schemas import Minute, PaceView


async def read(tx: Transaction, *, minutes: int) -> PaceView:
    """Three statements, whatever the size of the farm."""
    rows = await read_pace(tx, minutes=minutes)
    known = sum(row.known for row in rows)
    attempts = await count_attempts(tx, minutes=minutes)
    return PaceView(
        minutes=[Minute(at=row.minute, frames=row.frames, cost=plain(row.cost)) for row in rows],
        frames=sum(row.frames for row in rows),
        warm=sum(row.warm for row in rows) / known if known else None,
        attempts=attempts.attempts,
        failed=attempts.failed,
        cost=plain(sum((row.cost for row in rows), Decimal(0))),
        currency=await currency_of_farm(tx),
    )
