"""Pause, resume, approve, change: a person steers a job that lives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from db.dispatch import read_snapshot
from db.queue import start_chunk
from jobs.errors import Conflict, InvalidInput
from jobs.frame_actions import FrameAction
from tests.db.builders import CLUSTER, LEASE, Farm
from tests.db.control import act, approve, assert_honest, change, fail_for_good, pause, render_all, resume, states


class TestPause:
    async def test_running_frames_finish_and_nothing_new_starts(self, farm: Farm) -> None:
        job_id, replica = await farm.start(frames="1-6"), await farm.replica()
        chunk = await farm.rendering(job_id, replica, frames=2)
        await farm.carve(job_id, replica, 2)  # staged behind it
        assert await pause(farm, job_id) == "paused"
        assert await farm.claim(replica) is None
        assert await farm.commit(chunk) == [0, 1]
        await farm.carve(job_id, replica, 2)
        assert await farm.claim(replica) is None
        assert await states(farm, job_id) == "CCqqqq"

    async def test_a_chunk_that_was_claimed_as_the_pause_came_goes_back_unrendered(self, farm: Farm) -> None:
        job_id, replica = await farm.start(frames="1-4"), await farm.replica()
        await farm.carve(job_id, replica, 4)
        chunk = await farm.claim(replica)
        assert chunk is not None
        await pause(farm, job_id)
        assert not await start_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, warm=True)
        assert await states(farm, job_id) == "qqqq"

    async def test_a_job_whose_last_frames_finish_while_it_is_paused_ends(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-2")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        await pause(farm, job_id)
        await farm.commit(chunk)
        assert (await farm.job(job_id)).state == "succeeded"

    async def test_a_resumed_job_goes_on_where_it_was(self, farm: Farm) -> None:
        job_id, replica = await farm.start(frames="1-4"), await farm.replica()
        chunk = await farm.rendering(job_id, replica, frames=2)
        await pause(farm, job_id)
        await farm.commit(chunk)
        assert await resume(farm, job_id) == "queued"
        assert await render_all(farm, job_id, replica) == [2, 3]
        assert (await farm.job(job_id)).state == "succeeded"
        await farm.assert_whole(job_id)

    async def test_a_refused_command_says_the_state_and_what_is_allowed(self, farm: Farm) -> None:
        job_id = await farm.start()
        await pause(farm, job_id)
        with pytest.raises(Conflict) as refused:
            await pause(farm, job_id)
        assert refused.value.details == {"state": "paused", "allowed": ["resume", "cancel"]}
        with pytest.raises(Conflict) as refused:
            await approve(farm, job_id)
        assert "paused" in refused.value.message


class TestApproval:
    async def test_nothing_beyond_the_scout_frames_is_rendered_before_a_person_has_seen_them(self, farm: Farm) -> None:
        """Conductor's scout frames: a wrong camera costs three frames, not the night."""
        job_id, replica = await farm.start(frames="1-20", order="scout", approval=3), await farm.replica()
        snapshot = await read_snapshot(farm.db, cluster_id=CLUSTER, replica_timeout=LEASE)
        assert [job.uncarved for job in snapshot.jobs] == [3]
        assert await render_all(farm, job_id, replica, frames=20) == [0, 9, 19]
        assert (await farm.job(job_id)).state == "awaiting_approval"
        assert [kind for _, kind, _ in await farm.events(job_id)][-1] == "job.state"
        await farm.carve(job_id, replica, 5)
        assert await farm.claim(replica) is None

        assert await approve(farm, job_id) == "running"
        assert len(await render_all(farm, job_id, replica)) == 17
        assert (await farm.job(job_id)).state == "succeeded"
        await farm.assert_whole(job_id)

    async def test_a_scout_that_fails_still_asks_the_person(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-9", approval=2, limits={"tries": 1})
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        await farm.commit(chunk, [0])
        await fail_for_good(farm, chunk, 1)
        assert (await farm.job(job_id)).state == "awaiting_approval"

    async def test_a_job_may_be_canceled_instead(self, farm: Farm) -> None:
        job_id, replica = await farm.start(frames="1-9", approval=1), await farm.replica()
        await render_all(farm, job_id, replica)
        await farm.change(job_id, "cancel")
        job = await farm.job(job_id)
        assert (job.state, job.committed, job.canceled) == ("canceled", 1, 8)

    async def test_a_job_with_no_more_frames_than_scouts_needs_no_approval(self, farm: Farm) -> None:
        job_id, replica = await farm.start(frames="1-3", approval=5), await farm.replica()
        await render_all(farm, job_id, replica)
        assert (await farm.job(job_id)).state == "succeeded"

    async def test_a_scout_that_was_skipped_before_it_was_carved_is_not_waited_for(self, farm: Farm) -> None:
        job_id, replica = await farm.start(frames="1-9", approval=2), await farm.replica()
        await act(farm, job_id, FrameAction.SKIP, [1])
        assert await render_all(farm, job_id, replica) == [0]
        assert (await farm.job(job_id)).state == "awaiting_approval"

    async def test_a_scout_that_is_requeued_is_rendered_again_before_anything_else(self, farm: Farm) -> None:
        job_id, replica = await farm.start(frames="1-9", approval=2), await farm.replica()
        await render_all(farm, job_id, replica)
        assert (await act(farm, job_id, FrameAction.REQUEUE, [1])).state == "queued"
        assert await render_all(farm, job_id, replica) == [1]
        assert (await farm.job(job_id)).state == "awaiting_approval"
        await assert_honest(farm, job_id)


class TestChange:
    async def test_a_new_priority_reaches_the_work_that_waits(self, farm: Farm) -> None:
        job_id, replica = await farm.start(frames="1-6", priority="batch"), await farm.replica()
        await farm.rendering(job_id, replica, frames=2)
        await farm.carve(job_id, replica, 2)
        assert await change(farm, job_id, priority="interactive", weight=300, max_replicas=2)
        job = await farm.job(job_id)
        assert (job.priority_rank, job.weight, job.max_replicas) == (0, 300, 2)
        ranks = await farm.rows("select distinct priority_rank from work where job_id = :id", id=job_id)
        assert [row.priority_rank for row in ranks] == [0]
        snapshot = await read_snapshot(farm.db, cluster_id=CLUSTER, replica_timeout=LEASE)
        assert [(str(view.priority), view.weight) for view in snapshot.jobs] == [("interactive", 300)]
        *_, (_, kind, data) = await farm.events(job_id)
        assert kind == "job.changed"
        assert data["changes"]["priority"] == {"from": "batch", "to": "interactive"}
        assert data["changes"]["max_replicas"] == {"from": None, "to": 2}

    async def test_what_is_the_same_already_makes_no_event(self, farm: Farm) -> None:
        job_id = await farm.submit(weight=50)
        assert not await change(farm, job_id, weight=50, max_replicas=None)
        assert len(await farm.events(job_id)) == 1

    async def test_a_deadline_that_has_passed_is_refused(self, farm: Farm) -> None:
        job_id = await farm.submit()
        with pytest.raises(InvalidInput) as refused:
            await change(farm, job_id, finish_before=datetime.now(UTC) - timedelta(minutes=1))
        assert refused.value.field == "finish_before"
        assert await change(farm, job_id, finish_before=datetime.now(UTC) + timedelta(hours=1))
        assert await change(farm, job_id, finish_before=None)

    async def test_a_job_that_is_being_canceled_is_left_as_it_is(self, farm: Farm) -> None:
        job_id = await farm.start()
        await farm.rendering(job_id, await farm.replica(), frames=1)
        await farm.change(job_id, "cancel")
        with pytest.raises(Conflict) as refused:
            await change(farm, job_id, weight=1)
        assert refused.value.details["state"] == "canceling"
