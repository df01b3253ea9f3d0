"""Deadlines: a job that is past one ends, whatever it is doing."""

from __future__ import annotations

from uuid import UUID

import structlog

from db._jobs import lock_job
from db._query import run
from db.cancel import fail_job
from db.dispatch.leadership import hold_epoch
from db.errors import DatabaseUnavailable, LostLeadership
from db.session import Database
from jobs.states import EndReason, JobState

_log = structlog.get_logger(__name__)

_LEFT_ALONE = (JobState.FINISHING, JobState.CANCELING)
"""It only makes its outputs, or ends anyway."""


async def expire_jobs(db: Database, *, epoch: int, limit: int) -> int:
    """End up to ``limit`` jobs that are past a deadline by the database's clock, the longest overdue first; how many.

    Frames under way are stopped. A job that cannot be ended is logged, left, and does not take a place of the others.
    """
    ended = 0
    poisoned: list[UUID] = []
    while ended < limit:
        async with db.transaction() as tx:
            await hold_epoch(tx, epoch)
            rows = await run(tx, "past_deadline", limit=limit - ended, but_not=poisoned)
            candidates = rows.scalars().all()
        if not candidates:
            break
        for job_id in candidates:
            try:
                ended += await _expire(db, job_id, epoch)
            except (LostLeadership, DatabaseUnavailable):
                raise
            except Exception:
                _log.exception("expire_failed", job_id=str(job_id))
                poisoned.append(job_id)
    return ended


async def _expire(db: Database, job_id: UUID, epoch: int) -> bool:
    """Looked at again under the lock: it may have started, ended, or been given another deadline."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        job = await lock_job(tx, job_id)
        row = (await run(tx, "deadline_of", job_id=job_id)).one()
        if job.state.is_terminal or job.state in _LEFT_ALONE or not (row.is_late or row.starts_late):
            return False
        done = job.committed + job.reused
        message = (
            f"It was to be finished by {row.finish_before.isoformat()}; {done} of {job.total} frames were there."
            if row.is_late
            else f"It was to start before {row.start_before.isoformat()}, and had not."
        )
        await fail_job(tx, job_id=job_id, reason=EndReason.DEADLINE, message=message)
        return True
