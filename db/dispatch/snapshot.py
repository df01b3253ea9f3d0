"""The planner's view of the farm: a handful of statements, whatever its size."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from db._query import run
from db.session import Database
from db.dispatch.job_views import JobsReader, known_uuid
from jobs.planning import CrowdView, JobView, PlanSettings, ProjectView, ReplicaView, Snapshot, StagedChunk
from jobs.spec import PriorityClass

_DEFAULT_POOLS = ("default",)
_CLASSES = tuple(PriorityClass)
_NOTHING: frozenset[str] = frozenset()



async def read_snapshot(
    db: Database, *, cluster_id: str, replica_timeout: timedelta, settings: PlanSettings | None = None
) -> Snapshot:
    """The first of a ``SnapshotReader``."""
    return await SnapshotReader(db, cluster_id=cluster_id, replica_timeout=replica_timeout, settings=settings).read()


class SnapshotReader:
    """Reads one snapshot after the other; the later ones come sooner.

    ``settings`` bound the jobs per project and say how fast use is forgiven; None: their defaults. From the second time
    on jobs and replicas are read at once, on two connections: replicas as the jobs wanted them the time before, and
    once more where the jobs turn out to want more now.
    """

    def __init__(
        self, db: Database, *, cluster_id: str, replica_timeout: timedelta, settings: PlanSettings | None = None
    ) -> None:
        self._db = db
        self._cluster_id = cluster_id
        self._plan = settings or PlanSettings()
        self._jobs = JobsReader(self._plan)
        self._replicas = _Replicas(db, cluster_id, replica_timeout, self._plan)
        self._wanted: _Wants | None = None

    async def read(self) -> Snapshot:
        """Replicas that beat within the time-out, live jobs, what projects have used, known pools."""
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            jobs, projects, bounds = await self._the_rest()
            kinds = await self._replicas.wanted_by(now := _wants(jobs, self._plan))
        else:
            # Where one of them raises, the other ends by itself. A task group would wrap what a statement raises.
            (jobs, projects, bounds), kinds = await asyncio.gather(self._the_rest(), self._replicas.wanted_by(wanted))
            if not wanted.cover(now := _wants(jobs, self._plan)):
                kinds = await self._replicas.wanted_by(now)
        self._wanted = now
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

    async def _the_rest(self) -> tuple[tuple[JobView, ...], Sequence[Any], Sequence[Any]]:
        """Jobs, projects, and what bounds them."""
        async with self._db.transaction() as tx:
            jobs = await self._jobs.read(tx)
            projects = (await run(tx, "read_projects", half_life=self._plan.share_half_life)).all()
            bounds = (await run(tx, "read_bounds", cluster_id=self._cluster_id)).all()
        return jobs, projects, bounds


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
        victims=min(plan.preemptions_per_tick, urgent_chunks),
    )


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
        known_uuid(id_),
        kind.pool,
        node,
        kind.labels,
        kind.engines,
        kind.device_class,
        frozenset(residents) if residents else _NOTHING,
        busy,
        known_uuid(job) if job else None,
        frames,
        tuple(
            StagedChunk(work_id, known_uuid(job_id), staged_s)
            for work_id, job_id in sorted(zip(staged_ids, staged_jobs, strict=True))
        )
        if staged_ids
        else (),
    )
