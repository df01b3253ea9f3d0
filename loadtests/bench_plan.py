"""What a tick of the planner costs on a farm of thousands, from a real PostgreSQL of that size (in ``make simulate``).

Three parts, each measured by itself: reading the snapshot, the planning function, writing the plan down. Between two
ticks some chunks end, as on a farm at work. Then the same farm is filled from idle, and replicas claim what they got.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import median
from uuid import UUID, uuid4

from sqlalchemy import text

from db.dispatch import SnapshotReader, apply_plan, lead
from db.queue import claim_chunk, start_chunk
from db.session import Database
from jobs.plan import make_plan
from jobs.planning import Plan, PlanSettings
from loadtests.plan_world import CLUSTER, World, build

TICKS = 81
ENDED_BETWEEN_TICKS = 40
"""Chunks that end between two ticks: of 8,000 replicas with frames of a minute, in a third of a second."""
CLAIMS = 400
CLAIMERS = 8
"""Connections that claim at a time; a database with two cores is no faster with more."""
_UNDISTURBED = 4
"""One tick in so many is judged: those beside which the yardstick was at its best, as a machine whose cores others
share does the same work in twice the time while they are busy. Enough of them that no lucky tick decides."""
_LEASE = timedelta(hours=1)
_TTL = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class TickMs:
    """One tick in milliseconds."""

    snapshot: float
    plan: float
    apply: float
    placements: int
    yardstick: float
    """What the same piece of pure Python took right before or right after it, whichever was slower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOutCost:
    """What handing out costs on this machine, in seconds."""

    snapshot_s: float
    """Of a farm that is being filled."""
    apply_s: float
    """Of a plan without placements."""
    placement_s: float
    """Of each placement beside that."""
    claim_s: float
    """Of one replica's claim and start, where several do so at once."""

    def of_tick(self, plan_s: float, *, placements: int, claims: int) -> float:
        """One database does all of it, one thing after the other."""
        return self.snapshot_s + plan_s + self.apply_s + placements * self.placement_s + claims * self.claim_s


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFigures:
    """One farm."""

    world: World
    steady: list[TickMs]
    fill: list[TickMs]
    cost: HandOutCost

    @property
    def undisturbed(self) -> list[TickMs]:
        """The quarter of the ticks of a farm at work beside which the yardstick was at its best."""
        calm = sorted(self.steady, key=lambda tick: tick.yardstick)
        return calm[: math.ceil(len(calm) / _UNDISTURBED)]

    @property
    def tick_ms(self) -> float:
        """Snapshot and plan, median over the undisturbed ticks of a farm at work."""
        return median(tick.snapshot + tick.plan for tick in self.undisturbed)


async def measure(db: Database, world: World, settings: PlanSettings) -> PlanFigures:
    """Ticks of the full farm, then of the farm as it fills."""
    await build(db, world)
    epoch = await _lead(db)
    steady, snapshots = [], _reader(db, settings)
    for _ in range(TICKS):
        await _end_some(db, ENDED_BETWEEN_TICKS)
        steady.append(await tick(db, settings, epoch, snapshots))
    await build(db, replace(world, full=False))
    epoch = await _lead(db)
    nothing = [await _seconds_of_apply(db, Plan(), epoch) for _ in range(5)]
    fill: list[TickMs] = []
    snapshots = _reader(db, settings)
    while True:
        done = await tick(db, settings, epoch, snapshots)
        if not done.placements:
            break
        fill.append(done)
    full = [each for each in fill if each.placements == settings.placements_per_tick] or fill
    apply_s = min(nothing)
    cost = HandOutCost(
        snapshot_s=median(each.snapshot for each in fill) / 1000,
        apply_s=apply_s,
        placement_s=max(median((each.apply / 1000 - apply_s) / each.placements for each in full), 0.0),
        claim_s=await _seconds_per_claim(db),
    )
    return PlanFigures(world=world, steady=steady[1:], fill=fill, cost=cost)


def _reader(db: Database, settings: PlanSettings) -> SnapshotReader:
    return SnapshotReader(db, cluster_id=CLUSTER, replica_timeout=_LEASE, settings=settings)


async def tick(db: Database, settings: PlanSettings, epoch: int, snapshots: SnapshotReader) -> TickMs:
    """What the dispatcher does, taken apart."""
    before = _yardstick()
    begun = time.perf_counter()
    snapshot = await snapshots.read()
    read = time.perf_counter()
    plan = make_plan(snapshot, settings)
    planned = time.perf_counter()
    await apply_plan(db, cluster_id=CLUSTER, plan=plan, epoch=epoch)
    applied = time.perf_counter()
    return TickMs(
        snapshot=(read - begun) * 1000,
        plan=(planned - read) * 1000,
        apply=(applied - planned) * 1000,
        placements=len(plan.placements),
        yardstick=max(before, _yardstick()),
    )


def _yardstick() -> float:
    """The same piece of work each time; milliseconds."""
    begun = time.perf_counter()
    sum(number * number for number in range(40_000))
    return (time.perf_counter() - begun) * 1000


async def _lead(db: Database) -> int:
    epoch = await lead(db, role="dispatcher", cluster_id=CLUSTER, holder=uuid4(), ttl=_TTL)
    assert epoch is not None
    return epoch


async def _seconds_of_apply(db: Database, plan: Plan, epoch: int) -> float:
    begun = time.perf_counter()
    await apply_plan(db, cluster_id=CLUSTER, plan=plan, epoch=epoch)
    return time.perf_counter() - begun


async def _end_some(db: Database, count: int) -> None:
    """Chunks end; the one staged behind each starts."""
    async with db.transaction() as tx:
        await tx.execute(text(_END), {"count": count})
        await tx.execute(text(_BEGIN))


_END = """
with ended as (
    update work set state = 'done', leased_until = null
    where id in (select id from work where state = 'rendering' order by id limit :count)
    returning job_id
)
update job set committed = committed + n, render_count = render_count + n, render_ms_sum = render_ms_sum + n * 60000
from (select job_id, count(*)::integer as n from ended group by job_id) as frames
where job.id = frames.job_id and committed + n < total
"""
_BEGIN = """
update work set state = 'rendering', replica_id = assigned_to, assigned_to = null, fence = fence + 1,
                leased_until = now() + interval '1 hour', updated_at = now()
where id in (
    select min(id) from work as staged
    where state = 'queued' and assigned_to is not null and not exists (
        select from work as busy where busy.replica_id = staged.assigned_to and busy.state = 'rendering'
    )
    group by assigned_to
)
"""


async def _seconds_per_claim(db: Database) -> float:
    """Claim and start, as replicas do it, by several connections at a time."""
    async with db.transaction() as tx:
        rows = await tx.execute(
            text("select distinct assigned_to from work where assigned_to is not null limit :count"), {"count": CLAIMS}
        )
        waiting: list[UUID] = list(rows.scalars().all())
    begun = time.perf_counter()
    replicas = iter(waiting)

    async def claimer() -> None:
        for replica_id in replicas:
            chunk = await claim_chunk(db, replica_id=replica_id, cluster_id=CLUSTER, lease=_LEASE)
            assert chunk is not None
            assert await start_chunk(db, work_id=chunk.work_id, fence=chunk.fence, warm=False)

    async with asyncio.TaskGroup() as group:
        for _ in range(CLAIMERS):
            group.create_task(claimer())
    return (time.perf_counter() - begun) / max(len(waiting), 1)
