"""Exactly-once commit: the fence decides, and nothing else."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from db.cancel import cancel_job
from db.queue import CutShort, claim_chunk, commit_frames, release_canceled, release_chunk, start_chunk
from jobs.states import EndReason
from tests.db.builders import CLUSTER, LEASE, Farm, artifact, commit_of


class TestClaim:
    async def test_it_brings_all_that_a_replica_needs(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="5-20:5", order="reverse")
        await farm.carve(job_id, replica, 3)
        chunk = await farm.claim(replica)
        assert chunk is not None
        assert (chunk.job_id, chunk.project_id, chunk.model_id) == (job_id, farm.project_id, farm.model_id)
        assert (chunk.ordinals, chunk.frames) == ([3, 2, 1], [20, 15, 10])
        assert (chunk.pipeline, chunk.fence, chunk.tries) == ("fake", 1, 0)
        assert chunk.manifest["main"] == "scene"
        assert (await farm.work(chunk.work_id)).state == "leased"

    async def test_there_is_nothing_for_another_replica(self, farm: Farm) -> None:
        replica, other = await farm.replica(), await farm.replica()
        await farm.carve(await farm.start(), replica, 3)
        assert await farm.claim(other) is None

    async def test_two_claims_at_once_get_two_chunks(self, farm: Farm) -> None:
        replica = await farm.replica()
        await farm.carve(await farm.start(), replica, 2, 3)
        claimed = await asyncio.gather(*(farm.claim(replica) for _ in range(3)))
        assert sorted(len(chunk.ordinals) for chunk in claimed if chunk is not None) == [2, 3]

    async def test_an_interactive_chunk_is_claimed_before_an_older_normal_one(self, farm: Farm) -> None:
        replica = await farm.replica()
        await farm.carve(await farm.start(), replica, 1)
        urgent = await farm.start(priority="interactive")
        await farm.carve(urgent, replica, 1)
        chunk = await farm.claim(replica)
        assert chunk is not None
        assert chunk.job_id == urgent

    @pytest.mark.parametrize("command", ["pause", "cancel"])
    async def test_a_chunk_of_a_job_that_stopped_running_is_not_claimed(self, farm: Farm, command: str) -> None:
        replica = await farm.replica()
        job_id = await farm.start()
        await farm.carve(job_id, replica, 3)
        await farm.change(job_id, command)
        assert await farm.claim(replica) is None
        state, assigned_to = await farm.one("select state, assigned_to from work where kind = 'chunk'")
        assert assigned_to is None
        assert state == ("queued" if command == "pause" else "canceled")


class TestStart:
    async def test_it_writes_the_event_once_however_often_it_is_asked(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start()
        chunk = await farm.rendering(job_id, replica, frames=2)
        assert await start_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, warm=True)
        started = [data for _, kind, data in await farm.events(job_id) if kind == "chunk.started"]
        assert started == [{"ordinals": [0, 1], "replica": str(replica), "warm": False}]

    async def test_a_lost_lease_does_not_start(self, farm: Farm) -> None:
        replica = await farm.replica()
        await farm.carve(await farm.start(), replica, 2)
        chunk = await farm.claim(replica)
        assert chunk is not None
        await release_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, reason=EndReason.INTERRUPTED)
        assert not await start_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, warm=False)

    async def test_a_paused_job_takes_its_leased_chunk_back(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start()
        await farm.carve(job_id, replica, 2)
        chunk = await farm.claim(replica)
        assert chunk is not None
        await farm.change(job_id, "pause")
        assert not await start_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, warm=False)
        row = await farm.work(chunk.work_id)
        assert (row.state, row.fence, row.replica_id) == ("queued", 2, None)

    async def test_a_cancel_between_claim_and_start_ends_chunk_and_job(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start()
        await farm.carve(job_id, replica, 2)
        chunk = await farm.claim(replica)
        assert chunk is not None
        await farm.change(job_id, "cancel")
        assert (await farm.job(job_id)).state == "canceling"
        assert not await start_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, warm=False)
        job = await farm.job(job_id)
        assert (job.state, job.canceled) == ("canceled", 10)


class TestCommit:
    async def test_a_chunk_in_two_batches_ends_the_job(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-4")
        chunk = await farm.rendering(job_id, replica, frames=4)
        assert await farm.commit(chunk, [0, 1], replica_id=replica) == [0, 1]
        assert (await farm.work(chunk.work_id)).ordinals == [2, 3]
        assert (await farm.job(job_id)).state == "running"
        assert await farm.commit(chunk, [2, 3], replica_id=replica) == [2, 3]
        job = await farm.job(job_id)
        assert (job.state, job.end_reason, job.committed, job.warm_count) == ("succeeded", "ok", 4, 4)
        assert (job.render_ms_sum, job.render_count) == (50.0, 4)
        assert (await farm.work(chunk.work_id)).state == "done"
        assert (await farm.one("select count(*) as n from artifact where job_id = :id", id=job_id)).n == 4
        assert (await farm.one("select count(*) as n from attempt where outcome = 'ok'")).n == 4
        await farm.assert_whole(job_id)

    async def test_one_event_names_all_frames_of_the_commit_with_their_artifacts(self, farm: Farm) -> None:
        job_id = await farm.start(frames="10-12")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=3)
        await farm.commit(chunk, [0, 2])
        [data] = [data for _, kind, data in await farm.events(job_id) if kind == "frames.committed"]
        assert [(item["ordinal"], item["frame"], item["warm"]) for item in data["frames"]] == [
            (0, 10, True),
            (2, 12, True),
        ]
        assert data["counts"]["committed"] == 2
        stored = {str(row.id) for row in await farm.rows("select id from artifact")}
        assert {item["artifact"] for item in data["frames"]} == stored

    async def test_delivered_twice_it_gives_the_same_answer_and_writes_once(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-3")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=3)
        batches = [[commit_of(chunk, 0), commit_of(chunk, 1)], [commit_of(chunk, 2)]]
        for frames in [*batches, *batches, [*batches[0], *batches[1]]]:
            accepted = await commit_frames(
                farm.db, work_id=chunk.work_id, fence=chunk.fence, replica_id=uuid4(), frames=frames
            )
            assert accepted == [commit.ordinal for commit in frames]
        await farm.assert_whole(job_id)
        assert (await farm.job(job_id)).committed == 3
        assert (await farm.one("select count(*) as n from artifact")).n == 3

    async def test_an_expired_lease_alone_refuses_nothing(self, farm: Farm) -> None:
        chunk = await farm.rendering(await farm.start(), await farm.replica(), frames=2)
        await farm.expire(chunk.work_id)
        assert await farm.commit(chunk) == [0, 1]

    async def test_a_lost_lease_supersedes_and_leaves_no_row_behind(self, farm: Farm) -> None:
        job_id = await farm.start()
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        await release_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, reason=EndReason.INTERRUPTED)
        assert await farm.commit(chunk) is None
        for table in ("frame_result", "attempt", "artifact"):
            assert (await farm.one(f"select count(*) as n from {table}")).n == 0
        await farm.assert_whole(job_id)

    async def test_after_a_crash_between_upload_and_commit_the_second_attempt_wins(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-2")
        first, second = await farm.replica(), await farm.replica()
        crashed = await farm.rendering(job_id, first, frames=2)
        lost = [commit_of(crashed, 0)]  # uploaded under its own attempt, and then the power went
        await release_chunk(farm.db, work_id=crashed.work_id, fence=crashed.fence, reason=EndReason.INFRA)
        await farm.execute("update work set assigned_to = :r where id = :id", r=second, id=crashed.work_id)
        again = await farm.claim(second)
        assert again is not None
        assert again.fence > crashed.fence
        assert await farm.commit(again) == [0, 1]
        zombie = await commit_frames(
            farm.db, work_id=crashed.work_id, fence=crashed.fence, replica_id=first, frames=lost
        )
        assert zombie is None
        keys = {row.storage_key for row in await farm.rows("select storage_key from artifact")}
        assert lost[0].artifacts[0].storage_key not in keys
        await farm.assert_whole(job_id)

    async def test_a_frame_that_left_the_chunk_is_dropped_while_the_others_count(self, farm: Farm) -> None:
        job_id = await farm.start()
        chunk = await farm.rendering(job_id, await farm.replica(), frames=3)
        await farm.fail(chunk, 1)
        assert await farm.commit(chunk) == [0, 2]
        await farm.assert_whole(job_id)

    async def test_a_commit_while_canceling_counts_and_the_last_one_ends_the_job(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-5")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        await farm.change(job_id, "cancel")
        assert await farm.commit(chunk, [0], needs_preview=True) == [0]
        assert (await farm.job(job_id)).state == "canceling"
        assert await farm.commit(chunk, [1]) == [1]
        job = await farm.job(job_id)
        assert (job.state, job.committed, job.canceled) == ("canceled", 2, 3)
        assert await farm.rows("select 1 from work where kind = 'post'") == []

    async def test_a_canceled_job_gains_no_frame(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-5")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        await farm.change(job_id, "cancel")
        assert await release_canceled(farm.db, work_id=chunk.work_id, fence=chunk.fence)
        assert (await farm.job(job_id)).state == "canceled"
        assert await farm.commit(chunk) is None
        await farm.assert_whole(job_id)

    async def test_cancel_racing_commit_leaves_counters_that_equal_the_rows(self, farm: Farm) -> None:
        replica = await farm.replica()
        for _ in range(6):
            job_id = await farm.start(frames="1-5")
            chunk = await farm.rendering(job_id, replica, frames=5)
            _, accepted = await asyncio.gather(farm.change(job_id, "cancel", strict=False), farm.commit(chunk))
            job = await farm.job(job_id)
            assert (job.state, job.committed) in (("succeeded", 5), ("canceled", 5))
            assert accepted == [0, 1, 2, 3, 4]
            await farm.assert_whole(job_id)

    async def test_previews_are_queued_once_per_commit_that_needs_them(self, farm: Farm) -> None:
        job_id = await farm.start()
        chunk = await farm.rendering(job_id, await farm.replica(), frames=4)
        await farm.commit(chunk, [0], needs_preview=False)
        await farm.commit(chunk, [1, 2], needs_preview=True)
        rows = await farm.rows("select task, ordinals from work where kind = 'post'")
        assert [tuple(row) for row in rows] == [("preview", [1, 2])]

    async def test_a_job_without_previews_gets_none(self, farm: Farm) -> None:
        job_id = await farm.start(outputs={"video": None, "previews": False})
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        await farm.commit(chunk, needs_preview=True)
        assert await farm.rows("select 1 from work where kind = 'post'") == []

    async def test_extra_files_and_odd_text_are_kept(self, farm: Farm) -> None:
        chunk = await farm.rendering(await farm.start(), await farm.replica(), frames=1)
        frame = commit_of(
            chunk,
            0,
            metrics={"warnings": ["a NUL \x00 and half a pair \ud800"]},
            artifacts=[artifact("a/frame.png"), artifact("a/depth.exr", kind="extra", width=None, height=None)],
        )
        assert await commit_frames(
            farm.db, work_id=chunk.work_id, fence=chunk.fence, replica_id=uuid4(), frames=[frame]
        ) == [0]
        kinds = [row.kind for row in await farm.rows("select kind from artifact order by kind")]
        assert kinds == ["extra", "frame"]


class TestRelease:
    async def test_it_gives_the_rest_back_under_the_next_fence_and_charges_nobody(self, farm: Farm) -> None:
        job_id = await farm.start()
        chunk = await farm.rendering(job_id, await farm.replica(), frames=4)
        await farm.commit(chunk, [0])
        assert await release_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, reason=EndReason.INTERRUPTED)
        row = await farm.work(chunk.work_id)
        assert (row.state, row.ordinals, row.fence, row.tries, row.worker_failures) == ("queued", [1, 2, 3], 2, 0, 0)
        assert not await release_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, reason=EndReason.INFRA)
        [data] = [data for _, kind, data in await farm.events(job_id) if kind == "chunk.requeued"]
        assert (data["ordinals"], data["reason"]) == ([1, 2, 3], "interrupted")

    async def test_of_a_canceling_job_it_ends_the_chunk(self, farm: Farm) -> None:
        job_id = await farm.start()
        chunk = await farm.rendering(job_id, await farm.replica(), frames=4)
        await farm.change(job_id, "cancel")
        assert await release_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, reason=EndReason.INTERRUPTED)
        assert (await farm.job(job_id)).state == "canceled"

    async def test_a_cancel_records_the_attempt_that_it_cut_short(self, farm: Farm) -> None:
        job_id = await farm.start()
        chunk = await farm.rendering(job_id, await farm.replica(), frames=4)
        async with farm.db.transaction() as tx:
            assert await cancel_job(tx, job_id=job_id) == "canceling"
            assert await cancel_job(tx, job_id=job_id) == "canceling"  # asked twice, told once
        attempt = uuid4()
        assert await release_canceled(
            farm.db, work_id=chunk.work_id, fence=chunk.fence, cut=CutShort(ordinal=0, attempt_id=attempt, log="Fra:1")
        )
        assert not await release_canceled(farm.db, work_id=chunk.work_id, fence=chunk.fence)
        row = await farm.one("select outcome, log from attempt where id = :id", id=attempt)
        assert tuple(row) == ("user_cancel", "Fra:1")
        assert (await farm.job(job_id)).canceled == 10

    async def test_a_job_that_runs_is_not_released_as_canceled(self, farm: Farm) -> None:
        chunk = await farm.rendering(await farm.start(), await farm.replica(), frames=1)
        assert not await release_canceled(farm.db, work_id=chunk.work_id, fence=chunk.fence)


async def test_a_lease_lasts_as_long_as_it_says_by_the_clock_of_the_database(farm: Farm) -> None:
    replica = await farm.replica()
    await farm.carve(await farm.start(), replica, 1)
    chunk = await claim_chunk(farm.db, replica_id=replica, cluster_id=CLUSTER, lease=timedelta(minutes=10))
    assert chunk is not None
    row = await farm.one("select leased_until - updated_at as lease from work where id = :id", id=chunk.work_id)
    assert row.lease == timedelta(minutes=10)
    assert row.lease > LEASE
