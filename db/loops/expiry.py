"""When the outputs of jobs end: given, told of beforehand, and carried out."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from db._jobs import lock_job
from db._query import run
from db.dispatch.leadership import hold_epoch
from db.errors import DatabaseUnavailable, LostLeadership
from db.events import append_event
from db.session import Database
from jobs.events import EventKind

_log = logging.getLogger(__name__)


async def set_expiry(db: Database, *, kept: timedelta, notice: timedelta, limit: int, epoch: int) -> int:
    """Give ended jobs without one an end of their outputs, ``kept`` after their own; how many."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        return int((await run(tx, "set_expiry", kept=kept, notice=notice, limit=limit)).rowcount)


async def tell_expiry(db: Database, *, notice: timedelta, limit: int, epoch: int) -> int:
    """Write ``job.expiring``, once for each end of a job, ``notice`` before it; one that cannot be is logged and left.
    How many."""
    async with db.transaction() as tx:
        due = (await run(tx, "expiring_jobs", notice=notice, limit=limit)).scalars().all()
    told = 0
    for job_id in due:
        try:
            told += await _tell(db, job_id, notice, epoch)
        except (LostLeadership, DatabaseUnavailable):
            raise
        except Exception:
            _log.exception("tell_expiry_failed", extra={"job_id": str(job_id)})
    return told


async def expire_outputs(db: Database, *, limit: int, epoch: int) -> int:
    """End the outputs of up to ``limit`` jobs with ``job.expired``; one that cannot be is logged and left. How many."""
    done = 0
    poisoned: list[UUID] = []
    while done < limit:
        async with db.transaction() as tx:
            due = (await run(tx, "expired_jobs", limit=limit - done, but_not=poisoned)).scalars().all()
        if not due:
            break
        for job_id in due:
            try:
                done += await _expire(db, job_id, epoch)
            except (LostLeadership, DatabaseUnavailable):
                raise
            except Exception:
                _log.exception("expire_outputs_failed", extra={"job_id": str(job_id)})
                poisoned.append(job_id)
    return done


async def _tell(db: Database, job_id: UUID, notice: timedelta, epoch: int) -> bool:
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        await lock_job(tx, job_id)
        expires_at = (await run(tx, "tell_expiry", job_id=job_id, notice=notice)).scalar_one_or_none()
        if expires_at is None:
            return False
        data = {"expires_at": expires_at.isoformat()}
        await append_event(tx, job_id=job_id, kind=EventKind.JOB_EXPIRING, data=data)
        return True


async def _expire(db: Database, job_id: UUID, epoch: int) -> bool:
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        await lock_job(tx, job_id)
        ended = (await run(tx, "expire_outputs", job_id=job_id)).one_or_none()
        if ended is None:
            return False
        data = {"expires_at": ended.expires_at.isoformat(), "files": ended.files, "size_bytes": ended.size_bytes}
        await append_event(tx, job_id=job_id, kind=EventKind.JOB_EXPIRED, data=data)
        return True
