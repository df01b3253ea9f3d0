"""One frame in parts: each is fenced like a chunk, the last one queues one merge, and the frame counts once."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID, uuid4

import pytest

from db.dispatch import (
    ClaimedTask,
    FrameCommit,
    apply_plan,
    claim_tasks,
    fail_task,
    finish_merge,
    finish_task,
    parts_of_frame,
    postpone_task,
    read_snapshot,
    rescue_expired,
)
from db.queue import (
    ClaimedChunk,
    FailOutcome,
    PartCommit,
    commit_frames,
    commit_part,
    mark_gone,
    release_canceled,
    release_chunk,
    start_chunk,
)
from jobs.limits import FarmLimits
from jobs.plan import make_plan
from jobs.planning import Assign, Carve, Plan, PlanSettings, Snapshot, TakeBack
from jobs.states import EndReason, WorkKind
from tests.db.builders import CLUSTER, LEASE, LIMITS, Farm, artifact

SPLIT = {"mode": "borders", "parts": 2}


async def split_job(farm: Farm, *, parts: int = 2, **spec: Any) -> UUID:
    return await farm.start(split={"mode": "borders", "parts": parts}, **{"frames": "1", **spec})


async def rendering(farm: Farm, job_id: UUID, *replicas: UUID) -> list[ClaimedChunk]:
    """A part on each replica, started."""
    await place(farm, job_id, *replicas)
    found = []
    for replica in replicas:
        part = await farm.claim(replica)
        assert part is not None
        assert await start_chunk(farm.db, work_id=part.work_id, fence=part.fence, warm=True)
        found.append(part)
    return found


async def place(farm: Farm, job_id: UUID, *replicas: UUID) -> None:
    """Loose parts first, then those of new frames."""
    loose = await farm.rows(
        "select id from work where job_id = :id and kind = 'part' and state = 'queued' and assigned_to is null"
        " order by id",
        id=job_id,
    )
    placements: list[Carve | Assign] = [
        Assign(replica_id=replica, job_id=job_id, work_id=row.id) for replica, row in zip(replicas, loose, strict=False)
    ]
    placements += [Carve(replica_id=replica, job_id=job_id, frames=1) for replica in replicas[len(loose) :]]
    await apply_plan(farm.db, cluster_id=CLUSTER, plan=Plan(placements=tuple(placements)), epoch=await farm.lead())


async def commit(farm: Farm, part: ClaimedChunk, *, attempt_id: UUID | None = None, **overrides: Any) -> bool:
    attempt_id = attempt_id or uuid4()
    values: dict[str, Any] = {
        "attempt_id": attempt_id,
        "started_at": time.time(),
        "storage_key": f"artifacts/{part.job_id}/{part.ordinals[0]}/{attempt_id}/part.png",
        "size_bytes": 1000,
        "sha256": "a" * 64,
        "media_type": "image/png",
        "timings_ms": {"render": 10.0, "write": 1.0},
        "warm": True,
        **overrides,
    }
    return await commit_part(
        farm.db, work_id=part.work_id, fence=part.fence, replica_id=uuid4(), commit=PartCommit(**values)
    )


async def claim_merge(farm: Farm) -> ClaimedTask | None:
    tasks = await claim_tasks(
        farm.db, kinds=[WorkKind.MERGE], limit=10, lease=LEASE, holder=uuid4(), epoch=await farm.lead()
    )
    assert len(tasks) <= 1
    return tasks[0] if tasks else None


async def merging(farm: Farm, job_id: UUID, *, parts: int = 2) -> ClaimedTask:
    """The merge of the job's next frame, claimed."""
    replicas = [await farm.replica() for _ in range(parts)]
    for part in await rendering(farm, job_id, *replicas):
        assert await commit(farm, part)
    merge = await claim_merge(farm)
    assert merge is not None
    return merge


def merged(merge: ClaimedTask, **overrides: Any) -> FrameCommit:
    assert merge.ordinals is not None
    attempt_id = uuid4()
    values: dict[str, Any] = {
        "ordinal": merge.ordinals[0],
        "frame": merge.ordinals[0] + 1,
        "attempt_id": attempt_id,
        "started_at": time.time(),
        "timings_ms": {"render": 20.0, "merge": 3.0},
        "artifacts": [artifact(f"artifacts/{merge.job_id}/{merge.ordinals[0]}/{attempt_id}/frame.png")],
    }
    return FrameCommit(**{**values, **overrides})


async def finish(farm: Farm, merge: ClaimedTask, frame: FrameCommit | None = None) -> bool:
    return await finish_merge(farm.db, work_id=merge.work_id, fence=merge.fence, commit=frame or merged(merge))


class TestCarve:
    async def test_a_frame_becomes_its_parts_one_on_each_replica_that_the_plan_names(self, farm: Farm) -> None:
        job_id = await split_job(farm, parts=3, frames="1-2")
        first, second = await farm.replica(), await farm.replica()
        await place(farm, job_id, first, second)
        rows = await farm.rows("select kind, ordinals, part, parts, assigned_to from work where kind <> 'range'")
        assert [tuple(row) for row in rows] == [
            ("part", [0], 0, 3, first),
            ("part", [0], 1, 3, second),
            ("part", [0], 2, 3, None),
        ]
        await place(farm, job_id, first, second)  # the part that waits goes before a new frame
        rows = await farm.rows(
            "select ordinals, part, assigned_to from work where kind = 'part' and id > (select min(id) + 1 from work"
            " where kind = 'part') order by id"
        )
        assert [tuple(row) for row in rows] == [([0], 2, first), ([1], 0, second), ([1], 1, None), ([1], 2, None)]
        await farm.assert_whole(job_id)

    async def test_the_plan_counts_parts_so_that_two_idle_replicas_share_a_still(self, farm: Farm) -> None:
        job_id = await split_job(farm, parts=4)
        replicas = {await farm.replica(), await farm.replica()}
        snapshot = await self.snapshot(farm)
        assert (snapshot.jobs[0].uncarved, snapshot.jobs[0].split_parts) == (4, 4)
        plan = make_plan(snapshot, PlanSettings())
        assert [type(placement).__name__ for placement in plan.placements] == ["Carve"] * 4
        await apply_plan(farm.db, cluster_id=CLUSTER, plan=plan, epoch=await farm.lead())
        rows = await farm.rows("select assigned_to from work where kind = 'part'")
        assert {row.assigned_to for row in rows} == replicas
        assert len(rows) == 4
        after = await self.snapshot(farm)
        assert (after.jobs[0].id, after.jobs[0].uncarved, after.jobs[0].active_chunks) == (job_id, 0, 4)
        assert sorted(len(replica.staged) for replica in after.replicas) == [2, 2]

    async def test_a_frame_that_is_merged_is_no_replicas_work_and_is_not_carved_again(self, farm: Farm) -> None:
        job_id = await split_job(farm, frames="1-2")
        await merging(farm, job_id)
        [job] = (await self.snapshot(farm)).jobs
        assert (job.uncarved, job.active_chunks, job.loose) == (2, 0, ())  # the two parts of the other frame

    async def test_the_time_of_a_part_is_its_share_of_the_frames(self, farm: Farm) -> None:
        job_id = await split_job(farm, frames="1-2")
        merge = await merging(farm, job_id)
        await finish(farm, merge, merged(merge, timings_ms={"render": 5000.0}))
        [job] = (await self.snapshot(farm)).jobs
        assert job.frame_seconds == 2.5

    async def snapshot(self, farm: Farm) -> Snapshot:
        return await read_snapshot(farm.db, cluster_id=CLUSTER, replica_timeout=LEASE)


class TestCommit:
    async def test_a_replica_learns_which_part_it_renders(self, farm: Farm) -> None:
        job_id = await split_job(farm, frames="7", parts=3)
        replica = await farm.replica()
        await place(farm, job_id, replica)
        part = await farm.claim(replica)
        assert part is not None
        assert (part.part, part.parts, part.ordinals, part.frames) == (0, 3, [0], [7])
        await farm.carve(await farm.start(), replica, 1)
        chunk = await farm.claim(replica)
        assert chunk is not None
        assert (chunk.part, chunk.parts) == (None, None)

    async def test_the_frame_is_told_of_once_when_it_starts_and_once_when_it_is_merged(self, farm: Farm) -> None:
        job_id = await split_job(farm, parts=3)
        merge = await merging(farm, job_id, parts=3)
        assert await finish(farm, merge)
        kinds = [kind for _, kind, _ in await farm.events(job_id)]
        assert kinds == [
            "job.created",
            "job.state",
            "chunk.started",
            "frames.committed",
            "job.state",
            "job.state",
        ]
        job = await farm.job(job_id)
        assert (job.state, job.committed, job.render_count, job.render_ms_sum) == ("succeeded", 1, 1, 20.0)
        await farm.assert_whole(job_id)

    async def test_of_a_commit_whose_answer_was_lost_the_second_call_says_yes_too(self, farm: Farm) -> None:
        job_id = await split_job(farm)
        part, _ = await rendering(farm, job_id, await farm.replica(), await farm.replica())
        attempt_id = uuid4()
        assert await commit(farm, part, attempt_id=attempt_id)
        assert await commit(farm, part, attempt_id=attempt_id)
        assert not await commit(farm, part)  # another attempt
        assert len(await farm.rows("select 1 from part_result")) == 1
        assert await claim_merge(farm) is None

    async def test_the_last_two_parts_at_once_queue_exactly_one_merge(self, farm: Farm) -> None:
        for _ in range(5):
            job_id = await split_job(farm, parts=4)
            parts = await rendering(farm, job_id, *[await farm.replica() for _ in range(4)])
            await commit(farm, parts[0])
            await commit(farm, parts[1])
            assert await claim_merge(farm) is None
            assert await asyncio.gather(commit(farm, parts[2]), commit(farm, parts[3])) == [True, True]
            merge = await claim_merge(farm)
            assert merge is not None
            assert (merge.job_id, merge.ordinals, merge.generation) == (job_id, [0], 1)
            assert len(await farm.rows("select 1 from work where kind = 'merge' and job_id = :id", id=job_id)) == 1
            await farm.assert_whole(job_id)

    async def test_a_zombies_part_is_refused_and_the_rescued_one_counts(self, farm: Farm) -> None:
        job_id = await split_job(farm)
        zombie, other = await rendering(farm, job_id, await farm.replica(), await farm.replica())
        await farm.expire(zombie.work_id)
        assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 1
        [again] = await rendering(farm, job_id, await farm.replica())
        assert (again.part, again.parts, again.ordinals) == (zombie.part, 2, [0])
        assert not await commit(farm, zombie)
        assert await commit(farm, other)
        assert await commit(farm, again)
        assert not await commit(farm, zombie)
        assert await claim_merge(farm) is not None
        outcomes = await farm.rows("select outcome from attempt order by outcome")
        assert [row.outcome for row in outcomes] == ["ok", "ok", "worker_lost"]
        await farm.assert_whole(job_id)

    async def test_a_lease_that_ran_out_refuses_nothing_until_somebody_raised_the_fence(self, farm: Farm) -> None:
        job_id = await split_job(farm)
        part, _ = await rendering(farm, job_id, await farm.replica(), await farm.replica())
        await farm.expire(part.work_id)
        assert await commit(farm, part)

    async def test_a_part_is_no_frame_and_a_frame_is_no_part(self, farm: Farm) -> None:
        part, _ = await rendering(farm, await split_job(farm), await farm.replica(), await farm.replica())
        assert await farm.commit(part, []) is None
        frame = FrameCommit(ordinal=0, frame=1, attempt_id=uuid4(), started_at=0.0)
        assert (
            await commit_frames(farm.db, work_id=part.work_id, fence=part.fence, replica_id=uuid4(), frames=[frame])
            is None
        )
        chunk = await farm.rendering(await farm.start(), await farm.replica(), frames=1)
        assert not await commit(farm, chunk)


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
        assert not await finish_task(farm.db, work_id=merge.work_id, fence=merge.fence, artifacts=[])
