"""The planner's view of the farm, read in one transaction: four statements, whatever the size of the farm."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

from db._query import run
from db.session import Database, Transaction
from jobs.planning import CrowdView, JobView, LooseChunk, PlanSettings, ProjectView, ReplicaView, Snapshot, StagedChunk
from jobs.spec import PriorityClass
from jobs.states import JobState

_DEFAULT_POOLS = ("default",)
_CLASSES = tuple(PriorityClass)
_NONE: Mapping[str, Any] = {}
_NOTHING: frozenset[str] = frozenset()
_QUEUED = str(JobState.QUEUED)
_MAY_RENDER = (_QUEUED, str(JobState.RUNNING))


async def read_snapshot(
    db: Database, *, cluster_id: str, replica_timeout: timedelta, settings: PlanSettings | None = None
) -> Snapshot:
    """Replicas whose last beat is younger than ``replica_timeout``, live jobs, what projects have used, known pools.

    ``settings`` bound the jobs per project and say how fast use is forgiven; None: their defaults.
    """
    plan = settings or PlanSettings()
    async with db.transaction() as tx:
        rows = (await run(tx, "read_jobs", jobs_per_project=plan.jobs_per_project)).all()
        # Views are made while the database looks for replicas. No task group: it would wrap what a statement raises.
        kinds, jobs = await asyncio.gather(_kinds(tx, rows, cluster_id, replica_timeout, plan), _jobs(rows))
        replicas, crowds = _replicas(kinds)
        projects = (await run(tx, "read_projects", half_life=plan.share_half_life)).all()
        bounds = (await run(tx, "read_bounds", cluster_id=cluster_id)).all()
    pools = (row.name for row in bounds if row.kind == "pool")
    return Snapshot(
        replicas=replicas,
        crowds=crowds,
        jobs=jobs,
        projects=tuple(ProjectView(id=row.id, weight=row.weight, charged_s=row.charged_s) for row in projects),
        licences={row.name: row.capacity for row in bounds if row.kind == "licence"},
        pools=tuple(sorted({*pools, *(kind.pool for kind in kinds)})) or _DEFAULT_POOLS,
    )


async def _kinds(
    tx: Transaction, jobs: Sequence[Any], cluster_id: str, replica_timeout: timedelta, plan: PlanSettings
) -> Sequence[Any]:
    """Replicas by kind, as the jobs that wait want them read."""
    waiting = [
        (rank, digest, uncarved + len(loose or ()))
        for _, _, _, digest, state, rank, *_, uncarved, _, _, loose, _, _, _, _, _ in jobs
        if state in _MAY_RENDER and (uncarved or loose)
    ]
    lowest = len(_CLASSES) - 1
    # chunks that could push in before work of a lower class, at most
    urgent_chunks = sum(chunks for rank, _, chunks in waiting if rank < lowest)
    kinds = await run(
        tx,
        "read_replicas",
        cluster_id=cluster_id,
        replica_timeout=replica_timeout,
        staged_chunks=plan.staged_chunks,
        most_urgent=min((rank for rank, _, _ in waiting), default=len(_CLASSES)),
        digests=sorted({digest for _, digest, _ in waiting}),
        listed=plan.placements_per_tick,
        victims=min(plan.placements_per_tick, urgent_chunks),
    )
    return kinds.all()


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


async def _jobs(rows: Sequence[Any]) -> tuple[JobView, ...]:
    """Unpacked and not asked for by name, which would cost more than all the rest: thousands of rows in each tick."""
    await asyncio.sleep(0)  # the statement that goes on meanwhile is sent first
    read = cache(json.loads)  # one object for each different text
    return tuple(
        JobView(
            id=id_,
            project_id=project_id,
            pipeline=pipeline,
            model_digest=model_digest,
            started=state != _QUEUED,
            stopped=state not in _MAY_RENDER,
            priority=_CLASSES[priority_rank],
            weight=weight,
            created_order=created,
            engine_version=engine_version,
            device_class=device_class,
            labels=read(labels) if labels else _NONE,
            licences=read(licences) if licences else _NONE,
            max_replicas=max_replicas,
            blocked_nodes=frozenset(blocked_nodes) if blocked_nodes else _NOTHING,
            uncarved=uncarved,
            split_parts=split_parts,
            gated=gated,
            loose=_loose(loose) if loose else (),
            active_chunks=active,
            active_frames=active_frames,
            frame_seconds=frame_seconds,
            waited_s=waited_s,
            finish_in_s=finish_in_s,
        )
        for (
            id_,
            project_id,
            pipeline,
            model_digest,
            state,
            priority_rank,
            weight,
            created,
            engine_version,
            device_class,
            labels,
            licences,
            max_replicas,
            blocked_nodes,
            uncarved,
            split_parts,
            gated,
            loose,
            active,
            active_frames,
            frame_seconds,
            waited_s,
            finish_in_s,
        ) in rows
    )


def _loose(chunks: Sequence[Any]) -> tuple[LooseChunk, ...]:
    return tuple(
        LooseChunk(work_id=work_id, frames=frames, avoid=frozenset(UUID(text) for text in avoid))
        for work_id, frames, avoid in sorted(chunks)
    )
