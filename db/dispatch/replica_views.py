"""The planner's view of replicas: by kind, and one by one those that a plan can use."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from db._query import run
from db.dispatch.job_views import known_uuid
from db.session import Database
from jobs.planning import CrowdView, JobView, PlanSettings, ReplicaView, StagedChunk
from jobs.spec import PriorityClass

_CLASSES = tuple(PriorityClass)
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Wants:
    """What waiting jobs want to know of replicas."""

    digests: frozenset[str]
    """Models: replicas that hold them are told of first."""
    most_urgent: int
    """Rank of the class that staged chunks of lower ones give way to."""
    victims: int
    """Replicas whose staged chunk could have to give way, at most."""
    nodes: bool
    """Whether any has a blocklist, so that the nodes of all replicas count."""

    @classmethod
    def of(cls, jobs: Sequence[JobView], plan: PlanSettings) -> Wants:
        waiting = [job for job in jobs if (job.uncarved or job.loose) and not job.stopped]
        urgent_chunks = sum(job.uncarved + len(job.loose) for job in waiting if job.priority is not _CLASSES[-1])
        return cls(
            digests=frozenset([job.model_digest for job in waiting]),
            most_urgent=min((job.priority.rank for job in waiting), default=len(_CLASSES)),
            victims=min(plan.preemptions_per_tick, urgent_chunks),
            nodes=any(job.blocked_nodes for job in waiting),
        )

    def cover(self, other: Wants) -> bool:
        """Replicas read for these are enough for the others."""
        return (
            other.digests <= self.digests
            and self.most_urgent <= other.most_urgent
            and other.victims <= self.victims
            and other.nodes <= self.nodes
        )


@dataclass(frozen=True, slots=True)
class Replicas:
    """Those that a plan can use, and the number of the others."""

    listed: tuple[ReplicaView, ...]
    crowds: tuple[CrowdView, ...]
    pools: frozenset[str]

    @property
    def total(self) -> int:
        return len(self.listed) + sum(crowd.replicas for crowd in self.crowds)


class ReplicasReader:
    """Replicas that beat within the time-out and take work."""

    def __init__(self, db: Database, cluster_id: str, replica_timeout: timedelta, plan: PlanSettings) -> None:
        self._db = db
        self._cluster_id = cluster_id
        self._replica_timeout = replica_timeout
        self._plan = plan
        self._kinds: dict[int, Any] = {}
        """What was read of each kind when all were."""
        self._listed: tuple[ReplicaView, ...] = ()
        self._had_idle = False
        self._victims = 0
        self.are_all = False
        """Whether all that have room were listed the last time, and changes of these and others are enough now."""

    async def read(self, wants: Wants) -> Replicas:
        rows = await self._run("read_replicas", wants, listed=self._plan.placements_per_tick)
        self._kinds = {row.alike: row for row in rows}
        found = self._found(rows)
        self._had_idle = any(_load(view) == 0 for view in found.listed)
        self._victims = self._victims_of(found)
        roomy = sum(_load(view) <= self._plan.staged_chunks for view in found.listed)
        self.are_all = roomy == sum(row.roomy for row in rows)
        return found

    async def read_some(self, wants: Wants, changed: Iterable[str]) -> Replicas | None:
        """As if all were read, by those that were listed the last time and these; ``wants`` are those of that time.

        None where that is not enough: where a replica is idle, and none was, staged chunks behind any other may move.
        """
        ids = {*changed, *(str(view.id) for view in self._listed)}
        rows = await self._run("read_replicas.some", wants, listed=max(len(ids), 1), ids=list(ids))
        found = self._found(rows)
        if not self._had_idle and any(_load(view) == 0 for view in found.listed):
            return None
        self.are_all = 2 * self._victims_of(found) >= self._victims  # else there may be others by now
        return found

    async def _run(self, name: str, wants: Wants, **parameters: object) -> Sequence[Any]:
        async with self._db.transaction() as tx:
            rows = await run(
                tx,
                name,
                cluster_id=self._cluster_id,
                replica_timeout=self._replica_timeout,
                staged_chunks=self._plan.staged_chunks,
                most_urgent=wants.most_urgent,
                digests=sorted(wants.digests),
                victims=wants.victims,
                **parameters,
            )
            return rows.all()

    def _found(self, rows: Sequence[Any]) -> Replicas:
        listed: list[ReplicaView] = []
        crowds: list[CrowdView] = []
        lines = {row.alike: json.loads(row.replicas) if row.replicas else [] for row in rows}
        kinds = {row.alike: row for row in rows} | self._kinds
        for alike, kind in kinds.items():
            of_kind = lines.get(alike, [])
            listed += [_replica(kind, line) for line in of_kind]
            if kind.total > len(of_kind):
                crowds.append(
                    CrowdView(
                        pool=kind.pool,
                        replicas=kind.total - len(of_kind),
                        nodes=frozenset(kind.nodes or ()),
                        labels=kind.labels,
                        engines=kind.engines,
                        device_class=kind.device_class,
                    )
                )
        self._listed = tuple(sorted(listed, key=lambda replica: replica.id.int))
        return Replicas(self._listed, tuple(crowds), frozenset(kind.pool for kind in kinds.values()))

    def _victims_of(self, found: Replicas) -> int:
        return sum(_load(view) > self._plan.staged_chunks for view in found.listed)


def _load(view: ReplicaView) -> int:
    return view.busy_chunks + len(view.staged)


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
