"""The leader's repairs: leases that ran out, replicas that fell silent, verdicts whose writer died."""

from __future__ import annotations

import structlog

from db._query import run
from db.dispatch.leadership import hold_epoch
from db.dispatch.tasks import rescue_task
from db.errors import DatabaseUnavailable, LostLeadership
from db.listen import DISPATCH
from db.queue._work import lock_work
from db.queue.give_back import give_back
from db.session import Database
from db.settle import settle
from jobs.limits import FarmLimits
from jobs.states import EndReason, WorkKind

_log = structlog.get_logger(__name__)

_BATCH = 500
"""Leases that one call looks at; a farm that loses more at once needs a second tick."""


async def rescue_expired(db: Database, *, epoch: int, limits: FarmLimits) -> int:
    """Requeue every row whose lease ran out by the database's clock; how many.

    Not in the first lease period after the leader began or the database was away: replicas must have had the chance
    to beat. That wait is the caller's. One row that cannot be rescued does not stop the others.
    """
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        silent = (await run(tx, "silent_replicas", timeout=limits.lease)).scalars().all()
        await run(tx, "unassign_from_gone")
        if silent:
            await run(tx, "notify", channel=DISPATCH, payload="replica")
    for replica_id in silent:
        _log.warning("replica_silent", replica_id=str(replica_id))
    async with db.transaction() as tx:
        expired = (await run(tx, "expired_leases", limit=_BATCH)).all()
    rescued = 0
    for row in expired:
        try:
            rescued += await _rescue(db, row.id, WorkKind(row.kind), epoch, limits)
        except (LostLeadership, DatabaseUnavailable):
            raise
        except Exception:
            _log.exception("rescue_failed", work_id=row.id, job_id=str(row.job_id))
    return rescued


async def _rescue(db: Database, work_id: int, kind: WorkKind, epoch: int, limits: FarmLimits) -> bool:
    """Looked at again under the locks: a beat or a commit may have come between."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
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
                ended += (await settle(tx, job_id=job_id)).is_terminal
        except (LostLeadership, DatabaseUnavailable):
            raise
        except Exception:
            _log.exception("settle_failed", job_id=str(job_id))
    return ended
