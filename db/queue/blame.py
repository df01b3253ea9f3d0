"""Where attempts fail: counted on the replica, and on (job, machine), which is blocked for the job after too many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from db._jobs import lock_job
from db._query import run
from db.events import append_event
from db.listen import DISPATCH
from db.queue._work import LockedWork
from db.session import Transaction
from jobs.events import EventKind
from jobs.fitting import renders
from jobs.limits import FarmLimits
from jobs.planning import CrowdView
from jobs.states import EndReason, Fault

_BLAMED = (Fault.TASK, Fault.WORKER)
"""Faults that a broken machine may cause; a lack of memory has its own cure, and an interruption is nobody's fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRow:
    """What one machine has cost a job."""

    node: str
    pipeline: str
    failures: int
    blocked_at: datetime | None
    """When the job's work stopped going there; None: it still does."""


async def count_failure(tx: Transaction, work: LockedWork, *, reason: EndReason, limits: FarmLimits) -> None:
    """The attempt failed on the replica that holds ``work``. Needs both locks; the replica's row is locked behind them.

    Three failures (a setting) of one job on one machine block it there, unless no other machine could go on.
    """
    facts = reason.facts
    if facts.fault in (Fault.NONE, Fault.INTERRUPTION):
        return
    done = await run(
        tx,
        "count_failure",
        job_id=work.job.id,
        replica_id=work.replica_id,
        blames_node=facts.fault in _BLAMED and facts.retryable,
        ceiling=limits.failures_before_block,
    )
    row = done.one_or_none()
    if row is None or not row.due:
        return
    if not await _another_can_render(tx, job_id=work.job.id, failed=row):
        return
    await run(tx, "block_node", job_id=work.job.id, node=row.node, pipeline=row.pipeline)
    await append_event(
        tx,
        job_id=work.job.id,
        kind=EventKind.NODE_BLOCKED,
        data={"node": row.node, "pipeline": row.pipeline, "failures": row.failures, "reason": reason},
    )


async def _another_can_render(tx: Transaction, *, job_id: UUID, failed: Any) -> bool:
    """Whether a machine that is not blocked is left beside the one that failed, by the rules of the planner."""
    found = await run(
        tx, "other_machines", job_id=job_id, cluster_id=failed.cluster_id, node=failed.node, pipeline=failed.pipeline
    )
    return any(
        renders(
            pipeline=failed.pipeline,
            engine_version=kind.wanted_version,
            device_class=kind.wanted_device,
            labels=kind.wanted_labels or {},
            on=CrowdView(
                pool=kind.pool, replicas=1, labels=kind.labels, engines=kind.engines, device_class=kind.device_class
            ),
        )
        for kind in found
    )


async def list_blocks(tx: Transaction, *, job_id: UUID) -> list[BlockRow]:
    """Machines on which the job has failed, by name."""
    return [BlockRow(**row) for row in (await run(tx, "blocked_nodes", job_id=job_id)).mappings()]


async def reset_block(tx: Transaction, *, job_id: UUID, node: str) -> bool:
    """Forget what the machine has cost the job, so that it gets work of it again. False: there was nothing."""
    await lock_job(tx, job_id)
    rows = (await run(tx, "unblock_node", job_id=job_id, node=node)).all()
    if any(row.blocked_at is not None for row in rows):
        await append_event(tx, job_id=job_id, kind=EventKind.NODE_UNBLOCKED, data={"node": node})
        await run(tx, "notify", channel=DISPATCH, payload="job")
    return bool(rows)
