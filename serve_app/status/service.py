"""Looks at the farm at most once within ``status_age``, whoever and however many ask."""

from __future__ import annotations

from db.repositories.status import count_queue, count_replicas, read_leaders
from jobs.errors import Unavailable
from jobs.spec import PriorityClass
from serve_app.health.schemas import Check
from serve_app.health.service import check_each
from serve_app.services import ApiServices
from serve_app.status.schemas import FarmState, FarmStatus, LeaderView, QueueView


async def read(services: ApiServices, *, version: str, whole: bool) -> FarmStatus:
    """``whole``: with what only who has a credential is told."""
    seen, age_s = await services.status.read(lambda: _look(services, version))
    told = seen.model_copy(update={"age_s": round(age_s, 3)})
    return told if whole else told.model_copy(update={"leaders": None, "replicas": None, "queue": None})


async def _look(services: ApiServices, version: str) -> FarmStatus:
    checks = await check_each(services)
    status = FarmStatus(status=FarmState.UP, version=version, age_s=0, checks=checks)
    if all(check.ok for check in checks if check.name == "database"):
        status = await _count(services, status)
    if any(check.required and not check.ok for check in status.checks):
        word = FarmState.DOWN
    else:
        word = FarmState.UP if all(check.ok for check in status.checks) else FarmState.DEGRADED
    return status.model_copy(update={"status": word})


async def _count(services: ApiServices, status: FarmStatus) -> FarmStatus:
    try:
        async with services.database.transaction() as tx:
            leaders = await read_leaders(tx)
            replicas = await count_replicas(tx, timeout=services.settings.replica_timeout)
            queue = await count_queue(tx)
    except Unavailable as error:  # it went away meanwhile
        queue_check = Check(name="queue", ok=False, required=False, ms=0, detail=error.code)
        return status.model_copy(update={"checks": [*status.checks, queue_check]})
    names = {each.rank: each.value for each in PriorityClass}
    return status.model_copy(
        update={
            "leaders": [LeaderView(role=row.role, cluster=row.cluster_id, leads=row.leads) for row in leaders],
            "replicas": dict(replicas),
            "queue": [
                QueueView(
                    priority=names.get(row.priority_rank, str(row.priority_rank)),
                    waiting=row.waiting,
                    running=row.running,
                    held=row.held,
                    frames=row.frames,
                    oldest_s=row.oldest_s,
                )
                for row in queue
            ],
        }
    )
