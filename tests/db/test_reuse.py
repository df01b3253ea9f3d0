"""Frames that are rendered already are taken over, not rendered again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from db.bootstrap import ensure_project
from db.dispatch import (
    LostLeadership,
    claim_tasks,
    finish_task,
    jobs_to_pin,
    pin_job,
    refuse_job,
    resign,
    reuse_frames,
)
from db.frame_actions import act_on_frames, retry_job
from db.loops.expiry import expire_outputs
from db.queue import PartCommit, commit_frames, commit_part
from db.steps import add_step
from db.submit import submit_job
from jobs.frame_actions import FrameAction
from jobs.states import WorkKind
from tests.db.builders import CLUSTER, RENDER_KEY, Farm, add_model, artifact, commit_of


class TestReuse:
    async def test_all_frames_rendered_before_end_the_job_without_a_chunk(self, farm: Farm) -> None:
        source = await _rendered(farm, "1-6")
        job_id = await farm.start(frames="6-1")  # other ordinals, same frames
        assert await _reuse(farm, job_id) == 6
        job = await farm.job(job_id)
        assert (job.state, job.reused, job.committed, job.render_count) == ("succeeded", 6, 0, 0)
        keys = await farm.rows(
            "select ordinal, storage_key from artifact where job_id = :id order by ordinal", id=job_id
        )
        original = await farm.rows(
            "select storage_key from artifact where job_id = :id order by ordinal desc", id=source
        )
        assert [row.storage_key for row in keys] == [row.storage_key for row in original]
        [data] = [data for _, kind, data in await farm.events(job_id) if kind == "frames.reused"]
        assert (data["count"], data["frames"][0]) == (6, {"ordinal": 0, "frame": 6})
        assert await farm.rows("select 1 from work where state = 'queued'") == []
        await farm.assert_whole(job_id)

    async def test_only_the_others_are_carved(self, farm: Farm) -> None:
        await _rendered(farm, "2,4,6-8")
        job_id = await farm.start(frames="1-10:1", order="scout")
        assert await _reuse(farm, job_id) == 5
        replica = await farm.replica()
        await farm.carve(job_id, replica, 3)
        await farm.carve(job_id, replica, 30)
        rows = await farm.rows("select ordinals from work where kind = 'chunk' and job_id = :id order by id", id=job_id)
        assert [len(row.ordinals) for row in rows] == [3, 2]
        assert sorted(ordinal + 1 for row in rows for ordinal in row.ordinals) == [1, 3, 5, 9, 10]
        while (chunk := await farm.claim(replica)) is not None:
            await farm.commit(chunk)
        job = await farm.job(job_id)
        assert (job.state, job.committed, job.reused) == ("succeeded", 5, 5)
        await farm.assert_whole(job_id)

    async def test_stepped_and_negative_ranges_map_to_their_ordinals(self, farm: Farm) -> None:
        await _rendered(farm, "-4--2,10,20-30:5")
        job_id = await farm.start(frames="30-0:-5,-2--10:-2")
        assert await _reuse(farm, job_id) == 6
        rows = await farm.rows("select ordinal, frame from frame_result where job_id = :id order by ordinal", id=job_id)
        assert [tuple(row) for row in rows] == [(0, 30), (1, 25), (2, 20), (4, 10), (7, -2), (8, -4)]

    async def test_it_goes_on_where_the_limit_stopped_it(self, farm: Farm) -> None:
        await _rendered(farm, "1-6")
        job_id = await farm.start(frames="1-6")
        assert [await _reuse(farm, job_id, limit=4) for _ in range(3)] == [4, 2, 0]
        await farm.assert_whole(job_id)

    async def test_a_queued_job_looks_before_it_starts_and_whoever_leads_next_goes_on_where_it_was(
        self, farm: Farm
    ) -> None:
        await _rendered(farm, "1-3,8")
        job_id = await farm.submit(frames="1-9")
        pinned = {"engine_version": "fake 1", "device_class": "cpu", "render_key": RENDER_KEY}
        await pin_job(farm.db, job_id=job_id, start=False, epoch=await farm.lead(), **pinned)
        first = await reuse_frames(farm.db, job_id=job_id, epoch=await farm.lead(), limit=5)
        assert (first.taken, first.done, (await farm.job(job_id)).state) == (3, False, "queued")
        await resign(farm.db, role="dispatcher", cluster_id=CLUSTER, holder=farm.model_id)
        other = await farm.lead(uuid4())
        second = await reuse_frames(farm.db, job_id=job_id, epoch=other, limit=5)
        assert (second.taken, second.done) == (1, True)
        await pin_job(farm.db, job_id=job_id, epoch=other, **pinned)
        job = await farm.job(job_id)
        assert (job.state, job.reused) == ("running", 4)
        await farm.assert_whole(job_id)

    async def test_frames_of_several_earlier_jobs_are_put_together_and_the_newest_wins(self, farm: Farm) -> None:
        await _rendered(farm, "3-5")
        newer = await _rendered(farm, "10-4:-1,20", reuse=False)
        await _rendered(farm, "1,40", reuse=False)
        job_id = await farm.start(frames="1-40")
        assert await _reuse(farm, job_id) == 11
        rows = await farm.rows("select frame from frame_result where job_id = :id order by ordinal", id=job_id)
        assert [row.frame for row in rows] == [1, 3, 4, 5, 6, 7, 8, 9, 10, 20, 40]
        [mine] = await farm.rows("select storage_key from artifact where job_id = :id and ordinal = 3", id=job_id)
        assert str(newer) in mine.storage_key
        await farm.assert_whole(job_id)

    async def test_the_newest_picture_wins_however_many_jobs_have_one(self, farm: Farm) -> None:
        """More jobs than one statement looks into; the oldest of them was asked for its frame again."""
        oldest = await _rendered(farm, "1-2")
        newest = oldest
        for _ in range(17):
            newest = await _rendered(farm, "1-2", reuse=False)
        async with farm.db.transaction() as tx:
            await act_on_frames(tx, job_id=oldest, action=FrameAction.REQUEUE, ordinals=[0])
        await farm.pin(oldest)
        await farm.commit(await farm.rendering(oldest, await farm.replica(), frames=1))
        job_id = await farm.start(frames="1-2")
        assert await _reuse(farm, job_id) == 2
        rows = await farm.rows("select storage_key from artifact where job_id = :id order by ordinal", id=job_id)
        assert [str(oldest) in rows[0].storage_key, str(newest) in rows[1].storage_key] == [True, True]
        await farm.assert_whole(job_id)

    async def test_a_canceled_job_that_is_tried_again_looks_again(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-4")
        assert await _reuse(farm, job_id) == 0
        await farm.change(job_id, "cancel")
        await _rendered(farm, "2-3")
        async with farm.db.transaction() as tx:
            await retry_job(tx, job_id=job_id)
        await farm.pin(job_id)
        assert await _reuse(farm, job_id) == 2
        await farm.assert_whole(job_id)

    async def test_a_job_whose_scouts_were_all_reused_before_it_started_asks_for_approval(self, farm: Farm) -> None:
        await _rendered(farm, "1-2")
        job_id = await farm.submit(frames="1-4", approval=2)
        pinned = {"engine_version": "fake 1", "device_class": "cpu", "render_key": RENDER_KEY}
        await pin_job(farm.db, job_id=job_id, start=False, epoch=await farm.lead(), **pinned)
        assert await _reuse(farm, job_id) == 2
        await pin_job(farm.db, job_id=job_id, epoch=await farm.lead(), **pinned)
        assert (await farm.job(job_id)).state == "awaiting_approval"

    async def test_a_frame_that_a_chunk_holds_is_left_to_it(self, farm: Farm) -> None:
        await _rendered(farm, "1-6")
        job_id = await farm.start(frames="1-6")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        assert await _reuse(farm, job_id) == 4
        assert await farm.commit(chunk) == [0, 1]
        assert (await farm.job(job_id)).state == "succeeded"
        await farm.assert_whole(job_id)

    async def test_failed_frames_other_inputs_and_other_projects_are_not_reused(self, farm: Farm) -> None:
        failed = await farm.start(frames="1-2", limits={"tries": 1})
        chunk = await farm.rendering(failed, await farm.replica(), frames=2)
        await farm.fail(chunk, 0)
        await farm.commit(chunk, [1])
        job_id = await farm.start(frames="1-2")
        assert await _reuse(farm, job_id) == 1
        other_inputs = await farm.submit(frames="1-2")
        await farm.pin(other_inputs, render_key="another")
        assert await _reuse(farm, other_inputs) == 0
        async with farm.db.transaction() as tx:
            stranger = await ensure_project(tx, slug="other", name="Other")
        model = await add_model(farm.db, project_id=stranger)
        async with farm.db.transaction() as tx:
            foreign = (await submit_job(tx, project_id=stranger, spec=farm.spec(model=model, frames="1-2"))).id
        await farm.pin(foreign)
        assert await _reuse(farm, foreign) == 0

    async def test_a_frame_that_parts_or_a_merge_hold_is_left_to_them(self, farm: Farm) -> None:
        await _rendered(farm, "1-4")
        job_id = await farm.start(frames="1-4", split={"mode": "borders", "parts": 2})
        replica = await farm.replica()
        await farm.carve(job_id, replica, 1, 1)
        for number in range(2):
            part = await farm.claim(replica)
            assert part is not None
            done = PartCommit(
                attempt_id=uuid4(),
                started_at=0.0,
                storage_key=f"artifacts/{job_id}/0/{number}/part.png",
                size_bytes=1,
                sha256="a" * 64,
                media_type="image/png",
                engine_ms=1.0,
            )
            assert await commit_part(farm.db, work_id=part.work_id, fence=part.fence, replica_id=replica, commit=done)
        await farm.carve(job_id, replica, 1)
        kinds = await farm.rows(
            "select kind, ordinals from work where kind <> 'range' and state = 'queued' and job_id = :id order by id",
            id=job_id,
        )
        assert [tuple(row) for row in kinds] == [("merge", [0]), ("part", [1]), ("part", [1])]
        assert await _reuse(farm, job_id) == 2
        rows = await farm.rows("select ordinal from frame_result where job_id = :id order by 1", id=job_id)
        assert [row.ordinal for row in rows] == [2, 3]
        await farm.assert_whole(job_id)

    async def test_frames_whose_files_have_expired_are_rendered(self, farm: Farm) -> None:
        source = await _rendered(farm, "1-3")
        await farm.execute("update job set expires_at = now(), expiry_told_for = now() where id = :id", id=source)
        assert await expire_outputs(farm.db, limit=10, epoch=await farm.lead()) == 1
        assert await _reuse(farm, await farm.start(frames="1-3")) == 0

    async def test_a_file_that_expires_behind_the_look_is_not_taken(self, farm: Farm) -> None:
        source = await _rendered(farm, "1-3")
        await farm.execute("update artifact set deleted_at = now() where job_id = :id and ordinal = 1", id=source)
        job_id = await farm.start(frames="1-3")
        assert await _reuse(farm, job_id) == 2
        assert await farm.rows("select 1 from artifact where job_id = :id and ordinal = 1", id=job_id) == []

    async def test_two_leaders_that_reuse_at_once_count_each_frame_once(self, farm: Farm) -> None:
        await _rendered(farm, "1-20")
        for _ in range(4):
            job_id = await farm.start(frames="1-20")
            taken = await asyncio.gather(*(_reuse(farm, job_id, limit=12) for _ in range(3)))
            assert sum(taken) == 20
            job = await farm.job(job_id)
            assert (job.state, job.reused) == ("succeeded", 20)
            artifacts = await farm.rows("select ordinal from artifact where job_id = :id", id=job_id)
            assert sorted(row.ordinal for row in artifacts) == list(range(20))
            await farm.assert_whole(job_id)

    async def test_reuse_that_races_the_carving_of_the_same_frames_leaves_each_in_one_place(self, farm: Farm) -> None:
        await _rendered(farm, "1-8")
        replica = await farm.replica()
        for _ in range(5):
            job_id = await farm.start(frames="1-8")
            await asyncio.gather(_reuse(farm, job_id), farm.carve(job_id, replica, 3))
            await farm.assert_whole(job_id)
            job = await farm.job(job_id)
            held = await farm.rows(
                "select coalesce(sum(cardinality(ordinals)), 0)::int as frames from work"
                " where job_id = :id and kind = 'chunk' and state = 'queued'",
                id=job_id,
            )
            assert (job.reused, held[0].frames) in ((8, 0), (5, 3))

    async def test_reuse_that_races_a_cancel_gives_each_frame_one_outcome(self, farm: Farm) -> None:
        await _rendered(farm, "1-6")
        for _ in range(5):
            job_id = await farm.start(frames="1-12")
            await asyncio.gather(_reuse(farm, job_id), farm.change(job_id, "cancel"))
            job = await farm.job(job_id)
            assert (job.state, job.reused + job.canceled) == ("canceled", 12)
            assert job.reused in (0, 6)
            await farm.assert_whole(job_id)

    async def test_what_was_reused_is_not_reused_from_but_from_the_first_that_rendered_it(self, farm: Farm) -> None:
        source = await _rendered(farm, "1-2")
        for _ in range(2):
            assert await _reuse(farm, await farm.start(frames="1-2")) == 2
        rows = await farm.rows("select distinct storage_key from artifact")
        first = await farm.rows("select storage_key from artifact where job_id = :id", id=source)
        assert {row.storage_key for row in rows} == {row.storage_key for row in first}

    async def test_files_that_a_step_made_of_a_frame_stay_with_its_job(self, farm: Farm) -> None:
        source = await farm.start(frames="1")
        chunk = await farm.rendering(source, await farm.replica(), frames=1)
        attempt = uuid4()
        place = f"artifacts/{source}/0/{attempt}"
        files = [artifact(f"{place}/0001.png"), artifact(f"{place}/00-depth.exr", kind="extra")]
        frame = commit_of(chunk, 0, attempt_id=attempt, artifacts=files)
        await commit_frames(farm.db, work_id=chunk.work_id, fence=chunk.fence, replica_id=uuid4(), frames=[frame])
        async with farm.db.transaction() as tx:
            await add_step(tx, job_id=source, request={"step": "denoise"}, ordinals=[0])
        [task] = await claim_tasks(
            farm.db,
            kinds=[WorkKind.POST],
            limit=9,
            lease=timedelta(minutes=1),
            holder=farm.model_id,
            epoch=await farm.lead(),
        )
        made = artifact(f"artifacts/{source}/0/{uuid4().hex}/step1_0001.png", kind="extra", ordinal=0)
        assert await finish_task(farm.db, work_id=task.work_id, fence=task.fence, artifacts=[made], took_ms=5)
        job_id = await farm.start(frames="1")
        assert await _reuse(farm, job_id) == 1
        rows = await farm.rows("select storage_key from artifact where job_id = :id order by 1", id=job_id)
        assert [row.storage_key for row in rows] == sorted(file.storage_key for file in files)

    async def test_a_job_may_decline(self, farm: Farm) -> None:
        await _rendered(farm, "1-2")
        assert await _reuse(farm, await farm.start(frames="1-2", reuse=False)) == 0

    async def test_who_leads_no_more_reuses_nothing(self, farm: Farm) -> None:
        await _rendered(farm, "1-2")
        job_id = await farm.start(frames="1-2")
        with pytest.raises(LostLeadership):
            await reuse_frames(farm.db, job_id=job_id, epoch=await farm.lead() + 1000, limit=10)


async def test_jobs_to_pin_come_with_the_most_urgent_first(farm: Farm) -> None:
    normal = await farm.submit()
    urgent = await farm.submit(priority="interactive")
    running = await farm.start()
    found = await jobs_to_pin(farm.db, job_ids=[normal, urgent, running])
    assert [job.id for job in found] == [urgent, normal]
    assert found[0].spec["frames"] == "1-10"


async def test_a_queued_job_that_is_refused_fails_and_says_why_and_a_running_one_is_left_alone(farm: Farm) -> None:
    queued, running = await farm.submit(), await farm.start()
    epoch = await farm.lead()
    for job_id in (queued, running):
        await refuse_job(farm.db, job_id=job_id, message="Submit it again.", epoch=epoch)
    refused = await farm.job(queued)
    assert (refused.state, refused.end_reason, refused.message) == ("failed", "infra", "Submit it again.")
    assert (await farm.job(running)).state == "running"
    await farm.assert_whole(queued)


async def _rendered(farm: Farm, frames: str, **spec: Any) -> UUID:
    job_id = await farm.start(frames=frames, **spec)
    chunk = await farm.rendering(job_id, await farm.replica(), frames=100)
    await farm.commit(chunk)
    assert (await farm.job(job_id)).state == "succeeded"
    return job_id


async def _reuse(farm: Farm, job_id: UUID, *, limit: int = 1000) -> int:
    return (await reuse_frames(farm.db, job_id=job_id, epoch=await farm.lead(), limit=limit)).taken
