"""Progress of a frame: told and shown while its replica owns it, and not a word later."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from db.dispatch import apply_plan, rescue_expired
from db.listen import PROGRESS, listen
from db.queue import ClaimedChunk, start_chunk, tell_progress
from db.repositories.frames import FrameRow, LiveProgress, get_frame, list_frames
from db.repositories.jobs import get_job
from jobs.planning import Assign, Plan
from jobs.states import FrameState
from tests.db import split_jobs
from tests.db.builders import CLUSTER, LIMITS, Farm
from tests.db.control import waiting


async def tell(farm: Farm, chunk: ClaimedChunk, replica: UUID, ordinal: int = 0, **word: Any) -> bool:
    told = {
        "job_id": chunk.job_id,
        "work_id": chunk.work_id,
        "fence": chunk.fence,
        "ordinal": ordinal,
        "frame": chunk.frames[chunk.ordinals.index(ordinal)],
        "part": chunk.part,
        "fraction": 0.25,
        "done": 16,
        "total": 64,
        "unit": "samples",
        "eta_seconds": 3.5,
        "detail": "Sample 16/64",
        **word,
    }
    return await tell_progress(
        farm.db,
        replica_id=replica,
        work_id=chunk.work_id,
        fence=chunk.fence,
        ordinal=ordinal,
        current={"sandbox": {"level": "full"}, **told},
        told=told,
    )


@asynccontextmanager
async def heard(farm: Farm) -> AsyncIterator[asyncio.Queue[Any]]:
    """What arrives on the channel of progress meanwhile."""
    words: asyncio.Queue[Any] = asyncio.Queue()
    ready = asyncio.Event()

    async def hear() -> None:
        async with aclosing(listen(farm.db.settings, [PROGRESS])) as notifications:
            async for note in notifications:
                ready.set()
                if note.channel:
                    words.put_nowait(json.loads(note.payload))

    task = asyncio.create_task(hear())
    async with asyncio.timeout(20):
        await ready.wait()
    try:
        yield words
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def frame(farm: Farm, job_id: UUID, ordinal: int) -> FrameRow:
    async with farm.db.transaction() as tx:
        job = await get_job(tx, job_id=job_id)
        assert job is not None
        return await get_frame(tx, job=job, ordinal=ordinal)


async def again(farm: Farm, chunk: ClaimedChunk, replica: UUID) -> ClaimedChunk:
    """The first frame of a rescued chunk, which this replica renders now."""
    loose = await farm.one("select id from work where state = 'queued' and 0 = any(ordinals)")
    await farm.execute("update work set not_before = now() where id = :id", id=loose.id)
    wish = Assign(replica_id=replica, job_id=chunk.job_id, work_id=loose.id)
    await apply_plan(farm.db, cluster_id=CLUSTER, plan=Plan(placements=(wish,)), epoch=await farm.lead())
    claimed = await farm.claim(replica)
    assert claimed is not None
    assert await start_chunk(farm.db, work_id=claimed.work_id, fence=claimed.fence, warm=True)
    return claimed


async def test_a_word_is_heard_at_once_and_shown_with_the_frame(farm: Farm) -> None:
    replica = await farm.replica()
    job_id = await farm.start()
    chunk = await farm.rendering(job_id, replica, frames=3)
    before = len(await farm.events(job_id))
    async with heard(farm) as words:
        assert await tell(farm, chunk, replica)
        async with asyncio.timeout(20):
            word = await words.get()
    assert (word["job_id"], word["frame"], word["fraction"], word["replica"]) == (str(job_id), 1, 0.25, str(replica))
    assert word["seq"] == before
    assert (await frame(farm, job_id, 0)).progress == LiveProgress(
        fraction=0.25, detail="Sample 16/64", done=16, total=64, unit="samples", eta_seconds=3.5
    )
    assert (await frame(farm, job_id, 1)).progress is None
    assert len(await farm.events(job_id)) == before  # kept nowhere else


async def test_the_frame_behind_one_that_uploads_is_shown_to_render(farm: Farm) -> None:
    replica = await farm.replica()
    job_id = await farm.start()
    chunk = await farm.rendering(job_id, replica, frames=3)
    assert await tell(farm, chunk, replica, ordinal=1)
    async with farm.db.transaction() as tx:
        job = await get_job(tx, job_id=job_id)
        assert job is not None
        rows = await list_frames(tx, job=job, limit=3, states=[FrameState.RENDERING])
    assert [(row.ordinal, row.progress is not None) for row in rows] == [(0, False), (1, True)]


async def test_a_replica_whose_chunk_was_rescued_tells_nothing_any_more(farm: Farm) -> None:
    replica = await farm.replica()
    job_id = await farm.start()
    chunk = await farm.rendering(job_id, replica, frames=2)
    assert await tell(farm, chunk, replica)
    await farm.expire(chunk.work_id)
    assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 1
    async with heard(farm) as words:
        assert not await tell(farm, chunk, replica, fraction=0.9)
        other = await farm.replica()
        assert await tell(farm, await again(farm, chunk, other), other, fraction=0.1)
        async with asyncio.timeout(20):
            word = await words.get()
    assert (word["replica"], word["fraction"], words.empty()) == (str(other), 0.1, True)
    current = await farm.one("select current from replica where id = :id", id=replica)
    assert current.current["fraction"] == 0.25
    shown = (await frame(farm, job_id, 0)).progress
    assert shown is not None
    assert shown.fraction == 0.1


@pytest.mark.parametrize("ending", ["commit", "fail"])
async def test_a_frame_that_has_ended_is_told_of_no_more(farm: Farm, ending: str) -> None:
    replica = await farm.replica()
    job_id = await farm.start()
    chunk = await farm.rendering(job_id, replica, frames=2)
    assert await tell(farm, chunk, replica)
    if ending == "commit":
        await farm.commit(chunk, [0])
    else:
        await farm.fail(chunk, 0)
    assert not await tell(farm, chunk, replica)
    assert (await frame(farm, job_id, 0)).progress is None
    assert await tell(farm, chunk, replica, ordinal=1)  # the chunk goes on


async def test_nobody_tells_of_a_chunk_that_another_replica_holds(farm: Farm) -> None:
    replica = await farm.replica()
    chunk = await farm.rendering(await farm.start(), replica, frames=2)
    assert not await tell(farm, chunk, await farm.replica())
    assert not await tell(farm, chunk, uuid4())


async def test_a_word_that_waits_for_the_commit_of_its_frame_is_dropped(farm: Farm) -> None:
    replica = await farm.replica()
    chunk = await farm.rendering(await farm.start(), replica, frames=2)
    async with farm.db.transaction() as tx:
        await tx.execute(text("update work set ordinals = ordinals[2:] where id = :id"), {"id": chunk.work_id})
        late = asyncio.create_task(tell(farm, chunk, replica))
        await waiting(farm, 1)
    assert not await late


async def test_a_split_frame_is_as_far_as_its_parts_together(farm: Farm) -> None:
    replicas = [await farm.replica(), await farm.replica()]
    job_id = await split_jobs.split_job(farm)
    first, second = await split_jobs.rendering(farm, job_id, *replicas)
    assert (await frame(farm, job_id, 0)).progress is None
    assert await tell(farm, first, replicas[0], fraction=0.5)
    assert (await frame(farm, job_id, 0)).progress == LiveProgress(fraction=0.25)
    assert await split_jobs.commit(farm, first)
    assert await tell(farm, second, replicas[1], fraction=0.5)
    assert (await frame(farm, job_id, 0)).progress == LiveProgress(fraction=0.75)
