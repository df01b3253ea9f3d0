"""Retry, requeue and skip of frames: what has a picture keeps it, history stays, and the counters tell the truth."""

from __future__ import annotations

from uuid import UUID

import pytest

from db.dispatch import finish_jobs, rescue_expired, reuse_frames
from db.queue import release_canceled
from db.repositories.artifacts import frame_artifacts, list_artifacts
from jobs.errors import Conflict
from jobs.frame_actions import FrameAction
from jobs.states import FrameState
from tests.db.builders import LIMITS, Farm
from tests.db.control import act, assert_honest, fail_for_good, frames, pause, render_all, retry, states

ONE_TRY = {"tries": 1}


async def failed_job(farm: Farm, replica: UUID) -> UUID:
    """Frames 1-6, of which the third and the fifth failed."""
    job_id = await farm.start(frames="1-6", limits=ONE_TRY)
    chunk = await farm.rendering(job_id, replica, frames=6)
    await farm.commit(chunk, [0, 1, 3, 5])
    await fail_for_good(farm, chunk, 2, 4)
    assert (await farm.job(job_id)).state == "failed"
    return job_id


async def canceled_job(farm: Farm, replica: UUID) -> UUID:
    """Frames 1-6, of which the first two are there."""
    job_id = await farm.start(frames="1-6")
    await farm.commit(await farm.rendering(job_id, replica, frames=2))
    await farm.change(job_id, "cancel")
    assert (await farm.job(job_id)).state == "canceled"
    return job_id


class TestRetry:
    async def test_only_the_failed_frames_are_rendered_again(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await failed_job(farm, replica)
        assert (await retry(farm, job_id)).changed == 2
        job = await farm.job(job_id)
        assert (job.state, job.generation, job.committed, job.failed, job.ended_at) == ("queued", 2, 4, 0, None)
        assert await states(farm, job_id) == "CCqCqC"
        assert await render_all(farm, job_id, replica) == [2, 4]
        job = await farm.job(job_id)
        assert (job.state, job.committed) == ("succeeded", 6)
        await assert_honest(farm, job_id)

    async def test_results_of_earlier_generations_stay(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await failed_job(farm, replica)
        await retry(farm, job_id)
        await render_all(farm, job_id, replica)
        rows = await farm.rows(
            "select generation, state from frame_result where job_id = :id and ordinal = 2 order by 1", id=job_id
        )
        assert [tuple(row) for row in rows] == [(1, "failed"), (2, "committed")]

    async def test_a_frame_that_fails_again_fails_the_job_for_its_new_reason(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await failed_job(farm, replica)
        await retry(farm, job_id)
        await farm.pin(job_id)
        chunk = await farm.rendering(job_id, replica, frames=6)
        await farm.commit(chunk, [4])
        await fail_for_good(farm, chunk, 2)
        job = await farm.job(job_id)
        assert (job.state, job.failed) == ("failed", 1)
        assert "1 of 6 frames failed; the first was frame 3" in job.message
        await assert_honest(farm, job_id)

    async def test_a_canceled_job_goes_on_with_what_it_lacks(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await canceled_job(farm, replica)
        await retry(farm, job_id)
        assert await states(farm, job_id) == "CCqqqq"
        assert await render_all(farm, job_id, replica) == [2, 3, 4, 5]
        assert (await farm.job(job_id)).state == "succeeded"
        await assert_honest(farm, job_id)

    async def test_a_late_commit_of_the_canceled_generation_is_refused(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-2")
        zombie = await farm.rendering(job_id, replica, frames=2)
        await farm.change(job_id, "cancel")
        await farm.execute("update work set leased_until = now() - interval '1 s' where id = :id", id=zombie.work_id)
        await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS)
        assert (await farm.job(job_id)).state == "canceled"
        await retry(farm, job_id)
        assert await farm.commit(zombie) is None
        assert await render_all(farm, job_id, replica) == [0, 1]
        await assert_honest(farm, job_id)

    async def test_a_subset_leaves_the_other_failures_as_they_are(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await failed_job(farm, replica)
        assert (await retry(farm, job_id, [0, 1, 2])).changed == 1
        assert await states(farm, job_id) == "CCqCFC"
        await render_all(farm, job_id, replica)
        job = await farm.job(job_id)
        assert (job.state, job.failed, job.committed) == ("failed", 1, 5)
        assert "the first was frame 5" in job.message
        await retry(farm, job_id)
        await render_all(farm, job_id, replica)
        assert (await farm.job(job_id)).state == "succeeded"
        await assert_honest(farm, job_id)

    async def test_a_subset_of_a_canceled_job_ends_canceled_with_those_frames(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await canceled_job(farm, replica)
        await retry(farm, job_id, [4])
        assert await states(farm, job_id) == "CCXXqX"
        assert await render_all(farm, job_id, replica) == [4]
        job = await farm.job(job_id)
        assert (job.state, job.end_reason, job.committed, job.canceled) == ("canceled", "user_cancel", 3, 3)
        await assert_honest(farm, job_id)
        await retry(farm, job_id)
        assert await render_all(farm, job_id, replica) == [2, 3, 5]
        assert (await farm.job(job_id)).state == "succeeded"

    async def test_a_retry_that_is_canceled_leaves_every_frame_as_it_was(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await failed_job(farm, replica)
        await retry(farm, job_id)
        await farm.change(job_id, "cancel")
        job = await farm.job(job_id)
        assert (job.state, job.committed, job.failed, job.canceled) == ("canceled", 4, 2, 0)
        assert await states(farm, job_id) == "CCFCFC"

    async def test_frames_under_way_at_the_cancel_of_a_retry_are_what_they_were(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await failed_job(farm, replica)
        await act(farm, job_id, FrameAction.REQUEUE, [0, 2])
        await farm.pin(job_id)
        chunk = await farm.rendering(job_id, replica, frames=6)
        await farm.change(job_id, "cancel")
        assert await release_canceled(farm.db, work_id=chunk.work_id, fence=chunk.fence)
        assert (await farm.job(job_id)).state == "canceled"
        assert await states(farm, job_id) == "CCFCFC"
        await assert_honest(farm, job_id)

    async def test_frames_are_retried_while_the_others_still_render(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-4", limits=ONE_TRY)
        chunk = await farm.rendering(job_id, replica, frames=2)
        await fail_for_good(farm, chunk, 0)
        assert (await act(farm, job_id, FrameAction.RETRY)).changed == 1
        assert (await farm.job(job_id)).state == "running"
        assert await states(farm, job_id) == "qrqq"
        await farm.commit(chunk, [1])
        assert await render_all(farm, job_id, replica) == [0, 2, 3]
        job = await farm.job(job_id)
        assert (job.state, job.committed, job.failed) == ("succeeded", 4, 0)
        await assert_honest(farm, job_id)

    async def test_the_film_is_made_again(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-2", limits=ONE_TRY, outputs={"video": "auto"})
        chunk = await farm.rendering(job_id, replica, frames=2)
        await farm.commit(chunk, [0])
        await fail_for_good(farm, chunk, 1)
        await retry(farm, job_id)
        await render_all(farm, job_id, replica)
        assert (await farm.job(job_id)).state == "finishing"
        films = await farm.rows("select generation, state from work where task = 'video' and job_id = :id", id=job_id)
        assert [tuple(row) for row in films] == [(2, "queued")]

    async def test_a_job_that_lacks_only_its_film_needs_no_frame_for_a_retry(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-2", outputs={"video": "auto"})
        await render_all(farm, job_id, replica)
        await farm.execute("update work set state = 'failed', error = 'no codec' where task = 'video'")
        assert await finish_jobs(farm.db, epoch=await farm.lead()) == 1
        assert (await farm.job(job_id)).end_reason == "bad_output"
        assert (await retry(farm, job_id)).state == "finishing"

    async def test_a_job_that_runs_or_succeeded_has_nothing_to_retry(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-2")
        with pytest.raises(Conflict) as refused:
            await retry(farm, job_id)
        assert refused.value.details == {"state": "running", "allowed": ["pause", "cancel"]}
        await render_all(farm, job_id, replica)
        with pytest.raises(Conflict) as refused:
            await retry(farm, job_id)
        assert refused.value.details == {"state": "succeeded", "allowed": ["requeue"]}
        with pytest.raises(Conflict):
            await act(farm, job_id, FrameAction.RETRY, [0])


class TestRequeue:
    async def test_a_frame_with_a_picture_is_rendered_again_and_shows_the_old_one_until_then(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-3")
        await render_all(farm, job_id, replica)
        [before] = await _pictures(farm, job_id, 1)
        assert (await act(farm, job_id, FrameAction.REQUEUE, [1])).state == "queued"
        assert await states(farm, job_id) == "CqC"
        assert [frame.ordinal for frame in await frames(farm, job_id, [FrameState.COMMITTED])] == [0, 2]
        assert await _pictures(farm, job_id, 1) == [before]
        assert await render_all(farm, job_id, replica) == [1]
        [after] = await _pictures(farm, job_id, 1)
        assert after != before
        job = await farm.job(job_id)
        assert (job.state, job.committed, job.generation) == ("succeeded", 3, 2)
        await assert_honest(farm, job_id)

    async def test_it_is_never_taken_from_another_job(self, farm: Farm) -> None:
        """Somebody requeues a frame because its picture is wrong; the same picture from elsewhere would not help."""
        replica = await farm.replica()
        first = await farm.start(frames="1-3")
        await render_all(farm, first, replica)
        second = await farm.start(frames="1-3")
        assert (await reuse_frames(farm.db, job_id=second, epoch=await farm.lead(), limit=100)).taken == 3
        await act(farm, second, FrameAction.REQUEUE, [0])
        await farm.pin(second)
        await farm.execute("update job set reuse_next = 0 where id = :id", id=second)
        again = await reuse_frames(farm.db, job_id=second, epoch=await farm.lead(), limit=100)
        assert (again.taken, again.done) == (0, True)
        assert await render_all(farm, second, replica) == [0]
        assert await states(farm, second) == "CRR"
        await assert_honest(farm, second)

    async def test_others_reuse_the_new_picture(self, farm: Farm) -> None:
        replica = await farm.replica()
        first = await farm.start(frames="1-2")
        await render_all(farm, first, replica)
        await act(farm, first, FrameAction.REQUEUE, [0])
        await render_all(farm, first, replica)
        second = await farm.start(frames="1-2")
        await reuse_frames(farm.db, job_id=second, epoch=await farm.lead(), limit=100)
        [picture] = await farm.rows("select storage_key from artifact where job_id = :id and ordinal = 0", id=second)
        assert [picture.storage_key] == await _pictures(farm, first, 0)

    async def test_a_frame_of_a_running_job_goes_back_while_the_others_go_on(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-6")
        chunk = await farm.rendering(job_id, replica, frames=3)
        await farm.commit(chunk, [0, 1])
        await act(farm, job_id, FrameAction.REQUEUE, [0])
        assert await states(farm, job_id) == "qCrqqq"
        await farm.commit(chunk, [2])
        assert await render_all(farm, job_id, replica) == [0, 3, 4, 5]
        job = await farm.job(job_id)
        assert (job.state, job.committed) == ("succeeded", 6)
        await assert_honest(farm, job_id)

    async def test_a_reused_frame_whose_position_was_never_carved_is_carved_once(self, farm: Farm) -> None:
        replica = await farm.replica()
        first = await farm.start(frames="3")
        await render_all(farm, first, replica)
        job_id = await farm.start(frames="1-5")
        await reuse_frames(farm.db, job_id=job_id, epoch=await farm.lead(), limit=100)
        await act(farm, job_id, FrameAction.REQUEUE, [2])
        assert await states(farm, job_id) == "qqqqq"
        await farm.carve(job_id, replica, 1, 1, 1, 1, 1, 1)
        await assert_honest(farm, job_id)
        rendered = await render_all(farm, job_id, replica)
        assert rendered == [0, 1, 2, 3, 4]
        assert (await farm.job(job_id)).state == "succeeded"

    async def test_a_frame_that_renders_refuses_and_nothing_is_changed(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-4")
        chunk = await farm.rendering(job_id, replica, frames=2)
        await farm.commit(chunk, [0])
        events = len(await farm.events(job_id))
        with pytest.raises(Conflict) as refused:
            await act(farm, job_id, FrameAction.REQUEUE, [0, 1])
        assert refused.value.details["frames"] == [2]
        assert refused.value.details["state"] == "rendering"
        assert await states(farm, job_id) == "Crqq"
        assert len(await farm.events(job_id)) == events
        assert (await farm.job(job_id)).generation == 1

    async def test_a_film_under_way_is_dropped(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-2", outputs={"video": "auto"})
        await render_all(farm, job_id, replica)
        assert (await act(farm, job_id, FrameAction.REQUEUE, [0])).state == "queued"
        await render_all(farm, job_id, replica)
        films = await farm.rows("select generation, state from work where task = 'video' order by id")
        assert [tuple(row) for row in films] == [(1, "canceled"), (2, "queued")]

    async def test_only_the_newest_files_are_listed(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-2")
        await render_all(farm, job_id, replica)
        await act(farm, job_id, FrameAction.REQUEUE, [1])
        await render_all(farm, job_id, replica)
        async with farm.db.transaction() as tx:
            listed = await list_artifacts(tx, job_id=job_id, limit=10)
        assert [(row.ordinal, row.generation) for row in listed] == [(0, 1), (1, 2)]


class TestSkip:
    async def test_a_frame_is_skipped_wherever_it_waits(self, farm: Farm) -> None:
        """In a range, in a chunk without a replica, and staged behind another one."""
        replica = await farm.replica()
        job_id = await farm.start(frames="1-8")
        chunk = await farm.rendering(job_id, replica, frames=2)
        await farm.carve(job_id, replica, 2)
        await act(farm, job_id, FrameAction.SKIP, [3, 6])
        assert await states(farm, job_id) == "rlqSqqSq"
        await act(farm, job_id, FrameAction.SKIP, [2])  # the chunk is empty now
        await farm.commit(chunk)
        assert await render_all(farm, job_id, replica) == [4, 5, 7]
        job = await farm.job(job_id)
        assert (job.state, job.committed, job.skipped) == ("succeeded", 5, 3)
        await assert_honest(farm, job_id)

    async def test_a_failed_frame_that_is_skipped_lets_the_job_succeed(self, farm: Farm) -> None:
        """OpenCue's "eat": one frame that nobody needs must not keep the film away."""
        replica = await farm.replica()
        job_id = await failed_job(farm, replica)
        assert (await act(farm, job_id, FrameAction.SKIP, [2, 4])).state == "succeeded"
        assert await states(farm, job_id) == "CCSCSC"
        await assert_honest(farm, job_id)

    async def test_all_that_is_left_may_be_skipped_of_a_paused_job_which_then_ends(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-4")
        await farm.commit(await farm.rendering(job_id, replica, frames=1))
        await pause(farm, job_id)
        assert (await act(farm, job_id, FrameAction.SKIP, [1, 2, 3])).state == "succeeded"

    async def test_a_job_that_waits_for_another_ends_when_all_of_it_is_skipped_and_lets_others_go_on(
        self, farm: Farm
    ) -> None:
        first = await farm.start(frames="1-2")
        second = await farm.submit(frames="1-4", depends_on=[{"job": str(first)}])
        third = await farm.submit(depends_on=[{"job": str(second)}])
        assert (await act(farm, second, FrameAction.SKIP)).state == "succeeded"
        assert (await farm.job(third)).state == "queued"
        await farm.change(first, "cancel")  # which fails what still waits for it
        assert [(await farm.job(job_id)).state for job_id in (first, second, third)] == [
            "canceled",
            "succeeded",
            "queued",
        ]

    async def test_a_job_without_a_single_picture_makes_no_film(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-4", outputs={"video": "auto"})
        assert (await act(farm, job_id, FrameAction.SKIP)).state == "succeeded"

    async def test_what_has_a_picture_or_renders_cannot_be_skipped(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-4")
        chunk = await farm.rendering(job_id, replica, frames=2)
        with pytest.raises(Conflict) as refused:
            await act(farm, job_id, FrameAction.SKIP, [1, 3])
        assert "Nothing was changed" in refused.value.message
        await farm.commit(chunk, [0])
        with pytest.raises(Conflict) as refused:
            await act(farm, job_id, FrameAction.SKIP, [0])
        assert refused.value.details["allowed"] == ["requeue", "retry"]
        assert await states(farm, job_id) == "Crqq"

    async def test_a_skipped_frame_can_come_back(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-3")
        await act(farm, job_id, FrameAction.SKIP, [1])
        assert (await act(farm, job_id, FrameAction.SKIP, [1])).changed == 0
        await act(farm, job_id, FrameAction.REQUEUE, [1])
        assert await render_all(farm, job_id, replica) == [0, 1, 2]
        await assert_honest(farm, job_id)

    async def test_a_job_that_is_being_canceled_takes_no_action(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-3")
        await farm.rendering(job_id, await farm.replica(), frames=1)
        await farm.change(job_id, "cancel")
        with pytest.raises(Conflict) as refused:
            await act(farm, job_id, FrameAction.SKIP, [2])
        assert refused.value.details["state"] == "canceling"


async def _pictures(farm: Farm, job_id: UUID, ordinal: int) -> list[str]:
    async with farm.db.transaction() as tx:
        return [row.storage_key for row in await frame_artifacts(tx, job_id=job_id, ordinals=[ordinal])]
