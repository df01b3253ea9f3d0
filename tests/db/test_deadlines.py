"""Deadlines: past one a job ends, whatever it does, and no poisoned job keeps the others from theirs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from cluster.loops.expirer import Expirer
from cluster.loops.releaser import Releaser
from db.dispatch import LostLeadership, expire_jobs
from db.queue import start_chunk
from jobs.errors import Conflict, InvalidInput
from tests.db.builders import Farm
from tests.db.control import assert_honest, change, pause, render_all, retry


def ahead(**time: int) -> datetime:
    return datetime.now(UTC) + timedelta(**time)


async def overdue(farm: Farm, job_id: UUID, column: str = "finish_before") -> None:
    await farm.execute(f"update job set {column} = now() - interval '1 second' where id = :id", id=job_id)


async def expire(farm: Farm, *, limit: int = 100) -> int:
    return await expire_jobs(farm.db, epoch=await farm.lead(), limit=limit)


class TestDeadlines:
    async def test_one_that_has_passed_is_refused_at_submit(self, farm: Farm) -> None:
        for name in ("start_before", "finish_before"):
            with pytest.raises(InvalidInput) as refused:
                await farm.submit(**{name: ahead(seconds=-5)})
            assert refused.value.field == name
        assert await farm.rows("select 1 from job") == []

    async def test_frames_under_way_are_stopped_and_their_commits_refused(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-4", finish_before=ahead(hours=1))
        replica = await farm.replica()
        chunk = await farm.rendering(job_id, replica, frames=2)
        await farm.commit(chunk, [0])
        assert await expire(farm) == 0
        await overdue(farm, job_id)
        assert await expire(farm) == 1
        job = await farm.job(job_id)
        assert (job.state, job.end_reason, job.committed, job.canceled) == ("failed", "deadline", 1, 3)
        assert "1 of 4 frames" in job.message
        assert await farm.commit(chunk, [1]) is None
        assert (chunk.work_id, chunk.fence) not in (await farm.beat(replica, chunk)).owned
        await assert_honest(farm, job_id)

    @pytest.mark.parametrize("state", ["queued", "paused", "blocked", "awaiting_approval"])
    async def test_it_ends_a_job_that_waits(self, farm: Farm, state: str) -> None:
        first = await farm.submit()
        depends = {"depends_on": [{"job": str(first)}]} if state == "blocked" else {}
        job_id = await farm.submit(frames="1-4", approval=1 if state == "awaiting_approval" else None, **depends)
        if state == "paused":
            await pause(farm, job_id)
        if state == "awaiting_approval":
            await render_all(farm, job_id, await farm.replica())
        assert (await farm.job(job_id)).state == state
        await overdue(farm, job_id)
        assert await expire(farm) == 1
        assert (await farm.job(job_id)).end_reason == "deadline"

    async def test_start_before_ends_what_no_worker_was_given_a_frame_of_also_where_it_is_pinned(
        self, farm: Farm
    ) -> None:
        waiting, pinned, running = await farm.submit(), await farm.start(), await farm.start()
        await farm.carve(running, await farm.replica(), 1)
        for job_id in (waiting, pinned, running):
            await overdue(farm, job_id, "start_before")
        assert await expire(farm) == 2
        assert [(await farm.job(each)).state for each in (waiting, pinned, running)] == ["failed", "failed", "running"]

    async def test_a_job_that_only_makes_its_film_is_left_to_end(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-2", outputs={"video": "auto"})
        await render_all(farm, job_id, await farm.replica())
        await overdue(farm, job_id)
        assert await expire(farm) == 0
        assert (await farm.job(job_id)).state == "finishing"

    async def test_a_job_that_was_given_more_time_goes_on(self, farm: Farm) -> None:
        job_id = await farm.submit(finish_before=ahead(hours=1))
        await overdue(farm, job_id)
        await change(farm, job_id, finish_before=ahead(hours=2))
        assert await expire(farm) == 0

    async def test_a_retry_needs_a_new_deadline_first(self, farm: Farm) -> None:
        job_id = await farm.submit(finish_before=ahead(hours=1))
        await overdue(farm, job_id)
        await expire(farm)
        with pytest.raises(Conflict) as refused:
            await retry(farm, job_id)
        assert f"PATCH /v1/jobs/{job_id}" in str(refused.value.remedy)
        await change(farm, job_id, finish_before=None)
        assert (await retry(farm, job_id)).state == "queued"

    async def test_what_waits_for_it_fails_with_it(self, farm: Farm) -> None:
        first = await farm.submit()
        second = await farm.submit(depends_on=[{"job": str(first)}])
        await overdue(farm, first)
        await expire(farm)
        assert (await farm.job(second)).end_reason == "dependency_failed"


class TestExpirer:
    async def test_a_poisoned_job_takes_no_place_of_the_others(self, farm: Farm) -> None:
        poisoned, fine = await farm.submit(), await farm.submit()
        for job_id in (poisoned, fine):
            await overdue(farm, job_id)
        await farm.execute("update job set event_seq = -1 where id = :id", id=poisoned)
        await farm.execute(
            "insert into event (project_id, job_id, seq, kind, data) values (:project, :id, 0, 'x', '{}')",
            project=farm.project_id,
            id=poisoned,
        )  # its next event collides with this one
        await farm.execute("update job set finish_before = now() - interval '1 day' where id = :id", id=poisoned)
        assert await expire(farm, limit=1) == 1
        assert (await farm.job(fine)).state == "failed"
        assert (await farm.job(poisoned)).state == "queued"

    async def test_a_pass_is_bounded_and_takes_the_longest_overdue_first(self, farm: Farm) -> None:
        jobs = [await farm.submit() for _ in range(3)]
        for hours, job_id in enumerate(jobs, start=1):
            await farm.execute(
                "update job set finish_before = now() - make_interval(hours => :hours) where id = :id",
                id=job_id,
                hours=hours,
            )
        expirer = Expirer(database=farm.db, every=timedelta(seconds=1), batch=2)
        assert await expirer.tick(await farm.lead()) == 2
        assert [(await farm.job(job_id)).state for job_id in jobs] == ["queued", "failed", "failed"]
        assert await expirer.tick(await farm.lead()) == 1

    async def test_a_leader_that_was_replaced_writes_nothing(self, farm: Farm) -> None:
        job_id = await farm.submit()
        await overdue(farm, job_id)
        old = await farm.lead()
        await farm.execute("update leader set expires_at = now() - interval '1 second'")
        await farm.lead(uuid4())
        for loop in (
            Expirer(database=farm.db, every=timedelta(seconds=1), batch=10),
            Releaser(database=farm.db, every=timedelta(seconds=1), batch=10),
        ):
            with pytest.raises(LostLeadership):
                await loop.tick(old)
        assert (await farm.job(job_id)).state == "queued"

    async def test_a_job_that_starts_as_the_pass_begins_has_started(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1")
        await overdue(farm, job_id, "start_before")
        await farm.execute("update job set started_at = null, state = 'queued' where id = :id", id=job_id)
        await farm.pin(job_id)
        replica = await farm.replica()
        await farm.carve(job_id, replica, 1)
        assert await expire(farm) == 0
        chunk = await farm.claim(replica)
        assert chunk is not None
        assert await start_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, warm=True)
