"""One frame in parts: each is fenced like a chunk, the last one queues one merge, and the frame counts once."""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import UUID, uuid4

from db.dispatch import (
    FrameCommit,
    apply_plan,
    read_snapshot,
    rescue_expired,
)
from db.queue import (
    commit_frames,
    start_chunk,
)
from db.repositories.frames import list_frames
from db.repositories.jobs import get_job
from jobs.plan import make_plan
from jobs.planning import PlanSettings, Snapshot
from tests.db.builders import CLUSTER, LEASE, LIMITS, Farm
from tests.db.control import assert_found_by_state
from tests.db.split_jobs import claim_merge, commit, finish, merged, merging, place, rendering, split_job


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
        held = await farm.rows("select assigned_to from work where kind = 'part' and assigned_to is not null")
        assert sorted(Counter(row.assigned_to for row in held).values()) == [2, 2]

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
        frame = FrameCommit(ordinal=0, frame=1, attempt_id=uuid4(), started_at=0.0, engine_ms=0.0)
        assert (
            await commit_frames(farm.db, work_id=part.work_id, fence=part.fence, replica_id=uuid4(), frames=[frame])
            is None
        )
        chunk = await farm.rendering(await farm.start(), await farm.replica(), frames=1)
        assert not await commit(farm, chunk)


class TestFrameList:
    async def test_a_frame_renders_while_any_of_its_parts_does_or_has_and_shows_how_many_are_done(
        self, farm: Farm
    ) -> None:
        job_id = await split_job(farm, frames="1-3")
        assert await self.seen(farm, job_id) == [("queued", None, None)] * 3
        await place(farm, job_id, await farm.replica())
        assert (await self.seen(farm, job_id))[0] == ("queued", 2, 0)
        replica = await farm.replica()
        await place(farm, job_id, replica)
        claimed = await farm.claim(replica)
        assert claimed is not None
        assert (await self.seen(farm, job_id))[0] == ("leased", 2, 0)
        await start_chunk(farm.db, work_id=claimed.work_id, fence=claimed.fence, warm=True)
        assert (await self.seen(farm, job_id))[0] == ("rendering", 2, 0)
        await commit(farm, claimed)
        assert (await self.seen(farm, job_id))[0] == ("rendering", 2, 1)
        await farm.execute("update work set assigned_to = null where kind = 'part' and state = 'queued'")
        [other] = await rendering(farm, job_id, replica)
        await commit(farm, other)
        assert (await self.seen(farm, job_id))[0] == ("rendering", 2, 2)
        merge = await claim_merge(farm)
        assert merge is not None
        await finish(farm, merge)
        assert await self.seen(farm, job_id) == [("committed", None, None), *[("queued", None, None)] * 2]

    async def test_of_a_job_that_is_being_canceled_it_shows_what_the_counts_say(self, farm: Farm) -> None:
        job_id = await split_job(farm, frames="1-2")
        await rendering(farm, job_id, await farm.replica())
        await farm.change(job_id, "cancel")
        job = await farm.job(job_id)
        assert (job.state, job.canceled) == ("canceling", 2)
        assert [state for state, *_ in await self.seen(farm, job_id)] == ["canceled"] * 2
        await assert_found_by_state(farm, job_id)

    async def seen(self, farm: Farm, job_id: UUID) -> list[tuple[str, int | None, int | None]]:
        async with farm.db.transaction() as tx:
            job = await get_job(tx, job_id=job_id)
            assert job is not None
            rows = await list_frames(tx, job=job, limit=10)
        await assert_found_by_state(farm, job_id)
        return [(str(row.state), row.parts, row.parts_done) for row in rows]
