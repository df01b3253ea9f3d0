"""The leader's sweep over blocked jobs: what the end of another job should have released, and could not."""

from __future__ import annotations

import structlog

from db._jobs import lock_job
from db._query import run
from db.dependencies import follow_dependencies, release_dependents
from db.dispatch.leadership import hold_epoch
from db.errors import DatabaseUnavailable, LostLeadership
from db.session import Database
from jobs.states import JobState

_log = structlog.get_logger(__name__)


async def release_blocked(db: Database, *, epoch: int, limit: int) -> int:
    """Unblock or fail up to ``limit`` blocked jobs whose wait is over; how many. Normally there are none.

    A job that cannot be released is logged and left; it does not keep the others from theirs.
    """
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        candidates = (await run(tx, "jobs_to_release", limit=limit)).scalars().all()
    released = 0
    for job_id in candidates:
        try:
            async with db.transaction() as tx:
                await hold_epoch(tx, epoch)
                if (await lock_job(tx, job_id)).state is not JobState.BLOCKED:
                    continue
                state = await follow_dependencies(tx, job_id=job_id)
                if state is JobState.FAILED:
                    await release_dependents(tx, job_id=job_id)
                released += state is not JobState.BLOCKED
        except (LostLeadership, DatabaseUnavailable):
            raise
        except Exception:
            _log.exception("release_failed", job_id=str(job_id))
    return released
