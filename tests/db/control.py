"""What tests of the control of jobs do again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from db.control import approve_job, change_fields, pause_job, resume_job
from db.frame_actions import FramesChanged, act_on_frames, retry_job
from db.queue import ClaimedChunk, start_chunk
from db.repositories.frame_states import read_frame_states
from db.repositories.frames import FrameRow, list_frames
from db.repositories.jobs import JobRow, get_job
from db.session import Transaction
from jobs.frame_actions import FrameAction
from jobs.states import FrameState, JobState
from tests.db.builders import Farm


async def pause(farm: Farm, job_id: UUID) -> JobState:
    async with farm.db.transaction() as tx:
        return await pause_job(tx, job_id=job_id)


async def resume(farm: Farm, job_id: UUID) -> JobState:
    async with farm.db.transaction() as tx:
        return await resume_job(tx, job_id=job_id)


async def approve(farm: Farm, job_id: UUID) -> JobState:
    async with farm.db.transaction() as tx:
        return await approve_job(tx, job_id=job_id)


async def change(farm: Farm, job_id: UUID, **changes: object) -> bool:
    async with farm.db.transaction() as tx:
        return await change_fields(tx, job_id=job_id, changes=changes)


async def retry(farm: Farm, job_id: UUID, ordinals: Sequence[int] | None = None) -> FramesChanged:
    async with farm.db.transaction() as tx:
        return await retry_job(tx, job_id=job_id, ordinals=ordinals)


async def act(farm: Farm, job_id: UUID, action: FrameAction, ordinals: Sequence[int] | None = None) -> FramesChanged:
    async with farm.db.transaction() as tx:
        return await act_on_frames(tx, job_id=job_id, action=action, ordinals=ordinals)


async def states(farm: Farm, job_id: UUID) -> str:
    """One letter per frame: q(ueued) l(eased) r(endering) C(ommitted) R(eused) F(ailed) X (canceled) S(kipped)."""
    return "".join(LETTERS[frame.state] for frame in await frames(farm, job_id))


async def frames(farm: Farm, job_id: UUID, only: Sequence[FrameState] | None = None) -> list[FrameRow]:
    async with farm.db.transaction() as tx:
        job = await get_job(tx, job_id=job_id)
        assert job is not None
        found = await list_frames(tx, job=job, limit=1000, states=only)
        if only is None:
            assert await _by_runs(tx, job) == [frame.state for frame in found]
        return found


async def _by_runs(tx: Transaction, job: JobRow) -> list[FrameState]:
    """The same states, told as runs, in pages so short that most runs are cut."""
    states: list[FrameState] = []
    first: int | None = 0
    while first is not None:
        page = await read_frame_states(tx, job=job, first=first, limit=2)
        assert 1 <= len(page.runs) <= 2
        for run in page.runs:
            assert run.first == len(states)  # in order, and without a gap
            states += [run.state] * (run.last + 1 - run.first)
        first = page.next_first
        assert first in (None, len(states))
    return states


LETTERS = {
    FrameState.QUEUED: "q",
    FrameState.LEASED: "l",
    FrameState.RENDERING: "r",
    FrameState.COMMITTED: "C",
    FrameState.REUSED: "R",
    FrameState.FAILED: "F",
    FrameState.CANCELED: "X",
    FrameState.SKIPPED: "S",
}


async def render_all(farm: Farm, job_id: UUID, replica: UUID, *, frames: int = 100) -> list[int]:
    """Pin the job where it waits, and render what it lets be carved; the ordinals that were rendered."""
    if (await farm.job(job_id)).state == "queued":
        await farm.pin(job_id)
    done: list[int] = []
    await farm.carve(job_id, replica, frames)
    while True:
        chunk = await farm.claim(replica)
        if chunk is None:
            return sorted(done)
        assert await start_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, warm=True)
        done += await farm.commit(chunk) or []


async def waiting(farm: Farm, number: int) -> None:
    """Until so many connections of this test wait for a lock."""
    query = "select count(*) as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with asyncio.timeout(20):
        while (await farm.one(query)).n < number:
            await asyncio.sleep(0.01)


async def fail_for_good(farm: Farm, chunk: ClaimedChunk, *ordinals: int) -> None:
    """Of a job with ``limits.tries`` of 1."""
    for ordinal in ordinals:
        assert await farm.fail(chunk, ordinal) == "failed"


async def assert_honest(farm: Farm, job_id: UUID) -> None:
    """The counters say what the list of frames shows, no frame is in two places, the feed has no gap."""
    job = await farm.job(job_id)
    letters = await states(farm, job_id)
    counted = {"C": job.committed, "R": job.reused, "F": job.failed, "X": job.canceled, "S": job.skipped}
    assert {letter: letters.count(letter) for letter in counted} == counted, letters
    await assert_found_by_state(farm, job_id)
    held = await farm.rows(
        "select unnest(ordinals) as ordinal from work where job_id = :id and kind = 'chunk'"
        " and state in ('queued', 'leased', 'rendering')",
        id=job_id,
    )
    ordinals = [row.ordinal for row in held]
    assert len(ordinals) == len(set(ordinals))
    sequence = [seq for seq, _, _ in await farm.events(job_id)]
    assert sequence == list(range(1, len(sequence) + 1))


async def assert_found_by_state(farm: Farm, job_id: UUID) -> None:
    """Pages of one state, and of several, show each frame that has it once, in order, and no other."""
    everything = await frames(farm, job_id)
    for wanted in (*((state,) for state in FrameState), (FrameState.QUEUED, FrameState.COMMITTED, FrameState.CANCELED)):
        shown: list[FrameRow] = []
        async with farm.db.transaction() as tx:
            job = await get_job(tx, job_id=job_id)
            assert job is not None
            while page := await list_frames(
                tx, job=job, first=shown[-1].ordinal + 1 if shown else 0, limit=2, states=wanted
            ):
                shown += page
        assert shown == [frame for frame in everything if frame.state in wanted], wanted
