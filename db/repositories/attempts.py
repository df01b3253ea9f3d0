"""Every try at a frame."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from db.session import Transaction
from db.tables import ATTEMPT
from jobs.states import EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    id: UUID
    job_id: UUID
    ordinal: int
    generation: int
    work_id: int
    fence: int
    replica_id: UUID | None
    started_at: datetime | None
    ended_at: datetime
    outcome: EndReason
    message: str | None
    timings: dict[str, Any]
    metrics: dict[str, Any]
    log: str | None


async def list_attempts(tx: Transaction, *, job_id: UUID, ordinal: int | None = None, limit: int) -> list[AttemptRow]:
    """Newest first: of one frame, or of the whole job."""
    query = select(ATTEMPT).where(ATTEMPT.c.job_id == job_id)
    if ordinal is not None:
        query = query.where(ATTEMPT.c.ordinal == ordinal)
    rows = await tx.execute(query.order_by(ATTEMPT.c.ended_at.desc(), ATTEMPT.c.id).limit(limit))
    return [AttemptRow(**{**row, "outcome": EndReason(row["outcome"])}) for row in rows.mappings()]
