"""The planner's view of the farm: four statements, whatever its size."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
_QUEUED = str(JobState.QUEUED)
_MAY_RENDER = (_QUEUED, str(JobState.RUNNING))


async def read_snapshot(
    db: Database,
    *,
    cluster_id: str,
    replica_timeout: timedelta,
    settings: PlanSettings | None = None,
    last: Snapshot | None = None,
) -> Snapshot:
    """Replicas whose last beat is younger than ``replica_timeout``, live jobs, what projects have used, known pools.

    ``settings`` bound the jobs per project and say how fast use is forgiven; None: their defaults. With ``last``, the
    snapshot before, jobs and replicas are read at once, on two connections: replicas as the jobs wanted them then,
    and once more where the jobs turn out to want more now. The answer is the same; it only comes sooner.
    """
    plan = settings or PlanSettings()
    replicas = _Replicas(db, cluster_id, replica_timeout, plan)
    if last is None:
        jobs, projects, bounds = await _the_rest(db, cluster_id, plan)
        kinds = await replicas.wanted_by(_wants(jobs, plan))
    else:
        wants = _wants(last.jobs, plan)
        # Where one of them raises, the other ends by itself. A task group would wrap what a statement raises.
        (jobs, projects, bounds), kinds = await asyncio.gather(
            _the_rest(db, cluster_id, plan), replicas.wanted_by(wants)
        )
        if not wants.cover(now := _wants(jobs, plan)):
            kinds = await replicas.wanted_by(now)
    listed, crowds = _replicas(kinds)
    pools = (row.name for row in bounds if row.kind == "pool")
    return Snapshot(
        replicas=listed,
        crowds=crowds,
        jobs=jobs,
        projects=tuple(ProjectView(id=row.id, weight=row.weight, charged_s=row.charged_s) for row in projects),
        licences={row.name: row.capacity for row in bounds if row.kind == "licence"},
        pools=tuple(sorted({*pools, *(kind.pool for kind in kinds)})) or _DEFAULT_POOLS,
    )


@dataclass(frozen=True, slots=True)
class _Wants:
    """What waiting jobs want to know of replicas."""

    digests: frozenset[str]
    """Models: replicas that hold them are told of first."""
    most_urgent: int
    """Rank of the class that staged chunks of lower ones give way to."""
    victims: int
    """Replicas whose staged chunk could have to give way, at most."""

    def cover(self, other: _Wants) -> bool:
        """Replicas read for these are enough for the others."""
        return other.digests <= self.digests and self.most_urgent <= other.most_urgent and other.victims <= self.victims


def _wants(jobs: Sequence[JobView], plan: PlanSettings) -> _Wants:
    waiting = [job for job in jobs if not job.stopped and (job.uncarved or job.loose)]
    urgent_chunks = sum(job.uncarved + len(job.loose) for job in waiting if job.priority is not _CLASSES[-1])
    return _Wants(
        digests=frozenset(job.model_digest for job in waiting),
        most_urgent=min((job.priority.rank for job in waiting), default=len(_CLASSES)),
        victims=min(plan.placements_per_tick, urgent_chunks),
    )


async def _the_rest(
    db: Database, cluster_id: str, plan: PlanSettings
) -> tuple[tuple[JobView, ...], Sequence[Any], Sequence[Any]]:
    """Jobs, projects, and what bounds them."""
    async with db.transaction() as tx:
        rows = (await run(tx, "read_jobs", jobs_per_project=plan.jobs_per_project)).all()
        projects = (await run(tx, "read_projects", half_life=plan.share_half_life)).all()
        bounds = (await run(tx, "read_bounds", cluster_id=cluster_id)).all()
    return _jobs(rows), projects, bounds


@dataclass(frozen=True, slots=True)
class _Replicas:
    """By kind."""

    db: Database
    cluster_id: str
    replica_timeout: timedelta
    plan: PlanSettings

    async def wanted_by(self, wants: _Wants) -> Sequence[Any]:
        async with self.db.transaction() as tx:
            kinds = await run(
                tx,
                "read_replicas",
                cluster_id=self.cluster_id,
                replica_timeout=self.replica_timeout,
                staged_chunks=self.plan.staged_chunks,
                most_urgent=wants.most_urgent,
                digests=sorted(wants.digests),
                listed=self.plan.placements_per_tick,
                victims=wants.victims,
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


def _jobs(rows: Sequence[Any]) -> tuple[JobView, ...]:
    """Unpacked and not asked for by name, which would cost more than all the rest: thousands of rows in each tick."""
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
