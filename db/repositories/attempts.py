"""Every try at a frame."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from db._frames import frame_range
from db.session import Transaction
from db.tables import ATTEMPT, JOB, PROJECT
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


async def read_log(tx: Transaction, *, job_id: UUID, ordinal: int, attempt_id: UUID | None = None) -> str | None:
    """What the engine printed in the newest try at a frame that printed anything, or in this one."""
    query = select(ATTEMPT.c.log).where(
        ATTEMPT.c.job_id == job_id, ATTEMPT.c.ordinal == ordinal, ATTEMPT.c.log.is_not(None)
    )
    if attempt_id is not None:
        query = query.where(ATTEMPT.c.id == attempt_id)
    rows = await tx.execute(query.order_by(ATTEMPT.c.ended_at.desc(), ATTEMPT.c.id).limit(1))
    return rows.scalar_one_or_none()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaAttemptRow:
    job_id: UUID
    job_name: str
    project: str
    """Slug."""
    frame: int
    """Its number in the scene."""
    outcome: EndReason
    message: str | None
    started_at: datetime | None
    ended_at: datetime


async def list_attempts_of_replica(
    tx: Transaction, *, replica_id: UUID, project_id: UUID | None = None, limit: int
) -> list[ReplicaAttemptRow]:
    """Newest first; with a project, only those of its jobs."""
    query = (
        select(
            ATTEMPT.c.job_id,
            ATTEMPT.c.ordinal,
            ATTEMPT.c.outcome,
            ATTEMPT.c.message,
            ATTEMPT.c.started_at,
            ATTEMPT.c.ended_at,
            JOB.c.spec["frames"].astext.label("frames"),
            JOB.c.name,
            PROJECT.c.slug,
        )
        .join(JOB, JOB.c.id == ATTEMPT.c.job_id)
        .join(PROJECT, PROJECT.c.id == JOB.c.project_id)
        .where(ATTEMPT.c.replica_id == replica_id)
    )
    if project_id is not None:
        query = query.where(JOB.c.project_id == project_id)
    rows = await tx.execute(query.order_by(ATTEMPT.c.ended_at.desc(), ATTEMPT.c.id).limit(limit))
    return [
        ReplicaAttemptRow(
            job_id=row.job_id,
            job_name=row.name,
            project=row.slug,
            frame=frame_range(row.frames)[row.ordinal],
            outcome=EndReason(row.outcome),
            message=row.message,
            started_at=row.started_at,
            ended_at=row.ended_at,
        )
        for row in rows.all()
    ]
