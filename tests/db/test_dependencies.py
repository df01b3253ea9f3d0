"""Jobs that wait for jobs, as a whole and frame by frame."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from db.bootstrap import ensure_project
from db.dispatch import LookedAt, open_gates, read_snapshot, release_blocked
from jobs.errors import Conflict, InvalidInput
from jobs.frame_actions import FrameAction
from jobs.plan import make_plan
from jobs.planning import PlanSettings, Snapshot, WaitReason
from tests.db.builders import CLUSTER, LEASE, Farm
from tests.db.control import act, assert_honest, fail_for_good, render_all, retry, states


def after(*jobs: UUID, by: str = "job") -> list[dict[str, str]]:
    return [{"job": str(job_id), "by": by} for job_id in jobs]


class TestSubmit:
    async def test_a_dependency_that_is_not_there_is_refused(self, farm: Farm) -> None:
        with pytest.raises(InvalidInput) as refused:
            await farm.submit(depends_on=after(missing := uuid4()))
        assert refused.value.details["missing"] == [str(missing)]

    async def test_a_dependency_of_another_project_is_not_there(self, farm: Farm) -> None:
        job_id = await farm.submit()
        async with farm.db.transaction() as tx:
            stranger = await ensure_project(tx, slug="other", name="Other")
        await farm.execute("update job set project_id = :project", project=stranger)
        with pytest.raises(InvalidInput):
            await farm.submit(depends_on=after(job_id))

    async def test_a_dependency_that_has_failed_is_refused_with_the_remedy(self, farm: Farm) -> None:
        job_id = await farm.submit()
        await farm.change(job_id, "cancel")
        with pytest.raises(Conflict) as refused:
            await farm.submit(depends_on=after(job_id))
        assert f"/v1/jobs/{job_id}/retry" in str(refused.value.remedy)

    async def test_a_job_named_twice_is_refused(self, farm: Farm) -> None:
        job_id = await farm.submit()
        with pytest.raises(InvalidInput):
            await farm.submit(depends_on=after(job_id, job_id))

    async def test_a_dependency_that_has_succeeded_blocks_nothing(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1")
        await render_all(farm, job_id, await farm.replica())
        assert (await farm.job(await farm.submit(depends_on=after(job_id)))).state == "queued"


class TestWholeJobs:
    async def test_a_job_starts_with_the_commit_that_ends_the_last_one_it_waits_for(self, farm: Farm) -> None:
        replica = await farm.replica()
        first, second = await farm.start(frames="1"), await farm.start(frames="1-2")
        job_id = await farm.submit(depends_on=after(first, second))
        assert (await farm.job(job_id)).state == "blocked"
        assert job_id not in {view.id for view in (await _snapshot(farm)).jobs}
        await render_all(farm, first, replica)
        assert (await farm.job(job_id)).state == "blocked"
        await render_all(farm, second, replica)
        assert (await farm.job(job_id)).state == "queued"
        assert await render_all(farm, job_id, replica) == list(range(10))

    async def test_a_failure_fails_what_waits_for_it_and_what_waits_for_that(self, farm: Farm) -> None:
        """Frames stuck in DEPEND after a failure need a recovery job elsewhere (OpenCue); here nothing stays stuck."""
        first = await farm.start(frames="1", limits={"tries": 1}, name="simulation")
        second = await farm.submit(depends_on=after(first))
        third = await farm.submit(depends_on=after(second))
        chunk = await farm.rendering(first, await farm.replica(), frames=1)
        await fail_for_good(farm, chunk, 0)
        for job_id, cause in ((second, first), (third, second)):
            job = await farm.job(job_id)
            assert (job.state, job.end_reason, job.canceled) == ("failed", "dependency_failed", 10)
            assert str(cause) in job.message
        assert "simulation" in (await farm.job(second)).message

    async def test_a_cancel_does_the_same(self, farm: Farm) -> None:
        first = await farm.submit()
        second = await farm.submit(depends_on=after(first))
        await farm.change(first, "cancel")
        assert (await farm.job(second)).end_reason == "dependency_failed"

    async def test_a_retry_of_the_dependency_revives_nothing_but_a_retry_of_the_dependent_does(
        self, farm: Farm
    ) -> None:
        replica = await farm.replica()
        first = await farm.start(frames="1")
        second = await farm.submit(frames="1-2", depends_on=after(first))
        await farm.change(first, "cancel")
        with pytest.raises(Conflict) as refused:
            await retry(farm, second)
        assert str(first) in refused.value.message
        await retry(farm, first)
        assert (await farm.job(second)).state == "failed"
        assert (await retry(farm, second)).state == "blocked"
        await render_all(farm, first, replica)
        assert await render_all(farm, second, replica) == [0, 1]
        assert (await farm.job(second)).state == "succeeded"

    async def test_a_blocked_job_may_be_canceled(self, farm: Farm) -> None:
        first = await farm.submit()
        second = await farm.submit(depends_on=after(first))
        await farm.change(second, "cancel")
        assert (await farm.job(second)).state == "canceled"

    async def test_the_sweep_releases_what_an_end_could_not(self, farm: Farm) -> None:
        good, bad = await farm.submit(), await farm.submit()
        follows_good = await farm.submit(depends_on=after(good))
        follows_bad = await farm.submit(depends_on=after(bad))
        behind = await farm.submit(depends_on=after(follows_bad))
        ended = "update job set state = :state, end_reason = :reason, ended_at = now(), {} = 10 where id = :id"
        await farm.execute(ended.format("committed"), id=good, state="succeeded", reason="ok")
        await farm.execute(ended.format("canceled"), id=bad, state="canceled", reason="user_cancel")
        assert await release_blocked(farm.db, epoch=await farm.lead(), limit=10) == 2
        assert (await farm.job(follows_good)).state == "queued"
        assert (await farm.job(follows_bad)).state == (await farm.job(behind)).state == "failed"
        assert await release_blocked(farm.db, epoch=await farm.lead(), limit=10) == 0

    async def test_a_poisoned_job_does_not_stop_the_sweep(self, farm: Farm) -> None:
        first = await farm.submit()
        poisoned, fine = [await farm.submit(depends_on=after(first)) for _ in range(2)]
        await farm.execute(
            "update job set state = 'succeeded', end_reason = 'ok', ended_at = now(), committed = 10 where id = :id",
            id=first,
        )
        await farm.execute("update job set event_seq = -1 where id = :id", id=poisoned)
        await farm.execute(
            "insert into event (project_id, job_id, seq, kind, data) values (:project, :id, 0, 'x', '{}')",
            project=farm.project_id,
            id=poisoned,
        )  # its next event collides with this one
        assert await release_blocked(farm.db, epoch=await farm.lead(), limit=10) == 1
        assert (await farm.job(fine)).state == "queued"


class TestFrames:
    async def test_a_frame_is_carved_once_the_other_job_has_its_picture(self, farm: Farm) -> None:
        replica = await farm.replica()
        first = await farm.start(frames="1-4")
        second = await farm.start(frames="4-1", depends_on=after(first, by="frame"))
        await farm.carve(second, replica, 4)
        assert await farm.claim(replica) is None
        chunk = await farm.rendering(first, replica, frames=3)
        await farm.commit(chunk, [0, 2])  # frames 1 and 3
        assert await _gates(farm) == 2
        assert await render_all(farm, second, replica) == [1, 3]
        assert await states(farm, second) == "qCqC"
        await farm.commit(chunk, [1])
        await render_all(farm, first, replica)
        await _gates(farm)
        assert await render_all(farm, second, replica) == [0, 2]
        assert (await farm.job(second)).state == "succeeded"
        await farm.assert_whole(second)

    async def test_the_planner_is_told_only_of_what_may_be_carved_and_says_why_the_rest_waits(self, farm: Farm) -> None:
        replica = await farm.replica()
        first = await farm.start(frames="1-4")
        second = await farm.start(frames="1-4", depends_on=after(first, by="frame"))
        snapshot = await _snapshot(farm)
        assert [view.uncarved for view in snapshot.jobs if view.id == second] == [0]
        assert make_plan(snapshot, PlanSettings()).waits[second] is WaitReason.DEPENDENCY
        await farm.commit(await farm.rendering(first, replica, frames=1))
        await _gates(farm)
        assert [view.uncarved for view in (await _snapshot(farm)).jobs if view.id == second] == [1]

    async def test_a_job_is_looked_at_again_only_after_something_has_happened(self, farm: Farm) -> None:
        first = await farm.start(frames="1-4")
        second = await farm.start(frames="1-4", depends_on=after(first, by="frame"))
        assert await _gates(farm) == 0
        query = "select seen_seq from job_dependency where job_id = :id"
        assert (await farm.one(query, id=second)).seen_seq == (await farm.job(first)).event_seq

    async def test_frames_that_cannot_come_fail_and_say_why(self, farm: Farm) -> None:
        replica = await farm.replica()
        first = await farm.start(frames="1-3", limits={"tries": 1})
        second = await farm.start(frames="1-4", depends_on=after(first, by="frame"))
        chunk = await farm.rendering(first, replica, frames=2)
        await farm.commit(chunk, [0])
        await fail_for_good(farm, chunk, 1)
        await act(farm, first, FrameAction.SKIP, [2])
        assert await _gates(farm) == 4
        assert await states(farm, second) == "qFFF"
        rows = await farm.rows("select message from frame_result where job_id = :id order by ordinal", id=second)
        words = [row.message for row in rows]
        assert ["Frame 2" in words[0], "failed" in words[0]] == [True, True]
        assert "skipped" in words[1]
        assert "has no frame 4" in words[2]
        await render_all(farm, second, replica)
        job = await farm.job(second)
        assert (job.state, job.end_reason, job.failed, job.committed) == ("failed", "dependency_failed", 3, 1)
        await farm.assert_whole(second)

    async def test_a_frame_that_is_being_retried_there_is_waited_for(self, farm: Farm) -> None:
        replica = await farm.replica()
        first = await farm.start(frames="1-2", limits={"tries": 1})
        second = await farm.start(frames="1-2", depends_on=after(first, by="frame"))
        chunk = await farm.rendering(first, replica, frames=1)
        await fail_for_good(farm, chunk, 0)
        await act(farm, first, FrameAction.RETRY, [0])
        assert await _gates(farm) == 0
        assert await states(farm, second) == "qq"
        await render_all(farm, first, replica)
        await _gates(farm)
        assert await render_all(farm, second, replica) == [0, 1]

    async def test_the_end_of_the_other_job_ends_every_wait(self, farm: Farm) -> None:
        replica = await farm.replica()
        first = await farm.start(frames="1-5")
        second = await farm.start(frames="1-5", depends_on=after(first, by="frame"))
        await farm.commit(await farm.rendering(first, replica, frames=2))
        await farm.change(first, "cancel")
        await _gates(farm)
        assert await states(farm, second) == "qqFFF"
        await retry(farm, first)
        await render_all(farm, second, replica)
        assert (await farm.job(second)).state == "failed"
        await retry(farm, second)
        await render_all(farm, first, replica)
        await _gates(farm)
        await render_all(farm, second, replica)
        assert (await farm.job(second)).state == "succeeded"
        await assert_honest(farm, second)

    async def test_a_frame_that_is_skipped_while_it_waits_is_no_longer_waited_for(self, farm: Farm) -> None:
        first = await farm.start(frames="1-2")
        second = await farm.start(frames="1-2", depends_on=after(first, by="frame"))
        assert (await act(farm, second, FrameAction.SKIP)).state == "succeeded"
        assert await _gates(farm) == 0

    async def test_a_job_that_waits_both_ways_waits_for_both(self, farm: Farm) -> None:
        replica = await farm.replica()
        whole, framewise = await farm.start(frames="1"), await farm.start(frames="1-2")
        job_id = await farm.submit(frames="1-2", depends_on=[*after(whole), *after(framewise, by="frame")])
        await render_all(farm, framewise, replica)
        assert await _gates(farm) == 0
        assert (await farm.job(job_id)).state == "blocked"
        await render_all(farm, whole, replica)
        assert await _gates(farm) == 2
        assert await render_all(farm, job_id, replica) == [0, 1]

    async def test_jobs_that_wait_frame_by_frame_have_a_ticks_time_in_turn(self, farm: Farm) -> None:
        firsts = [await farm.start(frames="1-2") for _ in range(3)]
        for first in firsts:
            await farm.start(frames="1-2", depends_on=after(first, by="frame"))
        await render_all(farm, firsts[2], await farm.replica())
        opened: list[int] = []
        looked_at: LookedAt = {}
        for command in ("pause", "resume", "pause"):
            for busy in firsts[:2]:  # something happens there all the time, which opens no frame
                await farm.change(busy, command)
            opened.append(await open_gates(farm.db, epoch=await farm.lead(), within=timedelta(0), looked_at=looked_at))
        assert opened == [0, 0, 2]


async def _gates(farm: Farm) -> int:
    return await open_gates(farm.db, epoch=await farm.lead())


async def _snapshot(farm: Farm) -> Snapshot:
    return await read_snapshot(farm.db, cluster_id=CLUSTER, replica_timeout=LEASE)
