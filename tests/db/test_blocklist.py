"""A machine that keeps failing a job gets no more of it, and the last one that could render it always does."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from db.dispatch import apply_plan
from db.queue import list_blocks, reset_block
from jobs.limits import FarmLimits
from jobs.planning import Assign, Plan
from jobs.states import EndReason
from tests.db.builders import CLUSTER, Farm

LIMITS = FarmLimits(failures_before_block=3, worker_failures_per_frame=9)


async def fail_on(
    farm: Farm, job_id: UUID, node: str, reason: EndReason = EndReason.ENGINE_ERROR, **replica_fields: object
) -> UUID:
    """The job's next fresh frame fails on a replica of that machine."""
    replica = await farm.replica(node=node, **replica_fields)
    chunk = await farm.rendering(job_id, replica, frames=1)
    await farm.fail(chunk, chunk.ordinals[0], reason, limits=LIMITS)
    return replica


async def blocked(farm: Farm, job_id: UUID) -> dict[str, bool]:
    async with farm.db.transaction() as tx:
        return {row.node: row.blocked_at is not None for row in await list_blocks(tx, job_id=job_id)}


async def test_three_frames_that_fail_on_one_machine_block_it_for_the_job(farm: Farm) -> None:
    await farm.replica(node="good")
    job_id = await farm.start(frames="1-50")
    for reason in (EndReason.ENGINE_ERROR, EndReason.ENGINE_CRASH):
        await fail_on(farm, job_id, "bad", reason)
    assert await blocked(farm, job_id) == {"bad": False}
    await fail_on(farm, job_id, "bad", EndReason.TIMEOUT)
    assert await blocked(farm, job_id) == {"bad": True}
    [event] = [data for _, kind, data in await farm.events(job_id) if kind == "node.blocked"]
    assert event == {"node": "bad", "pipeline": "fake", "failures": 3, "reason": "timeout"}
    await farm.assert_whole(job_id)


async def test_another_job_still_goes_to_the_machine(farm: Farm) -> None:
    await farm.replica(node="good")
    job_id = await farm.start(frames="1-50")
    for _ in range(3):
        await fail_on(farm, job_id, "bad")
    other = await farm.start(frames="1-50")
    await fail_on(farm, other, "bad")
    assert await blocked(farm, other) == {"bad": False}


async def test_a_farm_of_one_machine_still_retries_there(farm: Farm) -> None:
    job_id = await farm.start(frames="1-50")
    for _ in range(5):
        await fail_on(farm, job_id, "only")
    assert await blocked(farm, job_id) == {"only": False}


async def test_the_last_machine_that_is_left_is_never_blocked(farm: Farm) -> None:
    job_id = await farm.start(frames="1-50")
    await farm.replica(node="b")
    for _ in range(3):
        await fail_on(farm, job_id, "a")
    for _ in range(4):
        await fail_on(farm, job_id, "b")
    assert await blocked(farm, job_id) == {"a": True, "b": False}


@pytest.mark.parametrize("wish", ["48", ">=24"])
async def test_a_job_that_asks_for_a_bound_has_a_blocklist_like_one_that_names_a_value(farm: Farm, wish: str) -> None:
    await farm.replica(node="good", labels={"gpu_memory_gib": "48"})
    job_id = await farm.start(frames="1-50", labels={"gpu_memory_gib": wish})
    for _ in range(3):
        await fail_on(farm, job_id, "bad", labels={"gpu_memory_gib": "48"})
    assert await blocked(farm, job_id) == {"bad": True}


async def test_a_bound_that_the_other_machine_does_not_meet_keeps_the_last_one(farm: Farm) -> None:
    await farm.replica(node="small", labels={"gpu_memory_gib": "8"})
    job_id = await farm.start(frames="1-50", labels={"gpu_memory_gib": ">=24"})
    for _ in range(3):
        await fail_on(farm, job_id, "bad", labels={"gpu_memory_gib": "48"})
    assert await blocked(farm, job_id) == {"bad": False}


@pytest.mark.parametrize(
    "useless",
    [
        {"labels": {}},
        {"labels": {"gpu": "yes"}, "engines": {"cycles": "bpy 5"}},
        {"labels": {"gpu": "yes"}, "engines": {"fake": "fake 2"}},
        {"labels": {"gpu": "yes"}, "device_class": "cuda"},
    ],
    ids=["without the label", "without the pipeline", "with another engine version", "with another device"],
)
async def test_a_machine_that_could_not_render_the_job_does_not_count_as_another(
    farm: Farm, useless: dict[str, object]
) -> None:
    await farm.replica(node="useless", **useless)
    job_id = await farm.start(frames="1-50", labels={"gpu": "yes"})
    for _ in range(3):
        await fail_on(farm, job_id, "bad", labels={"gpu": "yes"})
    assert await blocked(farm, job_id) == {"bad": False}


@pytest.mark.parametrize("reason", [EndReason.OUT_OF_MEMORY, EndReason.INTERRUPTED])
async def test_want_of_memory_and_interruptions_blame_no_machine(farm: Farm, reason: EndReason) -> None:
    await farm.replica(node="good")
    job_id = await farm.start(frames="1-50")
    for _ in range(3):
        await fail_on(farm, job_id, "bad", reason)
    assert await blocked(farm, job_id) == {}


async def test_what_of_the_job_waits_on_a_blocked_machine_is_free_again(farm: Farm) -> None:
    await farm.replica(node="good")
    job_id = await farm.start(frames="1-50")
    for _ in range(2):
        await fail_on(farm, job_id, "bad")
    neighbour = await farm.replica(node="bad")
    await farm.carve(job_id, neighbour, 4)
    await fail_on(farm, job_id, "bad")
    assert await farm.rows("select 1 from work where assigned_to is not null") == []
    await farm.assert_whole(job_id)


async def test_a_plan_that_was_made_before_the_block_brings_nothing_there(farm: Farm) -> None:
    good = await farm.replica(node="good")
    job_id = await farm.start(frames="1-50")
    for _ in range(3):
        await fail_on(farm, job_id, "bad")
    neighbour = await farm.replica(node="bad")
    await farm.carve(job_id, neighbour, 4)
    loose = await farm.one(
        "select id from work where kind = 'chunk' and state = 'queued' and cardinality(ordinals) = 4"
    )
    for replica, waits_at in ((neighbour, None), (good, good)):
        wish = Assign(replica_id=replica, job_id=job_id, work_id=loose.id)
        await apply_plan(farm.db, cluster_id=CLUSTER, plan=Plan(placements=(wish,)), epoch=await farm.lead())
        assert (await farm.work(loose.id)).assigned_to == waits_at
    await farm.assert_whole(job_id)


async def test_a_reset_forgets_the_failures_and_tells_it(farm: Farm) -> None:
    await farm.replica(node="good")
    job_id = await farm.start(frames="1-50")
    for _ in range(3):
        await fail_on(farm, job_id, "bad")
    async with farm.db.transaction() as tx:
        assert await reset_block(tx, job_id=job_id, node="bad")
        assert not await reset_block(tx, job_id=job_id, node="bad")
    assert await blocked(farm, job_id) == {}
    assert [data for _, kind, data in await farm.events(job_id) if kind == "node.unblocked"] == [{"node": "bad"}]
    await farm.assert_whole(job_id)


async def test_a_failure_reported_twice_or_by_a_stranger_counts_once(farm: Farm) -> None:
    replica = await farm.replica(node="bad")
    job_id = await farm.start(frames="1-50")
    chunk = await farm.rendering(job_id, replica, frames=2)
    attempt = uuid4()
    for _ in range(2):
        await farm.fail(chunk, 0, attempt_id=attempt, limits=LIMITS)
    await farm.execute("update work set fence = fence + 1 where id = :id", id=chunk.work_id)
    await farm.fail(chunk, 1, limits=LIMITS)
    assert (await farm.one("select failures from job_block")).failures == 1
    assert (await farm.one("select failures from replica where id = :id", id=replica)).failures == 1
