"""The planner's view of the farm, read in one transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from db._query import run
from db.session import Database
from jobs.planning import JobView, LooseChunk, ReplicaView, Snapshot, StagedChunk
from jobs.spec import PriorityClass

_DEFAULT_POOLS = ("default",)


async def read_snapshot(db: Database, *, cluster_id: str, replica_timeout: timedelta) -> Snapshot:
    """Replicas whose last beat is younger than ``replica_timeout``, jobs that are queued or running, known pools."""
    async with db.transaction() as tx:
        replicas = await run(tx, "read_replicas", cluster_id=cluster_id, replica_timeout=replica_timeout)
        jobs = await run(tx, "read_jobs")
        pools = (await run(tx, "read_pools", cluster_id=cluster_id)).scalars().all()
        return Snapshot(
            replicas=tuple(_replica(row) for row in replicas.all()),
            jobs=tuple(_job(row) for row in jobs.all()),
            pools=tuple(pools) or _DEFAULT_POOLS,
        )


def _replica(row: Any) -> ReplicaView:
    return ReplicaView(
        id=row.id,
        pool=row.pool,
        labels=row.labels,
        engines=row.engines,
        device_class=row.device_class,
        residents=frozenset(resident["digest"] for resident in row.residents),
        busy_chunks=row.busy,
        staged=tuple(StagedChunk(work_id=work_id, job_id=UUID(job_id)) for work_id, job_id in row.staged),
        accepts_work=row.accepts_work,
    )


def _job(row: Any) -> JobView:
    return JobView(
        id=row.id,
        project_id=row.project_id,
        pipeline=row.pipeline,
        model_digest=row.model_digest,
        started=row.started,
        priority=list(PriorityClass)[row.priority_rank],
        weight=row.weight,
        created_order=row.created,
        engine_version=row.engine_version,
        device_class=row.device_class,
        labels=row.labels,
        uncarved=row.uncarved,
        split_parts=row.split_parts,
        gated=row.gated,
        loose=tuple(
            LooseChunk(work_id=work_id, frames=frames, avoid=frozenset(UUID(text) for text in avoid))
            for work_id, frames, avoid in row.loose
        ),
        active_chunks=row.active,
        frame_seconds=row.frame_seconds,
    )
