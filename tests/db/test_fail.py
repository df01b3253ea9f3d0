"""Failed attempts: whose fault, how often, what becomes of the frame and of its job."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from db.queue import FailOutcome
from jobs.limits import FarmLimits
from jobs.states import EndReason
from tests.db.builders import Farm
from tests.db.control import assert_found_by_state

LIMITS = FarmLimits(worker_failures_per_frame=2, resource_failures_per_frame=2)


class TestRetry:
    async def test_the_frame_becomes_a_chunk_of_its_own_that_avoids_the_replica(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start()
        chunk = await farm.rendering(job_id, replica, frames=4)
        assert await farm.fail(chunk, 2) is FailOutcome.RETRIED
        assert (await farm.work(chunk.work_id)).ordinals == [0, 1, 3]
        loose = await farm.one("select * from work where kind = 'chunk' and id <> :id", id=chunk.work_id)
        assert (loose.ordinals, loose.state, loose.tries, loose.avoid) == ([2], "queued", 1, [replica])
        assert await farm.commit(chunk) == [0, 1, 3]
        assert (await farm.job(job_id)).state == "running"
        [data] = [data for _, kind, data in await farm.events(job_id) if kind == "frame.retried"]
        assert (data["ordinal"], data["frame"], data["reason"], data["tries"]) == (2, 3, "engine_error", 1)
        await farm.assert_whole(job_id)

    async def test_the_last_frame_of_a_chunk_leaves_it_done(self, farm: Farm) -> None:
        job_id = await farm.start()
        chunk = await farm.rendering(job_id, await farm.replica(), frames=1)
        assert await farm.fail(chunk, 0) is FailOutcome.RETRIED
        assert (await farm.work(chunk.work_id)).state == "done"
        await farm.assert_whole(job_id)

    @pytest.mark.parametrize(
        ("reason", "attempts"),
        [
            (EndReason.ENGINE_ERROR, 3),  # the job's own tries
            (EndReason.BAD_OUTPUT, 3),
            (EndReason.ENGINE_CRASH, 2),
            (EndReason.INFRA, 2),
            (EndReason.OUT_OF_MEMORY, 2),
        ],
    )
    async def test_each_kind_of_fault_has_its_own_ceiling(self, farm: Farm, reason: EndReason, attempts: int) -> None:
        job_id = await farm.start(frames="1")
        outcomes = [await _fail_once(farm, job_id, reason) for _ in range(attempts)]
        assert outcomes == [FailOutcome.RETRIED] * (attempts - 1) + [FailOutcome.FAILED]
        job = await farm.job(job_id)
        assert (job.state, job.end_reason, job.failed) == ("failed", reason, 1)
        assert (await farm.one("select count(*) as n from attempt")).n == attempts
        await farm.assert_whole(job_id)

    async def test_faults_of_machines_spend_no_try_of_the_job(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1")
        for reason in (EndReason.ENGINE_ERROR, EndReason.ENGINE_CRASH, EndReason.OUT_OF_MEMORY, EndReason.ENGINE_ERROR):
            assert await _fail_once(farm, job_id, reason) is FailOutcome.RETRIED
        row = await farm.one("select tries, worker_failures, resource_failures from work where state = 'queued'")
        assert tuple(row) == (2, 1, 1)

    async def test_an_interruption_costs_nothing_however_often(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1")
        for _ in range(7):
            assert await _fail_once(farm, job_id, EndReason.INTERRUPTED) is FailOutcome.RETRIED
        row = await farm.one("select tries, worker_failures, resource_failures, avoid from work where state = 'queued'")
        assert tuple(row) == (0, 0, 0, [])

    async def test_what_a_machine_spoils_again_waits_longer_each_time(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1")
        pauses = []
        for _ in range(4):
            await _fail_once(farm, job_id, EndReason.ENGINE_CRASH, limits=FarmLimits())
            row = await farm.one("select not_before - created_at as pause from work where state = 'queued'")
            pauses.append(row.pause.total_seconds())
        assert pauses == [0, 2, 4, 8]


class TestVerdict:
    async def test_a_job_with_a_failed_frame_renders_the_others_and_then_fails_with_its_reason(
        self, farm: Farm
    ) -> None:
        job_id = await farm.start(frames="1-3", limits={"tries": 1})
        chunk = await farm.rendering(job_id, await farm.replica(), frames=3)
        assert await farm.fail(chunk, 1, EndReason.TIMEOUT) is FailOutcome.FAILED
        assert (await farm.job(job_id)).state == "running"
        assert await farm.fail(chunk, 2, EndReason.ENGINE_ERROR) is FailOutcome.FAILED
        await farm.commit(chunk, [0])
        job = await farm.job(job_id)
        assert (job.state, job.end_reason, job.committed, job.failed) == ("failed", "timeout", 1, 2)
        assert "2 of 3 frames failed" in job.message
        assert "frame 2" in job.message
        failed = [data["frames"][0]["frame"] for _, kind, data in await farm.events(job_id) if kind == "frames.failed"]
        assert failed == [2, 3]
        await farm.assert_whole(job_id)

    async def test_an_invalid_model_fails_the_whole_job_at_once(self, farm: Farm) -> None:
        first, second = await farm.replica(), await farm.replica()
        job_id = await farm.start(frames="1-100")
        chunk = await farm.rendering(job_id, first, frames=5)
        other = await farm.rendering(job_id, second, frames=5)
        await farm.commit(other, [5])
        assert await farm.fail(chunk, 0, EndReason.MODEL_INVALID) is FailOutcome.FAILED
        job = await farm.job(job_id)
        assert (job.state, job.end_reason) == ("failed", "model_invalid")
        assert (job.committed, job.failed, job.canceled) == (1, 1, 98)
        assert await farm.commit(other, [6]) is None
        reply = await farm.beat(second, other)
        assert reply.owned == []
        assert await farm.rows("select 1 from work where state in ('queued', 'leased', 'rendering')") == []
        await farm.assert_whole(job_id)


class TestFences:
    async def test_a_lost_lease_is_superseded_and_leaves_no_attempt(self, farm: Farm) -> None:
        chunk = await farm.rendering(await farm.start(), await farm.replica(), frames=2)
        await farm.execute("update work set fence = fence + 1 where id = :id", id=chunk.work_id)
        assert await farm.fail(chunk, 0) is FailOutcome.SUPERSEDED
        assert await farm.rows("select 1 from attempt") == []

    @pytest.mark.parametrize("tries", [1, 3])
    async def test_delivered_twice_it_gives_the_same_answer_and_writes_once(self, farm: Farm, tries: int) -> None:
        job_id = await farm.start(frames="1-4", limits={"tries": tries})
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        attempt = uuid4()
        first = await farm.fail(chunk, 0, attempt_id=attempt)
        again = await farm.fail(chunk, 0, attempt_id=attempt)
        assert first is again
        assert (await farm.one("select count(*) as n from attempt")).n == 1
        assert (await farm.job(job_id)).failed == (tries == 1)
        await farm.assert_whole(job_id)

    async def test_while_canceling_the_frame_ends_with_its_job(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-4")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        await farm.change(job_id, "cancel")
        assert await farm.fail(chunk, 0) is FailOutcome.CANCELED
        assert await farm.fail(chunk, 1) is FailOutcome.CANCELED
        job = await farm.job(job_id)
        assert (job.state, job.canceled, job.failed) == ("canceled", 4, 0)
        await assert_found_by_state(farm, job_id)

    async def test_commit_racing_fail_of_the_same_frame_has_one_winner(self, farm: Farm) -> None:
        replica = await farm.replica()
        for _ in range(6):
            job_id = await farm.start(frames="1", limits={"tries": 1})
            chunk = await farm.rendering(job_id, replica, frames=1)
            accepted, outcome = await asyncio.gather(farm.commit(chunk), farm.fail(chunk, 0))
            assert (accepted, outcome) in (([0], FailOutcome.SUPERSEDED), (None, FailOutcome.FAILED))
            await farm.assert_whole(job_id)


async def _fail_once(farm: Farm, job_id, reason: EndReason, *, limits: FarmLimits = LIMITS) -> FailOutcome:  # type: ignore[no-untyped-def]
    """The job's one frame fails on a replica, whether it is carved yet or waits as a retry."""
    replica = await farm.replica()
    await farm.carve(job_id, replica, 1)
    await farm.execute(
        "update work set assigned_to = :r where job_id = :j and kind = 'chunk' and state = 'queued'",
        r=replica,
        j=job_id,
    )
    chunk = await farm.claim(replica)
    assert chunk is not None
    return await farm.fail(chunk, 0, reason, limits=limits)
