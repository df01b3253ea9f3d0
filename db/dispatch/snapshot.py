"""The planner's view of the farm, read in one transaction: four statements, whatever the size of the farm."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

from db._query import run
from db.session import Database
from jobs.planning import CrowdView, JobView, LooseChunk, PlanSettings, ProjectView, ReplicaView, Snapshot, StagedChunk
from jobs.spec import PriorityClass
from jobs.states import JobState

_DEFAULT_POOLS = ("default",)
_CLASSES = tuple(PriorityClass)
_NONE: Mapping[str, Any] = {}
_NOTHING: frozenset[str] = frozenset()


async def read_snapshot(
    db: Database, *, cluster_id: str, replica_timeout: timedelta, settings: PlanSettings | None = None
) -> Snapshot:
    """Replicas whose last beat is younger than ``replica_timeout``, live jobs, what projects have used, known pools.

    ``settings`` bound the jobs per project and say how fast use is forgiven; None: their defaults.
    """
    plan = settings or PlanSettings()
    async with db.transaction() as tx:
        job_rows = (await run(tx, "read_jobs", jobs_per_project=plan.jobs_per_project)).all()
        read = cache(json.loads)  # one object for each different text
        jobs = tuple(_job(row, read) for row in job_rows)
        waiting = [job for job in jobs if not job.stopped and (job.uncarved or job.loose)]
        kinds = await run(
            tx,
            "read_replicas",
            cluster_id=cluster_id,
            replica_timeout=replica_timeout,
            staged_chunks=plan.staged_chunks,
            most_urgent=min((job.priority.rank for job in waiting), default=len(_CLASSES)),
            digests=sorted({job.model_digest for job in waiting}),
            listed=plan.placements_per_tick,
            victims=min(plan.placements_per_tick, _urgent_chunks(waiting)),
        )
        replicas, crowds = _replicas(kinds.all())
        projects = (await run(tx, "read_projects", half_life=plan.share_half_life)).all()
        licences = (await run(tx, "read_licences")).all()
        pools = (await run(tx, "read_pools", cluster_id=cluster_id)).scalars().all()
    return Snapshot(
        replicas=replicas,
        crowds=crowds,
        jobs=jobs,
        projects=tuple(ProjectView(id=row.id, weight=row.weight, charged_s=row.charged_s) for row in projects),
        licences={row.name: row.capacity for row in licences},
        pools=tuple(pools) or _DEFAULT_POOLS,
    )


def _urgent_chunks(waiting: Sequence[JobView]) -> int:
    """Chunks that could push in before work of a lower class, at most."""
    lowest = len(_CLASSES) - 1
    return sum(job.uncarved + len(job.loose) for job in waiting if job.priority.rank < lowest)


def _replicas(kinds: Sequence[Any]) -> tuple[tuple[ReplicaView, ...], tuple[CrowdView, ...]]:
    """Those that a plan can use, and the number of the others."""
    replicas: list[ReplicaView] = []
    crowds: list[CrowdView] = []
    for kind in kinds:
        listed = json.loads(kind.replicas) if kind.replicas else []
        replicas += [_replica(kind, line) for line in listed]
        if kind.total > len(listed):
            crowds.append(
                CrowdView(
                    pool=kind.pool,
                    replicas=kind.total - len(listed),
                    nodes=frozenset(kind.nodes or ()),
                    labels=kind.labels,
                    engines=kind.engines,
                    device_class=kind.device_class,
                )
            )
    return tuple(sorted(replicas, key=lambda replica: replica.id.int)), tuple(crowds)


def _replica(kind: Any, line: Sequence[Any]) -> ReplicaView:
    id_, node, residents, busy, frames, job, staged_ids, staged_jobs, staged_s = line
    return ReplicaView(
        id=UUID(id_),
        pool=kind.pool,
        node=node,
        labels=kind.labels,
        engines=kind.engines,
        device_class=kind.device_class,
        residents=frozenset(residents) if residents else _NOTHING,
        busy_chunks=busy,
        busy_job=UUID(job) if job else None,
        busy_frames=frames,
        staged=tuple(
            StagedChunk(work_id=work_id, job_id=UUID(job_id), waited_s=staged_s)
            for work_id, job_id in sorted(zip(staged_ids, staged_jobs, strict=True))
        )
        if staged_ids
        else (),
    )


def _job(row: Any, read: Callable[[str], Any]) -> JobView:
    return JobView(
        id=row.id,
        project_id=row.project_id,
        pipeline=row.pipeline,
        model_digest=row.model_digest,
        started=row.state != JobState.QUEUED,
        stopped=row.state not in (JobState.QUEUED, JobState.RUNNING),
        priority=_CLASSES[row.priority_rank],
        weight=row.weight,
        created_order=row.created,
        engine_version=row.engine_version,
        device_class=row.device_class,
        labels=read(row.labels) if row.labels else _NONE,
        licences=read(row.licences) if row.licences else _NONE,
        max_replicas=row.max_replicas,
        blocked_nodes=frozenset(row.blocked_nodes) if row.blocked_nodes else _NOTHING,
        uncarved=row.uncarved,
        split_parts=row.split_parts,
        gated=row.gated,
        loose=tuple(
            LooseChunk(work_id=work_id, frames=frames, avoid=frozenset(UUID(text) for text in avoid))
            for work_id, frames, avoid in sorted(row.loose or ())
        ),
        active_chunks=row.active or 0,
        active_frames=row.active_frames or 0,
        frame_seconds=row.frame_seconds,
        waited_s=row.waited_s,
        finish_in_s=row.finish_in_s,
    )
