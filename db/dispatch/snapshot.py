"""The planner's view of the farm: a handful of statements, whatever its size."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from db._query import run
from db.dispatch.job_views import JobsReader
from db.dispatch.replica_views import Replicas, ReplicasReader, Wants
from db.session import Database, Transaction
from jobs.planning import JobView, PlanSettings, ProjectView, Snapshot, WaitReason

_DEFAULT_POOLS = ("default",)
_FEW = 100
"""Jobs of which to look for changes costs no more than to read all."""

_Rest = tuple[tuple[JobView, ...], Sequence[Any], Sequence[Any]]
"""Jobs, projects, and what bounds them."""


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

    Of a large farm only what was written since the last time is read anew, and all after ``read_whole_every``.
    """

    def __init__(
        self, db: Database, *, cluster_id: str, replica_timeout: timedelta, settings: PlanSettings | None = None
    ) -> None:
        self._db = db
        self._cluster_id = cluster_id
        self._plan = settings or PlanSettings()
        self._jobs = JobsReader(self._plan)
        self._replicas = ReplicasReader(db, cluster_id, replica_timeout, self._plan)
        self._wanted: Wants | None = None
        self._horizon: str | None = None
        """The oldest transaction that ran at the last snapshot; None: the next one is read whole."""
        self._whole_at = 0.0
        """When all was read last, by the monotonic clock."""

    async def read(self) -> Snapshot:
        """Replicas that beat within the time-out, live jobs, what projects have used, known pools."""
        horizon, self._horizon = self._horizon, None  # what fails halfway is read whole the next time
        wanted, self._wanted = self._wanted, None
        due = time.monotonic() - self._whole_at >= self._plan.read_whole_every.total_seconds()
        if wanted is None or horizon is None or due:
            return await self._read_whole(wanted)
        return await self._read_changes(wanted, horizon) or await self._read_whole(wanted)

    async def _read_whole(self, wanted: Wants | None) -> Snapshot:
        begun = time.monotonic()
        async with self._db.transaction() as tx:
            horizon: str = (await run(tx, "read_horizon")).scalar_one()
        if wanted is None:
            rest = await self._all_jobs()
            replicas = await self._replicas.read(now := Wants.of(rest[0], self._plan))
        else:
            # Where one of them raises, the other ends by itself. A task group would wrap what a statement raises.
            rest, replicas = await asyncio.gather(self._all_jobs(), self._replicas.read(wanted))
            if not wanted.cover(now := Wants.of(rest[0], self._plan)):
                replicas = await self._replicas.read(now)
        self._wanted, self._whole_at = now, begun
        if self._jobs.are_all and self._replicas.are_all and len(rest[0]) + replicas.total >= self._plan.changes_from:
            self._horizon = horizon
        return _snapshot(rest, replicas)

    async def _read_changes(self, wanted: Wants, horizon: str) -> Snapshot | None:
        """None where so much has changed that to read all costs less."""
        async with self._db.transaction() as tx:
            changes = (
                await run(
                    tx,
                    "read_changes",
                    horizon=horizon,
                    whole_every=self._plan.read_whole_every,
                    cluster_id=self._cluster_id,
                )
            ).one()
        if 2 * len(changes.jobs) > self._jobs.count >= _FEW:
            return None
        rest, replicas = await asyncio.gather(
            self._some_jobs(changes.jobs), self._replicas.read_some(wanted, changes.replicas)
        )
        now = Wants.of(rest[0], self._plan)
        if replicas is None or not wanted.cover(now):
            wanted, replicas = now, await self._replicas.read(now)
        self._wanted = wanted
        if self._replicas.are_all:
            self._horizon = changes.horizon
        return _snapshot(rest, replicas)

    async def _all_jobs(self) -> _Rest:
        async with self._db.transaction() as tx:
            return await self._rest(tx, await self._jobs.read(tx))

    async def _some_jobs(self, changed: Sequence[str]) -> _Rest:
        async with self._db.transaction() as tx:
            return await self._rest(tx, await self._jobs.read_some(tx, changed))

    async def _rest(self, tx: Transaction, jobs: tuple[JobView, ...]) -> _Rest:
        projects = (await run(tx, "read_projects", half_life=self._plan.share_half_life)).all()
        bounds = (await run(tx, "read_bounds", cluster_id=self._cluster_id)).all()
        return jobs, projects, bounds


def _project(row: Any) -> ProjectView:
    return ProjectView(
        id=row.id,
        weight=row.weight,
        charged_s=row.charged_s,
        stopped=WaitReason(row.stopped) if row.stopped else None,
        slots=row.slots,
        free_jobs=row.free_jobs,
    )


def _snapshot(rest: _Rest, replicas: Replicas) -> Snapshot:
    jobs, projects, bounds = rest
    pools = (row.name for row in bounds if row.kind == "pool")
    return Snapshot(
        replicas=replicas.listed,
        crowds=replicas.crowds,
        jobs=jobs,
        projects=tuple(_project(row) for row in projects),
        licences={row.name: row.capacity for row in bounds if row.kind == "licence"},
        pools=tuple(sorted({*pools, *replicas.pools})) or _DEFAULT_POOLS,
    )
