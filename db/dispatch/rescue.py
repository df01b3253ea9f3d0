"""The leader's repairs: leases that ran out, replicas that fell silent, verdicts whose writer died."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog

from db._jobs import lock_job
from db._query import run
from db.cancel import end_cancel, fail_job
from db.dispatch.leadership import hold_epoch
from db.dispatch.tasks import rescue_task
from db.errors import DatabaseUnavailable, LostLeadership, RowsBusy
from db.listen import DISPATCH
from db.queue._work import lock_work
from db.queue.give_back import give_back
from db.session import Database
from db.settle import settle
from jobs.limits import FarmLimits
from jobs.states import EndReason, JobState, WorkKind

_log = structlog.get_logger(__name__)

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

_BATCH = 500
"""Leases that one query looks at."""
_BATCHES = 20
"""Queries of one call: rows that cannot be rescued, however many, hold up only those behind the ten thousandth."""
_GIVE_UP_AFTER = 5
"""Rescues of one row that fail in a row, through no outage, before its job fails instead of waiting for ever."""

Failures = dict[int, int]
"""Work id -> rescues of it that failed in a row. Kept by the caller from call to call; losing it costs only time."""


async def rescue_expired(db: Database, *, epoch: int, limits: FarmLimits, failures: Failures | None = None) -> int:
    """Requeue every row whose lease ran out by the database's clock; how many.

    Not in the first lease period after the leader began or the database was away: replicas must have had the chance
    to beat. That wait is the caller's. One row that cannot be rescued does not stop the others; where it fails again
    and again (``failures`` counts), its job fails and says so.
    """
    await _free_what_none_may_claim(db, epoch, limits)
    failures = {} if failures is None else failures
    rescued = 0
    seen: set[int] = set()
    busy_jobs: set[UUID] = set()
    after, after_id = _BEGINNING, 0
    for _ in range(_BATCHES):
        async with db.transaction() as tx:
            rows = (await run(tx, "expired_leases", after=after, after_id=after_id, limit=_BATCH)).all()
        for row in rows:
            seen.add(row.id)
            if row.job_id not in busy_jobs:
                try:
                    rescued += await _rescue_or_give_up(db, row, epoch, limits, failures)
                except RowsBusy as error:
                    _log.warning("rescue_waits", work_id=row.id, job_id=str(row.job_id), error=str(error))
                    busy_jobs.add(row.job_id)
        if len(rows) < _BATCH:
            break
        after, after_id = rows[-1].leased_until, rows[-1].id
    for work_id in failures.keys() - seen:
        del failures[work_id]
    return rescued


async def _free_what_none_may_claim(db: Database, epoch: int, limits: FarmLimits) -> None:
    """Part with replicas that fell silent, and with what waits at one that gets no work any more."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        silent = (await run(tx, "silent_replicas", timeout=limits.lease)).scalars().all()
        freed = (await run(tx, "unassign_unclaimable")).all()
        if silent or freed:
            await run(tx, "notify", channel=DISPATCH, payload="replica")
    for replica_id in silent:
        _log.warning("replica_silent", replica_id=str(replica_id))


async def _rescue_or_give_up(db: Database, row: Any, epoch: int, limits: FarmLimits, failures: Failures) -> bool:
    try:
        done = await _rescue(db, row.id, WorkKind(row.kind), epoch, limits)
    except (LostLeadership, DatabaseUnavailable):
        raise
    except Exception:
        failures[row.id] = failures.get(row.id, 0) + 1
        _log.exception("rescue_failed", work_id=row.id, job_id=str(row.job_id), times=failures[row.id])
        return failures[row.id] >= _GIVE_UP_AFTER and row.job_id is not None and await _give_up(db, row.job_id, epoch)
    failures.pop(row.id, None)
    return done


async def _give_up(db: Database, job_id: UUID, epoch: int) -> bool:
    """The job can be neither rescued nor finished: an end that says so is better than none."""
    message = "The farm could not recover work that a lost worker held; its log says more. Submit the job again."
    try:
        async with db.transaction() as tx:
            await hold_epoch(tx, epoch)
            await run(tx, "short_lock_wait")
            state = (await lock_job(tx, job_id)).state
            if state.is_terminal:
                return False
            if state is JobState.CANCELING:  # it ends as was asked
                lost = "Canceled; the farm could not recover work that a lost worker held, and its log says more."
                await end_cancel(tx, job_id=job_id, message=lost)
                return True
            await fail_job(tx, job_id=job_id, reason=EndReason.INFRA, message=message)
            return True
    except (LostLeadership, DatabaseUnavailable):
        raise
    except Exception:
        _log.exception("give_up_failed", job_id=str(job_id))
        return False


async def _rescue(db: Database, work_id: int, kind: WorkKind, epoch: int, limits: FarmLimits) -> bool:
    """Looked at again under the locks: a beat or a commit may have come between."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        await run(tx, "short_lock_wait")
        if kind not in (WorkKind.CHUNK, WorkKind.PART):
            return await rescue_task(tx, work_id=work_id, limits=limits)
        work = await lock_work(tx, work_id)
        if work is None or not work.is_leased:
            return False
        if not (await run(tx, "lease_expired", work_id=work_id)).scalar_one():
            return False
        await give_back(tx, work, reason=EndReason.WORKER_LOST, limits=limits)
        await run(tx, "notify", channel=DISPATCH, payload="chunk")
        return True


async def finish_jobs(db: Database, *, epoch: int) -> int:
    """Settle jobs whose last writer could not; how many ended now. Normally there are none: writers settle theirs."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        candidates = (await run(tx, "jobs_to_settle")).scalars().all()
    ended = 0
    for job_id in candidates:
        try:
            async with db.transaction() as tx:
                await hold_epoch(tx, epoch)
                await run(tx, "short_lock_wait")
                ended += (await settle(tx, job_id=job_id)).is_terminal
        except RowsBusy as error:
            _log.warning("settle_waits", job_id=str(job_id), error=str(error))
        except (LostLeadership, DatabaseUnavailable):
            raise
        except Exception:
            _log.exception("settle_failed", job_id=str(job_id))
    return ended
