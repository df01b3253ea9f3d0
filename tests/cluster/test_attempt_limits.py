"""What ends an attempt, and what a lack of memory or an interruption leaves for the next one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from db.workers import drain_node, drain_replica, set_replica_disabled
from jobs.states import EndReason, JobState
from tests.cluster.in_process import InProcessFarm


async def attempts(farm: InProcessFarm, job_id: UUID, ordinal: int) -> list[Any]:
    return await farm.rows(
        "select outcome, message, log from attempt where job_id = :id and ordinal = :ordinal order by ended_at",
        id=job_id,
        ordinal=ordinal,
    )


class TestNoProgress:
    async def test_a_frame_that_stands_still_ends_as_stalled_and_says_what_to_do(self, farm: InProcessFarm) -> None:
        farm.start_dispatcher()
        farm.start_replica()
        faults = {"hang_frames": [{"frame": 2, "times": 1}], "fault_key": uuid4().hex}
        job_id = await farm.submit(frames="1-3", settings=faults, limits={"stall_timeout_s": 1})
        job = await farm.ended(job_id)
        assert (job.state, job.committed) == (JobState.SUCCEEDED, 3)
        stalled, done = await attempts(farm, job_id, 1)
        assert (stalled.outcome, done.outcome) == ("stalled", "ok")
        assert "Frame 2 made no progress for 1 s; it stood at 0%" in stalled.message
        assert "limits.stall_timeout_s" in stalled.message

    async def test_a_slow_frame_that_keeps_reporting_is_left_alone(self, farm: InProcessFarm) -> None:
        farm.start_dispatcher()
        farm.start_replica()
        settings = {"render_ms": 12_000}  # ten reports, 1.2 s apart
        job_id = await farm.submit(frames="1", settings=settings, limits={"stall_timeout_s": 6})
        job = await farm.ended(job_id)
        assert (job.state, job.committed) == (JobState.SUCCEEDED, 1)
        assert [row.outcome for row in await attempts(farm, job_id, 0)] == ["ok"]

    async def test_the_farms_own_limit_holds_for_jobs_that_name_none(self, farm: InProcessFarm) -> None:
        farm.limits = farm.limits.model_copy(update={"stall_timeout": timedelta(seconds=1)})
        farm.start_dispatcher()
        farm.start_replica()
        job = await farm.ended(await farm.submit(frames="1", settings={"hang_frames": [1]}, limits={"tries": 2}))
        assert (job.state, job.end_reason) == (JobState.FAILED, EndReason.STALLED)


class TestOutOfMemory:
    async def test_the_retry_gets_the_replica_for_itself_with_a_fresh_engine(self, farm: InProcessFarm) -> None:
        farm.start_dispatcher()
        farm.start_replica()
        large = await farm.model(b'{"resident_bytes": 50000000}')
        await farm.ended(await farm.submit(model=large, frames="1"))
        model = await farm.model(b'{"resident_bytes": 40000000}')
        faults = {"oom_frames": [{"frame": 2, "times": 1}], "fault_key": uuid4().hex, "render_ms": 100}
        job_id = await farm.submit(model=model, frames="1-2", order="sequential", settings=faults)
        job = await farm.ended(job_id)
        assert (job.state, job.committed) == (JobState.SUCCEEDED, 2)
        assert [row.outcome for row in await attempts(farm, job_id, 1)] == ["out_of_memory", "ok"]
        [row] = await farm.rows("select warm from frame_result where job_id = :id and ordinal = 1", id=job_id)
        assert row.warm is False  # not the engine that had filled up
        [digest] = await farm.rows("select digest from model where id = :id", id=model)
        held = "select 1 from replica where jsonb_array_length(residents) = 1 and residents @> cast(:one as jsonb)"
        await farm.until(lambda: farm.rows(held, one=f'[{{"digest": "{digest.digest}"}}]'))

    async def test_a_frame_that_always_runs_out_of_memory_ends_at_its_own_ceiling(self, farm: InProcessFarm) -> None:
        farm.start_dispatcher()
        farm.start_replica()
        farm.limits = farm.limits.model_copy(update={"resource_failures_per_frame": 2})
        farm.start_replica()
        job_id = await farm.submit(frames="1", settings={"oom_frames": [1]}, limits={"tries": 1})
        job = await farm.ended(job_id)
        assert (job.state, job.end_reason) == (JobState.FAILED, EndReason.OUT_OF_MEMORY)
        assert len(await attempts(farm, job_id, 0)) >= 2  # tries: 1 is for what the scene does wrong


class TestInterruption:
    async def test_a_spot_notice_gives_the_frame_back_before_the_machine_goes_and_spends_nothing(
        self, farm: InProcessFarm
    ) -> None:
        farm.start_dispatcher()
        farm.start_replica()
        faults = {"hang_frames": [{"frame": 1, "times": 1}], "fault_key": uuid4().hex}
        job_id = await farm.submit(frames="1-2", order="sequential", settings=faults, limits={"tries": 1})
        await farm.until(lambda: farm.rows("select 1 from work where state = 'rendering' and kind = 'chunk'"))
        async with farm.database.transaction() as tx:
            await drain_node(
                tx, cluster_id=farm.settings.id, name="n1", reason="Spot notice.", within=timedelta(seconds=2)
            )
        await farm.until(lambda: farm.rows("select 1 from replica where state = 'gone'"))
        assert await farm.rows("select 1 from work where state in ('leased', 'rendering') and kind = 'chunk'") == []
        [row] = await attempts(farm, job_id, 0)
        assert (row.outcome, row.message) == ("interrupted", "Spot notice.")
        await farm.rows("update node set disabled = false returning 1")
        farm.start_replica()
        job = await farm.ended(job_id)
        assert (job.state, job.committed) == (JobState.SUCCEEDED, 2)

    async def test_a_replica_drained_by_an_operator_finishes_its_frame_and_leaves(self, farm: InProcessFarm) -> None:
        farm.start_dispatcher()
        leaving = farm.start_replica()
        job_id = await farm.submit(frames="1-6", settings={"render_ms": 300})
        await farm.until(lambda: farm.rows("select 1 from frame_result"))
        async with farm.database.transaction() as tx:
            await drain_replica(tx, replica_id=leaving.identity.id)
        await farm.until(
            lambda: farm.rows("select 1 from replica where id = :id and state = 'gone'", id=leaving.identity.id)
        )
        farm.start_replica()
        job = await farm.ended(job_id)
        assert (job.state, job.committed) == (JobState.SUCCEEDED, 6)
        assert len(await farm.rows("select 1 from attempt")) == 6  # nothing was rendered twice

    async def test_a_cancel_leaves_the_try_that_it_cut_short(self, farm: InProcessFarm) -> None:
        farm.start_dispatcher()
        farm.start_replica()
        job_id = await farm.submit(frames="1-2", order="sequential", settings={"render_ms": 600_000})
        await farm.until(lambda: farm.rows("select 1 from replica where current ->> 'frame' = '1'"))
        await farm.cancel(job_id)
        await farm.ended(job_id)
        assert [row.outcome for row in await attempts(farm, job_id, 0)] == ["user_cancel"]


async def test_a_disabled_replica_leaves_the_work_to_another(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    off = farm.start_replica()
    await farm.until(lambda: farm.rows("select 1 from replica where state = 'up'"))
    async with farm.database.transaction() as tx:
        assert await set_replica_disabled(tx, replica_id=off.identity.id, disabled=True)
    on = farm.start_replica()
    await farm.ended(await farm.submit(frames="1-8"))
    done = await farm.rows("select id, frames from replica order by frames")
    assert [(row.id, row.frames) for row in done] == [(off.identity.id, 0), (on.identity.id, 8)]


@pytest.mark.parametrize("wrong", ["bad_output"])
async def test_a_cut_off_picture_says_that_it_is_rendered_again(farm: InProcessFarm, wrong: str) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    faults = {f"{wrong}_frames": [{"frame": 1, "times": 1}], "fault_key": uuid4().hex}
    job_id = await farm.submit(frames="1", settings=faults)
    await farm.ended(job_id)
    first, second = await attempts(farm, job_id, 0)
    assert (first.outcome, second.outcome) == ("bad_output", "ok")
