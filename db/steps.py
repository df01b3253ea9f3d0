"""Steps that a person asks for behind a job's frames. A row of the queue like a film, on which no verdict waits.

A terminal job stays as it is: such a step adds files to it and changes no state, as a late preview does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from db._jobs import lock_job
from db._query import as_json, run
from db.billing.quotas import require_storage_in_quotas
from db.billing.stops import require_money
from db.listen import DISPATCH
from db.session import Transaction
from jobs.errors import Conflict
from jobs.states import JobState, WorkState

MAX_LIVE_STEPS = 20
"""Steps of one job that wait or run at once: each may cost minutes of a core."""
_NOTHING_COMES_AFTER = (JobState.CANCELING, JobState.CANCELED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    id: int
    state: WorkState
    request: dict[str, Any]
    result: dict[str, Any] | None
    """What was made, once it is."""
    error: str | None
    """Of one that failed: why; of one that waits: what it met before."""
    created_at: datetime
    updated_at: datetime


async def add_step(
    tx: Transaction,
    *,
    job_id: UUID,
    request: Mapping[str, Any],
    ordinals: Sequence[int],
    traceparent: str | None = None,
) -> StepRow:
    """Queue a step.

    Raises ``Conflict`` for a canceled job, where ``MAX_LIVE_STEPS`` wait or run already, and for a project whose money
    is spent; ``OverQuota`` where it stores more than it may.
    """
    job = await lock_job(tx, job_id)
    if job.state in _NOTHING_COMES_AFTER:
        raise Conflict(
            f"The job is {job.state}; nothing is made of it any more.",
            remedy="Retry the job, or clone it: what it has rendered is reused.",
            state=str(job.state),
        )
    await require_money(tx, project_id=job.project_id)
    await require_storage_in_quotas(tx, project_id=job.project_id, more_bytes=0)
    live = (await run(tx, "live_steps", job_id=job_id)).scalar_one()
    if live >= MAX_LIVE_STEPS:
        raise Conflict(f"{live} steps of this job wait or run already.", remedy="Ask again when one has ended.")
    made = await run(
        tx,
        "insert_step",
        job_id=job_id,
        generation=job.generation,
        ordinals=list(ordinals),
        priority_rank=job.priority_rank,
        data=as_json({"request": dict(request)}),
        traceparent=traceparent,
    )
    step_id = made.scalar_one()
    await run(tx, "notify", channel=DISPATCH, payload="post")
    [row] = await list_steps(tx, job_id=job_id, step_id=step_id)
    return row


async def list_steps(tx: Transaction, *, job_id: UUID, step_id: int | None = None, limit: int = 1) -> list[StepRow]:
    """Newest first; with ``step_id`` only that one."""
    rows = (await run(tx, "steps_of_job", job_id=job_id, id=step_id, limit=limit)).all()
    return [
        StepRow(
            id=row.id,
            state=WorkState(row.state),
            request=row.data["request"],
            result=row.data.get("result"),
            error=row.error,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
        for row in rows
    ]


async def without_picture(tx: Transaction, *, job_id: UUID, ordinals: Sequence[int]) -> list[int]:
    """Those of the frames that have no file yet, or will never have one."""
    done = await run(tx, "without_picture", job_id=job_id, ordinals=list(ordinals))
    return list(done.scalars().all())
