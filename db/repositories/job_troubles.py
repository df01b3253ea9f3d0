"""Jobs that want an operator's eye, over all projects: those that wait, and those that fail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from db._query import run
from db.session import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubledJobRow:
    id: UUID
    name: str
    project: str
    priority_rank: int
    state: str
    reason: str | None
    """What it waits for, as the last plan left it."""
    created_at: datetime
    total: int
    failed: int
    frames: int
    """Without an outcome."""


async def list_waiting_jobs(tx: Transaction, *, reason: str | None = None, limit: int) -> list[TroubledJobRow]:
    """The most urgent first, then the oldest."""
    rows = await run(tx, "waiting_jobs", reason=reason, limit=limit)
    return [TroubledJobRow(**row) for row in rows.mappings()]


async def list_failing_jobs(tx: Transaction, *, ended_within: timedelta, limit: int) -> list[TroubledJobRow]:
    """With the most failed frames first; of jobs that have ended only those that did so lately."""
    rows = await run(tx, "failing_jobs", ended_within=ended_within, limit=limit)
    return [TroubledJobRow(**row) for row in rows.mappings()]
