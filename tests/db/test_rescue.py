"""Beats, leases that run out, replicas that leave or fall silent."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from db.dispatch import LostLeadership, finish_jobs, rescue_expired
from db.queue import beat, mark_gone, register_replica
from jobs.limits import FarmLimits
from jobs.states import EndReason
from tests.db.builders import CLUSTER, LEASE, LIMITS, Farm


class TestBeat:
    async def test_it_renews_every_lease_and_tells_what_is_still_owned(self, farm: Farm) -> None:
        replica = await farm.replica()
        kept = await farm.rendering(await farm.start(), replica, frames=2)
        canceled_job = await farm.start()
        canceled = await farm.rendering(canceled_job, replica, frames=2)
        await farm.expire(kept.work_id)
        await farm.change(canceled_job, "cancel")
        reply = await beat(
            farm.db,
            replica_id=replica,
            held=[kept.key, canceled.key],
            residents=[{"digest": "d" * 64, "project_id": str(farm.project_id), "bytes": 5}],
            current={"frame": 3},
            lease=LEASE,
        )
        assert reply.known
        assert not reply.drain
        assert sorted(reply.owned) == sorted([kept.key, canceled.key])
        assert reply.canceled == [canceled.key]
        row = await farm.one("select leased_until > now() as live from work where id = :id", id=kept.work_id)
        assert row.live
        assert (await farm.one("select current, residents from replica")).current == {"frame": 3}

    async def test_a_chunk_whose_claim_never_reached_the_replica_runs_out_and_is_rendered_elsewhere(
        self, farm: Farm
    ) -> None:
        replica = await farm.replica()
        job_id = await farm.start()
        await farm.carve(job_id, replica, 2)
        lost = await farm.claim(replica)  # committed; the answer is lost on the way
        assert lost is not None
        await farm.expire(lost.work_id)
        assert (await farm.beat(replica)).owned == []
        assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 1
        assert (await farm.work(lost.work_id)).state == "queued"

    async def test_an_earlier_claim_of_the_same_chunk_renews_nothing(self, farm: Farm) -> None:
        replica = await farm.replica()
        first = await farm.rendering(await farm.start(), replica, frames=2)
        await farm.execute("update work set fence = fence + 1 where id = :id", id=first.work_id)
        assert (await farm.beat(replica, first)).owned == []

    async def test_a_replica_that_was_thought_dead_is_told_so_until_it_registers_again(self, farm: Farm) -> None:
        replica = await farm.replica()
        await mark_gone(farm.db, replica_id=replica)
        assert not (await farm.beat(replica)).known
        await farm.replica(replica_id=replica)
        assert (await farm.beat(replica)).known

    async def test_an_unknown_replica_is_not_known(self, farm: Farm) -> None:
        assert not (await farm.beat(uuid4())).known

    async def test_a_drain_is_in_the_reply_and_outlives_a_second_registration(self, farm: Farm) -> None:
        replica = await farm.replica()
        await farm.execute("update replica set drain = true")
        await farm.replica(replica_id=replica)
        reply = await farm.beat(replica)
        assert reply.drain
        assert (await farm.one("select state from replica")).state == "draining"


class TestRescue:
    async def test_a_live_lease_is_left_alone(self, farm: Farm) -> None:
        chunk = await farm.rendering(await farm.start(), await farm.replica(), frames=2)
        assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 0
        assert (await farm.work(chunk.work_id)).state == "rendering"

    async def test_an_expired_unstarted_chunk_is_requeued_uncharged(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start()
        await farm.carve(job_id, replica, 3)
        chunk = await farm.claim(replica)
        assert chunk is not None
        await farm.expire(chunk.work_id)
        assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 1
        row = await farm.work(chunk.work_id)
        assert (row.state, row.ordinals, row.fence, row.worker_failures) == ("queued", [0, 1, 2], chunk.fence + 1, 0)
        assert await farm.commit(chunk) is None

    async def test_of_a_rendering_chunk_the_first_open_frame_is_charged_and_goes_its_own_way(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start()
        chunk = await farm.rendering(job_id, replica, frames=4)
        await farm.commit(chunk, [0])
        await farm.expire(chunk.work_id)
        assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 1
        rows = await farm.rows(
            "select ordinals, worker_failures, avoid from work where kind = 'chunk' and state = 'queued' order by id"
        )
        assert [tuple(row) for row in rows] == [([2, 3], 0, []), ([1], 1, [replica])]
        [attempt] = await farm.rows("select ordinal, outcome from attempt where outcome <> 'ok'")
        assert tuple(attempt) == (1, "worker_lost")
        await farm.assert_whole(job_id)

    async def test_a_frame_that_kills_its_workers_fails_at_the_ceiling_and_the_others_go_on(self, farm: Farm) -> None:
        limits = FarmLimits(worker_failures_per_frame=2)
        job_id = await farm.start(frames="1-2")
        epoch = await farm.lead()
        poisoned = await farm.rendering(job_id, await farm.replica(), frames=2)
        await farm.expire(poisoned.work_id)
        await rescue_expired(farm.db, epoch=epoch, limits=limits)
        for chunk_id in [row.id for row in await farm.rows("select id from work where kind = 'chunk' order by id")]:
            replica = await farm.replica()
            await farm.execute("update work set assigned_to = :r where id = :id", r=replica, id=chunk_id)
            chunk = await farm.claim(replica)
            assert chunk is not None
            await farm.execute("update work set state = 'rendering' where id = :id", id=chunk.work_id)
            if chunk.ordinals == [0]:
                await farm.expire(chunk.work_id)
                assert await rescue_expired(farm.db, epoch=epoch, limits=limits) == 1
            else:
                assert await farm.commit(chunk) == [1]
        job = await farm.job(job_id)
        assert (job.state, job.end_reason, job.committed, job.failed) == ("failed", "worker_lost", 1, 1)
        await farm.assert_whole(job_id)

    async def test_of_a_canceling_job_it_ends_the_chunk_and_the_job(self, farm: Farm) -> None:
        job_id = await farm.start()
        chunk = await farm.rendering(job_id, await farm.replica(), frames=4)
        await farm.change(job_id, "cancel")
        await farm.expire(chunk.work_id)
        await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS)
        job = await farm.job(job_id)
        assert (job.state, job.canceled) == ("canceled", 10)

    async def test_a_beat_that_comes_first_wins(self, farm: Farm) -> None:
        replica = await farm.replica()
        chunk = await farm.rendering(await farm.start(), replica, frames=2)
        await farm.expire(chunk.work_id)
        await farm.beat(replica, chunk)
        assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 0
        assert await farm.commit(chunk) == [0, 1]

    async def test_rescue_racing_commit_has_one_winner(self, farm: Farm) -> None:
        epoch = await farm.lead()
        for _ in range(5):
            job_id = await farm.start(frames="1-2")
            chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
            await farm.expire(chunk.work_id)
            rescued, accepted = await asyncio.gather(
                rescue_expired(farm.db, epoch=epoch, limits=LIMITS), farm.commit(chunk)
            )
            assert (rescued, accepted) in ((1, None), (0, [0, 1]))
            await farm.assert_whole(job_id)

    async def test_who_leads_no_more_rescues_nothing(self, farm: Farm) -> None:
        chunk = await farm.rendering(await farm.start(), await farm.replica(), frames=2)
        await farm.expire(chunk.work_id)
        epoch = await farm.lead()
        await farm.execute("update leader set expires_at = now() - interval '1 second'")
        await farm.lead(uuid4())
        with pytest.raises(LostLeadership):
            await rescue_expired(farm.db, epoch=epoch, limits=LIMITS)
        assert (await farm.work(chunk.work_id)).state == "rendering"

    async def test_a_row_that_cannot_be_rescued_does_not_stop_the_others(self, farm: Farm) -> None:
        poisoned_job = await farm.start()
        poisoned = await farm.rendering(poisoned_job, await farm.replica(), frames=2)
        healthy = await farm.rendering(await farm.start(), await farm.replica(), frames=2)
        await farm.execute("update job set event_seq = -1 where id = :id", id=poisoned_job)
        await farm.execute(
            "insert into event (project_id, job_id, seq, kind, data)"
            " select project_id, id, 0, 'odd', '{}' from job where id = :id",
            id=poisoned_job,
        )
        for chunk in (poisoned, healthy):
            await farm.expire(chunk.work_id)
        with capture_logs() as logs:
            assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 1
        assert [(line["event"], line["work_id"]) for line in logs] == [("rescue_failed", poisoned.work_id)]
        assert (await farm.work(poisoned.work_id)).state == "rendering"
        assert (await farm.work(healthy.work_id)).state == "queued"


class TestReplicasThatGo:
    async def test_one_that_leaves_gives_all_back_at_once_and_is_charged_nothing(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start()
        chunk = await farm.rendering(job_id, replica, frames=2)
        await farm.carve(job_id, replica, 3)
        await mark_gone(farm.db, replica_id=replica)
        rows = await farm.rows(
            "select ordinals, worker_failures, assigned_to from work where kind = 'chunk' order by id"
        )
        assert [tuple(row) for row in rows] == [([0, 1], 0, None), ([2, 3, 4], 0, None)]
        assert await farm.commit(chunk) is None
        assert (await farm.one("select state from replica")).state == "gone"

    async def test_one_that_was_found_dead_has_its_frame_charged(self, farm: Farm) -> None:
        replica = await farm.replica()
        await farm.rendering(await farm.start(), replica, frames=2)
        await mark_gone(farm.db, replica_id=replica, reason=EndReason.WORKER_LOST, limits=LIMITS)
        rows = await farm.rows("select ordinals, worker_failures from work where kind = 'chunk' order by id")
        assert [tuple(row) for row in rows] == [([1], 0), ([0], 1)]

    async def test_a_silent_one_is_gone_and_what_waits_at_it_is_free(self, farm: Farm) -> None:
        silent, live = await farm.replica(), await farm.replica()
        job_id = await farm.start()
        await farm.carve(job_id, silent, 2)
        await farm.carve(job_id, live, 2)
        await farm.execute("update replica set beat_at = now() - interval '1 hour' where id = :id", id=silent)
        await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS)
        rows = await farm.rows("select assigned_to from work where kind = 'chunk' order by id")
        assert [row.assigned_to for row in rows] == [None, live]
        states = {row.id: row.state for row in await farm.rows("select id, state from replica")}
        assert states == {silent: "gone", live: "up"}


async def test_the_leaders_sweep_ends_a_job_whose_last_writer_died(farm: Farm) -> None:
    job_id = await farm.start(frames="1-2")
    chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
    await farm.commit(chunk, [0])
    await farm.execute("update job set total = 1 where id = :id", id=job_id)  # as if the verdict had not been reached
    assert await finish_jobs(farm.db, epoch=await farm.lead()) == 1
    assert (await farm.job(job_id)).state == "succeeded"
    assert await finish_jobs(farm.db, epoch=await farm.lead()) == 0


async def test_a_lease_of_another_cluster_is_rescued_too(farm: Farm) -> None:
    replica = uuid4()
    await register_replica(
        farm.db,
        replica_id=replica,
        cluster_id="the-cluster-that-burnt",
        pool="default",
        node="n",
        serve_id="s",
        labels={},
        engines={},
        device_class="cpu",
    )
    chunk = await farm.rendering(await farm.start(), replica, frames=2)
    assert CLUSTER != "the-cluster-that-burnt"
    await farm.expire(chunk.work_id)
    assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 1
    assert timedelta(0) < LIMITS.lease


class TestRescueOfTheRescuer:
    """Stories of queues whose rescuer itself stood still."""

    async def test_rows_that_somebody_sits_on_are_left_and_the_others_are_rescued(self, farm: Farm) -> None:
        held = [await farm.rendering(await farm.start(), await farm.replica(), frames=2) for _ in range(2)]
        free = await farm.rendering(await farm.start(), await farm.replica(), frames=2)
        for chunk in (*held, free):
            await farm.expire(chunk.work_id)
        async with farm.db.transaction() as other:
            ids = [chunk.job_id for chunk in held]
            await other.execute(text("select from job where id = any(:ids) for update"), {"ids": ids})
            with capture_logs() as logs:
                assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 1
        assert [line["event"] for line in logs] == ["rescue_waits"] * 2
        assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 2

    async def test_a_whole_batch_of_rows_that_cannot_be_rescued_hides_none_behind_it(
        self, farm: Farm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("db.dispatch.rescue._BATCH", 2)
        poisoned = await farm.start()
        for _ in range(4):
            chunk = await farm.rendering(poisoned, await farm.replica(), frames=1)
            await farm.expire(chunk.work_id)
        await _poison(farm, poisoned)
        behind = await farm.rendering(await farm.start(), await farm.replica(), frames=2)
        await farm.expire(behind.work_id)
        with capture_logs():
            assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 1
        assert (await farm.work(behind.work_id)).state == "queued"

    async def test_a_row_that_can_never_be_requeued_ends_its_job_instead_of_waiting_for_months(
        self, farm: Farm
    ) -> None:
        job_id = await farm.start(frames="1-3")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=3)
        await farm.expire(chunk.work_id)
        await farm.execute("alter table work add constraint no_retry check (worker_failures = 0)")
        failures: dict[int, int] = {}
        with capture_logs() as logs:
            done = [
                await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS, failures=failures)
                for _ in range(6)
            ]
        assert done == [0, 0, 0, 0, 1, 0]
        assert [line["event"] for line in logs] == ["rescue_failed"] * 5
        assert failures == {}
        job = await farm.job(job_id)
        assert (job.state, job.end_reason, job.canceled) == ("failed", "infra", 3)
        assert "Submit the job again" in job.message
        assert await farm.commit(chunk) is None
        await farm.assert_whole(job_id)

    async def test_a_canceled_job_whose_lost_chunk_cannot_be_counted_is_not_canceling_for_ever(
        self, farm: Farm
    ) -> None:
        job_id = await farm.start(frames="1-3")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        await farm.change(job_id, "cancel")
        await farm.execute("update job set canceled = 2 where id = :id", id=job_id)  # miscounted: 1 is right
        await farm.expire(chunk.work_id)
        failures: dict[int, int] = {}
        with capture_logs() as logs:
            done = [
                await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS, failures=failures)
                for _ in range(6)
            ]
        assert done == [0, 0, 0, 0, 1, 0]
        assert [line["event"] for line in logs] == ["rescue_failed"] * 5
        job = await farm.job(job_id)
        assert (job.state, job.end_reason, job.canceled) == ("canceled", "user_cancel", 3)
        assert await farm.commit(chunk) is None
        await farm.assert_whole(job_id)

    async def test_a_job_that_cannot_be_settled_does_not_stop_the_sweep(self, farm: Farm) -> None:
        jobs = []
        for _ in range(2):
            jobs.append(await farm.start(frames="1-2"))
            chunk = await farm.rendering(jobs[-1], await farm.replica(), frames=2)
            await farm.commit(chunk, [0])
            await farm.execute("update job set total = 1 where id = :id", id=jobs[-1])
        await _poison(farm, jobs[0])
        with capture_logs() as logs:
            assert await finish_jobs(farm.db, epoch=await farm.lead()) == 1
        assert [(line["event"], line["job_id"]) for line in logs] == [("settle_failed", str(jobs[0]))]
        assert (await farm.job(jobs[1])).state == "succeeded"


async def _poison(farm: Farm, job_id: UUID) -> None:
    """Its next event has a number that is taken, so that no transaction which tells something can commit."""
    await farm.execute(
        "insert into event (project_id, job_id, seq, kind, data)"
        " select project_id, id, event_seq + 1, 'odd', '{}' from job where id = :id",
        id=job_id,
    )
