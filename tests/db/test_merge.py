"""The parts of a frame are merged once, by whoever holds the fence."""

from __future__ import annotations

from uuid import uuid4

import pytest

from db.dispatch import (
    ClaimedTask,
    claim_tasks,
    fail_task,
    finish_merge,
    finish_task,
    parts_of_frame,
    postpone_task,
    rescue_expired,
)
from jobs.limits import FarmLimits
from jobs.states import EndReason, WorkKind
from tests.db.builders import LEASE, LIMITS, Farm
from tests.db.split_jobs import claim_merge, commit, finish, merged, merging, rendering, split_job


class TestMerge:
    async def test_it_reads_the_parts_in_order_and_commits_once(self, farm: Farm) -> None:
        job_id = await split_job(farm, parts=3)
        merge = await merging(farm, job_id, parts=3)
        async with farm.db.transaction() as tx:
            parts = await parts_of_frame(tx, job_id=job_id, ordinal=0, generation=1)
        assert [(part.part, part.render_ms, part.warm) for part in parts] == [(n, 10.0, True) for n in range(3)]
        frame = merged(merge)
        assert await finish(farm, merge, frame)
        assert await finish(farm, merge, frame)  # its answer was lost
        assert not await finish(farm, merge)  # another attempt, of a second process
        result = await farm.one("select state, replica_id, attempt_id from frame_result")
        assert tuple(result) == ("committed", None, frame.attempt_id)
        assert (await farm.one("select storage_key from artifact")).storage_key == frame.artifacts[0].storage_key
        await farm.assert_whole(job_id)

    async def test_a_second_owners_merge_wins_over_the_first_ones(self, farm: Farm) -> None:
        job_id = await split_job(farm)
        zombie = await merging(farm, job_id)
        await farm.expire(zombie.work_id)
        assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 1
        await farm.execute("update work set not_before = now() where kind = 'merge'")
        again = await claim_merge(farm)
        assert again is not None
        assert not await finish(farm, zombie)
        assert await finish(farm, again)
        assert (await farm.job(job_id)).committed == 1

    async def test_the_merge_of_the_last_scout_frame_asks_for_approval(self, farm: Farm) -> None:
        """It waited for the leader's sweep, and a person for a question that nobody had asked."""
        job_id = await split_job(farm, frames="1-3", approval=1)
        assert await finish(farm, await merging(farm, job_id))
        assert (await farm.job(job_id)).state == "awaiting_approval"

    @pytest.mark.parametrize("reason", [EndReason.BAD_OUTPUT, EndReason.INFRA])
    async def test_one_that_keeps_failing_fails_the_frame_with_its_reason(self, farm: Farm, reason: EndReason) -> None:
        job_id = await split_job(farm, frames="1-2")
        merge: ClaimedTask | None = await merging(farm, job_id)
        for attempt in range(3):
            assert merge is not None, attempt
            assert await fail_task(
                farm.db,
                work_id=merge.work_id,
                fence=merge.fence,
                message="they do not fit",
                retryable=True,
                reason=reason,
            )
            await farm.execute("update work set not_before = now() where kind = 'merge'")
            merge = await claim_merge(farm)
        assert merge is None
        result = await farm.one("select state, end_reason, message from frame_result")
        assert tuple(result) == (
            "failed",
            reason,
            "The parts of the frame could not be merged: they do not fit",
        )
        tries = await farm.rows("select replica_id from attempt where outcome = :reason", reason=str(reason))
        assert [row.replica_id for row in tries] == [None] * 3
        job = await farm.job(job_id)
        assert (job.state, job.failed) == ("running", 1)
        await farm.assert_whole(job_id)

    async def test_one_whose_workers_die_fails_the_frame_at_the_ceiling(self, farm: Farm) -> None:
        limits = FarmLimits(worker_failures_per_frame=1)
        job_id = await split_job(farm)
        merge = await merging(farm, job_id)
        await farm.expire(merge.work_id)
        assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=limits) == 1
        job = await farm.job(job_id)
        assert (job.state, job.end_reason, job.failed) == ("failed", "worker_lost", 1)
        await farm.assert_whole(job_id)

    async def test_an_outage_is_waited_out_at_no_cost(self, farm: Farm) -> None:
        job_id = await split_job(farm)
        merge = await merging(farm, job_id)
        for _ in range(10):
            assert await postpone_task(farm.db, work_id=merge.work_id, fence=merge.fence, message="storage is away")
            await farm.execute("update work set not_before = now() where kind = 'merge'")
            again = await claim_merge(farm)
            assert again is not None
            merge = again
        assert await finish(farm, merge)
        assert (await farm.job(job_id)).state == "succeeded"

    async def test_it_goes_before_the_films_and_previews_of_its_class(self, farm: Farm) -> None:
        job_id = await split_job(farm, frames="1-2")
        first = await merging(farm, job_id)
        assert await finish_merge(
            farm.db, work_id=first.work_id, fence=first.fence, commit=merged(first), needs_preview=True
        )
        replicas = [await farm.replica(), await farm.replica()]
        for part in await rendering(farm, job_id, *replicas):
            await commit(farm, part)
        [task] = await claim_tasks(
            farm.db,
            kinds=[WorkKind.POST, WorkKind.MERGE],
            limit=1,
            lease=LEASE,
            holder=uuid4(),
            epoch=await farm.lead(),
        )
        assert task.kind is WorkKind.MERGE

    async def test_it_cannot_be_ended_as_if_it_were_a_film(self, farm: Farm) -> None:
        merge = await merging(farm, await split_job(farm))
        assert not await finish_task(farm.db, work_id=merge.work_id, fence=merge.fence, artifacts=[], took_ms=5)
