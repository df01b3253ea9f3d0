"""Charges: what projects are held to have used, and what the planner's snapshot makes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from cluster.loops.base import Loop
from cluster.loops.meter import Meter
from db.bootstrap import ensure_project
from db.dispatch import LostLeadership, charge_projects, lead, read_snapshot, reuse_frames
from db.queue import commit_frames
from jobs.planning import PlanSettings
from tests.db.builders import CLUSTER, LEASE, Farm, add_model, commit_of

SETTINGS = PlanSettings()
HALF_LIFE = SETTINGS.share_half_life


async def rendered(farm: Farm, frames: int, ms: float) -> None:
    """A job of the farm's project commits ``frames`` frames of ``ms`` each."""
    replica = await farm.replica()
    chunk = await farm.rendering(await farm.start(reuse=False), replica, frames=frames)
    await commit_frames(
        farm.db,
        work_id=chunk.work_id,
        fence=chunk.fence,
        replica_id=replica,
        frames=[commit_of(chunk, ordinal, timings_ms={"render": ms}) for ordinal in chunk.ordinals],
    )


async def charged(farm: Farm) -> float:
    row = await farm.one("select charged_s from project where id = :id", id=farm.project_id)
    return float(row.charged_s)


async def in_snapshot(farm: Farm) -> float:
    snapshot = await read_snapshot(farm.db, cluster_id=CLUSTER, replica_timeout=LEASE)
    return sum(project.charged_s for project in snapshot.projects if project.id == farm.project_id)


async def test_what_was_rendered_is_charged_once(farm: Farm) -> None:
    await rendered(farm, 2, 3000.0)
    meter: Loop = Meter(database=farm.db, plan_settings=SETTINGS)
    assert await meter.tick(await farm.lead()) == 1
    assert await charged(farm) == pytest.approx(6.0)
    assert await meter.tick(await farm.lead()) == 0
    assert await charged(farm) == pytest.approx(6.0)


async def test_a_charge_counts_half_after_a_half_life(farm: Farm) -> None:
    await rendered(farm, 1, 8000.0)
    await charge_projects(farm.db, half_life=HALF_LIFE, batch=10, epoch=await farm.lead())
    await farm.execute("update project set charged_at = charged_at - cast(:age as interval)", age=HALF_LIFE)
    assert await in_snapshot(farm) == pytest.approx(4.0, rel=0.01)
    await rendered(farm, 1, 1000.0)
    await charge_projects(farm.db, half_life=HALF_LIFE, batch=10, epoch=await farm.lead())
    assert await charged(farm) == pytest.approx(5.0, rel=0.01)


async def test_the_planner_sees_what_the_meter_has_not_charged_yet(farm: Farm) -> None:
    await rendered(farm, 2, 3000.0)
    before = await in_snapshot(farm)
    await charge_projects(farm.db, half_life=HALF_LIFE, batch=10, epoch=await farm.lead())
    assert (before, await in_snapshot(farm)) == (pytest.approx(6.0), pytest.approx(6.0, rel=0.01))


async def test_reused_frames_cost_nothing(farm: Farm) -> None:
    await rendered(farm, 10, 100.0)
    await charge_projects(farm.db, half_life=HALF_LIFE, batch=10, epoch=await farm.lead())
    again = await farm.start()
    assert (await reuse_frames(farm.db, job_id=again, epoch=await farm.lead(), limit=100)).taken == 10
    assert await charge_projects(farm.db, half_life=HALF_LIFE, batch=10, epoch=await farm.lead()) == 0


async def test_a_job_that_ended_before_the_meter_came_by_is_charged(farm: Farm) -> None:
    await rendered(farm, 10, 500.0)
    [job] = await farm.rows("select state from job")
    assert job.state == "succeeded"
    assert await in_snapshot(farm) == pytest.approx(5.0)
    assert await charge_projects(farm.db, half_life=HALF_LIFE, batch=10, epoch=await farm.lead()) == 1
    assert await charged(farm) == pytest.approx(5.0)


async def test_a_job_that_somebody_holds_does_not_keep_the_others_from_being_charged(farm: Farm) -> None:
    await rendered(farm, 1, 1000.0)
    await rendered(farm, 1, 2000.0)
    epoch = await farm.lead()
    [held, _] = await farm.rows("select id from job order by id")
    async with farm.db.transaction() as tx:
        await tx.execute(text("select 1 from job where id = :id for update"), {"id": held.id})
        assert await charge_projects(farm.db, half_life=HALF_LIFE, batch=10, epoch=epoch) == 1
    assert await charge_projects(farm.db, half_life=HALF_LIFE, batch=10, epoch=epoch) == 1
    assert await charged(farm) == pytest.approx(3.0, rel=0.01)


async def test_batches_follow_each_other_until_all_are_charged(farm: Farm) -> None:
    for _ in range(5):
        await rendered(farm, 1, 1000.0)
    assert await Meter(database=farm.db, plan_settings=SETTINGS, batch=2).tick(await farm.lead()) == 5
    assert await charged(farm) == pytest.approx(5.0, rel=0.01)


async def test_each_project_is_charged_for_its_own_jobs(farm: Farm) -> None:
    async with farm.db.transaction() as tx:
        other = await ensure_project(tx, slug="other", name="Other")
    elsewhere = Farm(farm.db, other, await add_model(farm.db, project_id=other))
    await rendered(farm, 1, 1000.0)
    await farm.execute("update leader set expires_at = now() - interval '1 ms'")
    await rendered(elsewhere, 1, 4000.0)
    await charge_projects(farm.db, half_life=HALF_LIFE, batch=10, epoch=await elsewhere.lead())
    assert (await charged(farm), await charged(elsewhere)) == (pytest.approx(1.0), pytest.approx(4.0))


async def test_a_leader_that_was_replaced_charges_nothing(farm: Farm) -> None:
    await rendered(farm, 1, 1000.0)
    old = await farm.lead()
    await farm.execute("update leader set expires_at = now() - interval '1 ms'")
    await lead(farm.db, role="dispatcher", cluster_id=CLUSTER, holder=farm.project_id, ttl=timedelta(minutes=1))
    with pytest.raises(LostLeadership):
        await Meter(database=farm.db, plan_settings=SETTINGS).tick(old)
    assert await charged(farm) == 0
