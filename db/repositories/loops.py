"""How the loops of the farm do, as an operator sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from db.session import Transaction
from db.tables import LOOP_HEALTH


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopRow:
    name: str
    cluster_id: str
    every_ms: float
    ran_at: datetime
    took_ms: float
    handled: int
    failures: int
    error: str | None
    silent_s: float
    """Seconds since its last tick ended, by the database's clock."""


async def list_loops(tx: Transaction) -> list[LoopRow]:
    """By cluster and name."""
    silent_s = func.extract("epoch", func.now() - LOOP_HEALTH.c.ran_at).label("silent_s")
    rows = await tx.execute(select(LOOP_HEALTH, silent_s).order_by(LOOP_HEALTH.c.cluster_id, LOOP_HEALTH.c.name))
    return [LoopRow(**{**row, "silent_s": float(row["silent_s"])}) for row in rows.mappings()]
