"""A part that fails, is lost, drained, paused or canceled: the others go on, or end with the frame."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text

from db.dispatch import (
    apply_plan,
    rescue_expired,
)
from db.queue import (
    BeatReply,
    FailOutcome,
    mark_gone,
    release_canceled,
    release_chunk,
    start_chunk,
)
from jobs.limits import FarmLimits
from jobs.planning import Plan, TakeBack
from jobs.states import EndReason
from tests.db.builders import CLUSTER, LIMITS, Farm
from tests.db.control import assert_found_by_state, waiting
from tests.db.split_jobs import claim_merge, commit, finish, merging, place, rendering, split_job


class TestFailure:
    async def test_only_the_part_that_failed_is_tried_again_and_elsewhere(self, farm: Farm) -> None:
        job_id = await split_job(farm)
        replica = await farm.replica()
        failing, fine = await rendering(farm, job_id, replica, await farm.replica())
        attempt_id = uuid4()
        await farm.execute("update work set replica_id = :r where id = :id", r=replica, id=failing.work_id)
        assert await farm.fail(failing, 0, attempt_id=attempt_id) is FailOutcome.RETRIED
        assert await farm.fail(failing, 0, attempt_id=attempt_id) is FailOutcome.RETRIED  # its answer was lost
        row = await farm.one("select part, parts, tries, avoid, ordinals from work where state = 'queued'")
        assert tuple(row) == (failing.part, 2, 1, [replica], [0])
        assert (await farm.work(fine.work_id)).state == "rendering"
        [data] = [data for _, kind, data in await farm.events(job_id) if kind == "frame.retried"]
        assert (data["frame"], data["part"], data["parts"], data["tries"]) == (1, 0, 2, 1)
        await farm.assert_whole(job_id)

    async def test_a_part_that_fails_for_good_fails_its_frame_once_and_ends_the_other_parts(self, farm: Farm) -> None:
        job_id = await split_job(farm, parts=4, limits={"tries": 1}, frames="1-2")
        failing, running, done = await rendering(farm, job_id, *[await farm.replica() for _ in range(3)])
        assert await commit(farm, done)
        assert await farm.fail(failing, 0) is FailOutcome.FAILED
        job = await farm.job(job_id)
        assert (job.state, job.failed) == ("running", 1)
        states = await farm.rows("select state from work where kind = 'part' order by part")
        assert [row.state for row in states] == ["failed", "canceled", "done", "canceled"]
        assert not await commit(farm, running)
        assert await farm.fail(running, 0) is FailOutcome.SUPERSEDED
        assert await release_chunk(farm.db, work_id=running.work_id, fence=running.fence, reason=EndReason.INFRA) is (
            False
        )
        assert await claim_merge(farm) is None
        await farm.assert_whole(job_id)
        merge = await merging(farm, job_id, parts=4)  # the other frame goes on
        assert merge.ordinals == [1]
        assert await finish(farm, merge)
        job = await farm.job(job_id)
        assert (job.state, job.end_reason, job.committed, job.failed) == ("failed", "engine_error", 1, 1)
        assert await farm.rows("select 1 from work where state in ('queued', 'leased', 'rendering')") == []
        await farm.assert_whole(job_id)

    async def test_a_beat_that_names_two_parts_of_a_frame_while_one_fails_for_good(self, farm: Farm) -> None:
        job_id = await split_job(farm, limits={"tries": 1})
        replica = await farm.replica()
        low, high = await rendering(farm, job_id, replica, replica)
        assert low.work_id < high.work_id
        async with farm.db.transaction() as busy:
            await busy.execute(text("select from work where id = :id for update"), {"id": low.work_id})
            beat = asyncio.ensure_future(farm.beat(replica, high, low))
            await waiting(farm, 1)
            failed = asyncio.ensure_future(farm.fail(high, 0, replica_id=replica))
            await waiting(farm, 2)
        renewed, outcome = await asyncio.gather(beat, failed, return_exceptions=True)
        assert outcome is FailOutcome.FAILED
        assert isinstance(renewed, BeatReply)
        assert sorted(renewed.owned) == [low.key, high.key]
        assert (await farm.job(job_id)).state == "failed"

    async def test_two_parts_that_fail_for_good_at_once_fail_the_frame_once(self, farm: Farm) -> None:
        for _ in range(5):
            job_id = await split_job(farm, limits={"tries": 1})
            parts = await rendering(farm, job_id, await farm.replica(), await farm.replica())
            outcomes = await asyncio.gather(*(farm.fail(part, 0) for part in parts))
            assert sorted(outcomes) == [FailOutcome.FAILED, FailOutcome.SUPERSEDED]
            assert (await farm.job(job_id)).failed == 1
            await farm.assert_whole(job_id)

    async def test_a_commit_races_the_failure_of_the_other_part_and_no_merge_is_left(self, farm: Farm) -> None:
        for _ in range(5):
            job_id = await split_job(farm, limits={"tries": 1})
            failing, fine = await rendering(farm, job_id, await farm.replica(), await farm.replica())
            outcome, _ = await asyncio.gather(farm.fail(failing, 0), commit(farm, fine))
            assert outcome is FailOutcome.FAILED
            assert await farm.rows("select 1 from work where state in ('queued', 'leased', 'rendering')") == []
            job = await farm.job(job_id)
            assert (job.state, job.failed) == ("failed", 1)
            await farm.assert_whole(job_id)

    async def test_a_part_that_kills_its_workers_fails_the_frame_at_the_ceiling(self, farm: Farm) -> None:
        limits = FarmLimits(worker_failures_per_frame=2)
        job_id = await split_job(farm)
        epoch = await farm.lead()
        poisoned, fine = await rendering(farm, job_id, await farm.replica(), await farm.replica())
        await farm.expire(poisoned.work_id)
        assert await rescue_expired(farm.db, epoch=epoch, limits=limits) == 1
        assert (await farm.work(fine.work_id)).state == "rendering"
        [again] = await rendering(farm, job_id, await farm.replica())
        await farm.expire(again.work_id)
        assert await rescue_expired(farm.db, epoch=epoch, limits=limits) == 1
        job = await farm.job(job_id)
        assert (job.state, job.end_reason, job.failed) == ("failed", "worker_lost", 1)
        assert not await commit(farm, fine)
        await farm.assert_whole(job_id)

    async def test_out_of_memory_has_its_own_ceiling_and_spends_no_try(self, farm: Farm) -> None:
        job_id = await split_job(farm, limits={"tries": 1})
        part, _ = await rendering(farm, job_id, await farm.replica(), await farm.replica())
        assert await farm.fail(part, 0, EndReason.OUT_OF_MEMORY) is FailOutcome.RETRIED
        row = await farm.one("select tries, resource_failures from work where state = 'queued'")
        assert tuple(row) == (0, 1)

    async def test_an_invalid_model_ends_the_job_and_all_its_parts(self, farm: Farm) -> None:
        job_id = await split_job(farm, parts=3, frames="1-2")
        part, other = await rendering(farm, job_id, await farm.replica(), await farm.replica())
        assert await farm.fail(part, 0, EndReason.MODEL_INVALID) is FailOutcome.FAILED
        job = await farm.job(job_id)
        assert (job.state, job.failed, job.canceled) == ("failed", 1, 1)
        assert not await commit(farm, other)
        assert await farm.rows("select 1 from work where state in ('queued', 'leased', 'rendering')") == []


class TestReturns:
    async def test_a_drained_replicas_part_is_free_and_costs_nothing(self, farm: Farm) -> None:
        job_id = await split_job(farm)
        part, other = await rendering(farm, job_id, await farm.replica(), await farm.replica())
        assert await release_chunk(farm.db, work_id=part.work_id, fence=part.fence, reason=EndReason.INTERRUPTED)
        row = await farm.work(part.work_id)
        assert (row.state, row.tries, row.worker_failures, row.part) == ("queued", 0, 0, 0)
        assert (await farm.work(other.work_id)).state == "rendering"
        await farm.assert_whole(job_id)

    async def test_a_replica_found_dead_is_charged_for_the_part_that_it_rendered(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await split_job(farm)
        await rendering(farm, job_id, replica, await farm.replica())
        await mark_gone(farm.db, replica_id=replica, reason=EndReason.WORKER_LOST, limits=LIMITS)
        row = await farm.one("select part, worker_failures, avoid from work where state = 'queued'")
        assert tuple(row) == (0, 1, [replica])
        await farm.assert_whole(job_id)

    async def test_a_staged_part_is_taken_back_and_one_that_renders_is_left(self, farm: Farm) -> None:
        replica, other = await farm.replica(), await farm.replica()
        job_id = await split_job(farm)
        await place(farm, job_id, replica, other)
        first, second = await farm.rows("select id from work where kind = 'part' order by id")
        started = await farm.claim(other)
        assert started is not None
        await start_chunk(farm.db, work_id=started.work_id, fence=started.fence, warm=True)
        backs = (TakeBack(replica_id=replica, work_id=first.id), TakeBack(replica_id=other, work_id=second.id))
        applied = await apply_plan(farm.db, cluster_id=CLUSTER, plan=Plan(take_backs=backs), epoch=await farm.lead())
        assert applied.taken_back == 1
        assert (await farm.work(first.id)).assigned_to is None
        assert (await farm.work(second.id)).state == "rendering"

    async def test_of_a_paused_job_running_parts_end_and_are_merged_and_no_other_starts(self, farm: Farm) -> None:
        job_id = await split_job(farm, frames="1-2")
        replica, other = await farm.replica(), await farm.replica()
        parts = await rendering(farm, job_id, replica, other)
        await place(farm, job_id, replica, other)
        await farm.change(job_id, "pause")
        assert await farm.claim(replica) is None
        assert await farm.rows("select 1 from work where assigned_to is not null") == []
        for part in parts:
            assert await commit(farm, part)
        merge = await claim_merge(farm)
        assert merge is not None
        assert await finish(farm, merge)
        job = await farm.job(job_id)
        assert (job.state, job.committed) == ("paused", 1)
        await farm.assert_whole(job_id)


class TestCancel:
    async def test_in_the_middle_the_frame_counts_once_and_the_job_ends_with_its_last_part(self, farm: Farm) -> None:
        job_id = await split_job(farm, parts=4, frames="1-3")
        done, first, second = await rendering(farm, job_id, *[await farm.replica() for _ in range(3)])
        await commit(farm, done)
        await farm.change(job_id, "cancel")
        job = await farm.job(job_id)
        assert (job.state, job.canceled) == ("canceling", 3)
        await assert_found_by_state(farm, job_id)
        assert not await commit(farm, first)  # its replica had not heard of the cancel
        assert (await farm.job(job_id)).state == "canceling"
        assert await release_canceled(farm.db, work_id=second.work_id, fence=second.fence)
        job = await farm.job(job_id)
        assert (job.state, job.canceled, job.committed) == ("canceled", 3, 0)
        assert await farm.rows("select 1 from work where state in ('queued', 'leased', 'rendering')") == []
        assert await claim_merge(farm) is None

    @pytest.mark.parametrize("how", ["fails", "is rescued"])
    async def test_a_part_that_ends_otherwise_ends_the_canceled_job_too(self, farm: Farm, how: str) -> None:
        job_id = await split_job(farm)
        part, _ = await rendering(farm, job_id, await farm.replica(), await farm.replica())
        await commit(farm, _)
        await farm.change(job_id, "cancel")
        if how == "fails":
            assert await farm.fail(part, 0) is FailOutcome.CANCELED
        else:
            await farm.expire(part.work_id)
            assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 1
        job = await farm.job(job_id)
        assert (job.state, job.canceled) == ("canceled", 1)
        await assert_found_by_state(farm, job_id)

    async def test_a_commit_of_the_last_part_races_the_cancel_and_nothing_is_left(self, farm: Farm) -> None:
        for _ in range(6):
            job_id = await split_job(farm)
            last, first = await rendering(farm, job_id, await farm.replica(), await farm.replica())
            await commit(farm, first)
            await asyncio.gather(farm.change(job_id, "cancel"), commit(farm, last))
            job = await farm.job(job_id)
            assert (job.state, job.canceled, job.committed) == ("canceled", 1, 0)
            assert await farm.rows("select 1 from work where state in ('queued', 'leased', 'rendering')") == []

    async def test_a_merge_under_way_is_refused_and_its_frame_is_canceled(self, farm: Farm) -> None:
        job_id = await split_job(farm)
        merge = await merging(farm, job_id)
        await farm.change(job_id, "cancel")
        assert (await farm.job(job_id)).state == "canceled"
        assert not await finish(farm, merge)
        job = await farm.job(job_id)
        assert (job.canceled, job.committed) == (1, 0)
        assert await farm.rows("select 1 from frame_result") == []

    async def test_a_merge_that_races_the_cancel_has_one_outcome(self, farm: Farm) -> None:
        for _ in range(5):
            job_id = await split_job(farm)
            merge = await merging(farm, job_id)
            _, finished = await asyncio.gather(farm.change(job_id, "cancel", strict=False), finish(farm, merge))
            job = await farm.job(job_id)
            assert (job.state, job.committed, job.canceled) == (("succeeded", 1, 0) if finished else ("canceled", 0, 1))
