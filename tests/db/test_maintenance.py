"""Maintenance that drains: no statement hands work out, and what renders is committed."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from db.dispatch import apply_plan, claim_tasks
from db.maintenance import set_maintenance
from jobs.planning import Carve, Plan, WaitReason
from jobs.states import WorkKind
from tests.db.builders import CLUSTER, Farm
from tests.db.test_budgets import tick
from tests.db.test_tasks import _register


async def maintain(farm: Farm, *, active: bool = True, drain: bool = True) -> None:
    async with farm.db.transaction() as tx:
        await set_maintenance(tx, active=active, drain=drain, message="", set_by="test")


async def test_a_drained_farm_starts_nothing_until_maintenance_ends(farm: Farm) -> None:
    replica = await farm.replica()
    job_id = await farm.start(frames="1-10")
    running = await farm.rendering(job_id, replica, frames=1)
    await farm.carve(job_id, replica, 1)  # staged behind it
    await maintain(farm)
    assert await farm.commit(running, replica_id=replica) == [0]
    assert await farm.claim(replica) is None, "the staged chunk started"
    made = await tick(farm)
    assert made.placements == ()
    assert made.waits[job_id] is WaitReason.MAINTENANCE
    await maintain(farm, active=False, drain=False)
    assert (await tick(farm)).placements
    assert await farm.claim(replica) is not None


async def test_a_replica_in_the_middle_of_a_chunk_hears_why_it_gives_the_rest_back(farm: Farm) -> None:
    replica = await farm.replica()
    chunk = await farm.rendering(await farm.start(frames="1-5"), replica, frames=5)
    await maintain(farm)
    reply = await farm.beat(replica, chunk)
    assert (reply.stopped, reply.stopped_by) == ([chunk.key], WaitReason.MAINTENANCE)


async def test_maintenance_that_does_not_drain_goes_on_to_hand_out(farm: Farm) -> None:
    await farm.replica()
    await farm.start(frames="1-10")
    await maintain(farm, drain=False)
    assert (await tick(farm)).placements


async def test_a_plan_from_before_maintenance_hands_nothing_out(farm: Farm) -> None:
    replica = await farm.replica()
    job_id = await farm.start(frames="1-10")
    late = Plan(placements=(Carve(replica_id=replica, job_id=job_id, frames=2),))
    await maintain(farm)
    applied = await apply_plan(farm.db, cluster_id=CLUSTER, plan=late, epoch=await farm.lead())
    assert applied.carved == 0


@pytest.mark.parametrize("drain", [True, False])
async def test_probes_and_films_wait_too_where_the_farm_drains(farm: Farm, drain: bool) -> None:
    await _register(farm)
    await maintain(farm, drain=drain)
    claimed = await claim_tasks(
        farm.db,
        kinds=(WorkKind.PROBE,),
        limit=5,
        lease=timedelta(seconds=30),
        holder=uuid4(),
        epoch=await farm.lead(),
    )
    assert bool(claimed) is not drain
