"""Who renders next, from the rows of a real queue through the planner and back: shares, and who comes first."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from db.bootstrap import ensure_project
from db.dispatch import apply_plan, read_snapshot
from db.queue import ClaimedChunk, start_chunk
from jobs.plan import make_plan
from jobs.planning import PlanSettings
from tests.db.builders import CLUSTER, LEASE, Farm, add_model

SETTINGS = PlanSettings(max_chunk_frames=1)
"""Each chunk is a frame, so that frames are what is shared."""


async def tick(farm: Farm) -> None:
    snapshot = await read_snapshot(farm.db, cluster_id=CLUSTER, replica_timeout=LEASE, settings=SETTINGS)
    await apply_plan(farm.db, cluster_id=CLUSTER, plan=make_plan(snapshot, SETTINGS), epoch=await farm.lead())


async def begin(farm: Farm, replica: UUID) -> ClaimedChunk:
    """The replica starts the next chunk that it was given."""
    chunk = await farm.claim(replica)
    assert chunk is not None, "a replica idles on a farm with work"
    assert await start_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, warm=True)
    return chunk


async def another_project(farm: Farm) -> Farm:
    async with farm.db.transaction() as tx:
        project_id = await ensure_project(tx, slug="small", name="Small")
    return replace(farm, project_id=project_id, model_id=await add_model(farm.db, project_id=project_id))


async def start_in(farm: Farm, leader: Farm, **overrides: object) -> UUID:
    job_id = await farm.submit(**overrides)
    await leader.pin(job_id)
    return job_id


async def rounds(farm: Farm, running: dict[UUID, ClaimedChunk | None], count: int) -> list[UUID]:
    """In each round every replica ends its frame and starts the next; the jobs of the frames that ended."""
    ended: list[UUID] = []
    for _ in range(count):
        await tick(farm)
        for replica, chunk in running.items():
            if chunk is not None:
                assert await farm.commit(chunk, replica_id=replica)
                ended.append(chunk.job_id)
            running[replica] = await begin(farm, replica)
    return ended


@pytest.mark.parametrize("comes_late", [False, True])
async def test_a_project_with_a_hundred_jobs_leaves_the_one_with_a_single_job_its_half(
    farm: Farm, comes_late: bool
) -> None:
    small = await another_project(farm)
    for _ in range(100):
        await farm.start(frames="1-200")
    running: dict[UUID, ClaimedChunk | None] = {await farm.replica(): None for _ in range(4)}
    if comes_late:
        await rounds(farm, running, 5)
    job_id = await start_in(small, farm, frames="1-200")
    if comes_late:
        await rounds(farm, running, 12)  # it is owed what the other has had within the window, and catches up first
    ended = await rounds(farm, running, 20)
    assert ended.count(job_id) / len(ended) == pytest.approx(0.5, abs=0.1)
    used = {row.project_id: row.ms for row in await farm.rows(
        "select project_id, sum(render_ms_sum) as ms from job group by project_id"
    )}  # fmt: skip
    assert used[small.project_id] / sum(used.values()) == pytest.approx(0.5, abs=0.1)


async def test_an_interactive_frame_starts_next_on_a_farm_that_is_full_and_has_a_queue(farm: Farm) -> None:
    for _ in range(10):
        await farm.start(frames="1-50")
    running: dict[UUID, ClaimedChunk | None] = {await farm.replica(): None for _ in range(3)}
    await rounds(farm, running, 3)
    await tick(farm)
    staged = await farm.rows("select assigned_to from work where assigned_to is not null")
    assert {row.assigned_to for row in staged} == set(running), "each renders, and has its next frame"
    urgent = await farm.start(frames="1", priority="interactive")
    await tick(farm)
    [place] = await farm.rows("select assigned_to from work where job_id = :id and kind = 'chunk'", id=urgent)
    chunk = running[place.assigned_to]
    assert chunk is not None
    assert await farm.commit(chunk, replica_id=place.assigned_to)
    assert (await begin(farm, place.assigned_to)).job_id == urgent


async def test_an_interactive_frame_is_put_behind_the_chunk_that_ends_first(farm: Farm) -> None:
    timed, quick, slow = await farm.start(frames="1-9"), await farm.replica(), await farm.replica()
    await farm.commit(await farm.rendering(timed, quick, frames=1))  # how long a frame takes is known from now on
    for replica, frames in ((slow, 6), (quick, 2)):
        await farm.rendering(await farm.start(frames="1-20"), replica, frames=frames)
        await farm.carve(timed, replica, 1)
    urgent = await farm.start(frames="1", priority="interactive")
    await tick(farm)
    [place] = await farm.rows("select assigned_to from work where job_id = :id and kind = 'chunk'", id=urgent)
    assert place.assigned_to == quick


async def test_a_job_that_was_given_nothing_for_minutes_goes_before_older_ones_that_were_just_served(
    farm: Farm,
) -> None:
    """One replica has room for two chunks, so that the two oldest jobs take turns and would for ever."""
    replica = await farm.replica()
    older = [await start_in(farm, farm, frames="1-50") for _ in range(2)]
    younger = await start_in(farm, farm, frames="1")
    running: dict[UUID, ClaimedChunk | None] = {replica: None}
    assert set(await rounds(farm, running, 5)) == set(older)
    await farm.execute("update job set created_at = now() - interval '1 hour', started_at = now() - interval '1 hour'")
    ended = await rounds(farm, running, 5)
    assert younger in ended
    assert set(ended) > {younger}
