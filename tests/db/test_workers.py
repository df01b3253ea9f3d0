"""Drain, disable, enable: who gets new work, what becomes of the old, and what an interruption leaves behind."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from db.dispatch import read_snapshot
from db.errors import LostLeadership
from db.queue import CutShort, release_chunk
from db.workers import drain_node, drain_ray_nodes, drain_replica, set_node_disabled, set_replica_disabled
from jobs.states import EndReason
from tests.db.builders import CLUSTER, Farm


async def accepting(farm: Farm) -> set[UUID]:
    snapshot = await read_snapshot(farm.db, cluster_id=CLUSTER, replica_timeout=timedelta(minutes=1))
    return {replica.id for replica in snapshot.replicas if replica.accepts_work}


class TestDisabled:
    async def test_a_disabled_replica_keeps_its_chunk_and_gets_no_other(self, farm: Farm) -> None:
        replica, other = await farm.replica(), await farm.replica()
        job_id = await farm.start(frames="1-50")
        chunk = await farm.rendering(job_id, replica, frames=2)
        await farm.carve(job_id, replica, 3)
        async with farm.db.transaction() as tx:
            assert await set_replica_disabled(tx, replica_id=replica, disabled=True)
        assert await accepting(farm) == {other}
        assert await farm.rows("select 1 from work where assigned_to is not null") == []
        assert await farm.commit(chunk, replica_id=replica) == [0, 1]
        async with farm.db.transaction() as tx:
            assert await set_replica_disabled(tx, replica_id=replica, disabled=False)
            assert not await set_replica_disabled(tx, replica_id=uuid4(), disabled=True)
        assert await accepting(farm) == {replica, other}
        await farm.assert_whole(job_id)

    async def test_a_plan_that_was_made_before_reaches_no_disabled_replica(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-50")
        async with farm.db.transaction() as tx:
            await set_replica_disabled(tx, replica_id=replica, disabled=True)
        await farm.carve(job_id, replica, 3)
        assert await farm.rows("select 1 from work where assigned_to is not null") == []
        await farm.assert_whole(job_id)

    async def test_a_claim_that_comes_after_the_word_is_refused(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-50")
        await farm.carve(job_id, replica, 3)
        await farm.execute("update replica set disabled = true where id = :id", id=replica)
        assert await farm.claim(replica) is None

    async def test_a_disabled_machine_keeps_work_also_from_replicas_that_start_later(self, farm: Farm) -> None:
        await farm.replica(node="broken")
        fine = await farm.replica(node="fine")
        async with farm.db.transaction() as tx:
            await set_node_disabled(tx, cluster_id=CLUSTER, name="broken", disabled=True, reason="smells of smoke")
        await farm.replica(node="broken")
        assert await accepting(farm) == {fine}
        async with farm.db.transaction() as tx:
            await set_node_disabled(tx, cluster_id=CLUSTER, name="broken", disabled=False)
        assert len(await accepting(farm)) == 3


class TestDrain:
    async def test_it_learns_the_reason_and_the_time_left_from_its_beat(self, farm: Farm) -> None:
        replica = await farm.replica()
        async with farm.db.transaction() as tx:
            await drain_replica(tx, replica_id=replica, reason="spot notice", within=timedelta(minutes=2))
            await drain_replica(tx, replica_id=replica, reason="later", within=timedelta(hours=2))
        reply = await farm.beat(replica)
        assert (reply.drain, reply.drain_reason) == (True, "spot notice")
        assert reply.drain_within is not None
        assert timedelta(0) < reply.drain_within <= timedelta(minutes=2)

    async def test_a_drain_without_a_time_lets_the_frame_finish(self, farm: Farm) -> None:
        replica = await farm.replica()
        async with farm.db.transaction() as tx:
            await drain_replica(tx, replica_id=replica)
        assert (await farm.beat(replica)).drain_within is None

    async def test_what_waits_at_it_is_free_at_once(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-50")
        await farm.carve(job_id, replica, 3)
        async with farm.db.transaction() as tx:
            await drain_replica(tx, replica_id=replica)
        assert await farm.rows("select 1 from work where assigned_to is not null") == []
        assert await accepting(farm) == set()

    async def test_a_machine_is_drained_with_all_that_runs_on_it(self, farm: Farm) -> None:
        doomed = {await farm.replica(node="spot-1"), await farm.replica(node="spot-1")}
        fine = await farm.replica(node="spot-2")
        async with farm.db.transaction() as tx:
            assert await drain_node(tx, cluster_id=CLUSTER, name="spot-1", reason="spot", within=timedelta(0)) == 2
        told = await farm.rows("select id from replica where drain")
        assert {row.id for row in told} == doomed
        assert await accepting(farm) == {fine}


class TestDrainsOfRay:
    async def test_each_replica_under_the_node_is_told_once(self, farm: Farm) -> None:
        doomed = await farm.replica(ray_node="ab" * 28)
        fine = await farm.replica(ray_node="cd" * 28)
        drains = {"ab" * 28: None, "ef" * 28: None}
        epoch = await farm.lead()
        told = [
            await drain_ray_nodes(farm.db, cluster_id=CLUSTER, drains=drains, reason="Ray drains it.", epoch=epoch)
            for _ in range(2)
        ]
        assert told == [1, 0]
        assert await accepting(farm) == {fine}
        assert (await farm.beat(doomed)).drain_reason == "Ray drains it."

    async def test_a_nearer_end_is_told_again(self, farm: Farm) -> None:
        replica = await farm.replica(ray_node="n")
        epoch = await farm.lead()
        for deadline in (None, 4e9, 5e9, 3e9):
            await drain_ray_nodes(farm.db, cluster_id=CLUSTER, drains={"n": deadline}, reason="it goes", epoch=epoch)
        row = await farm.one("select extract(epoch from drain_by)::float as at from replica where id = :id", id=replica)
        assert row.at == pytest.approx(3e9, abs=1)

    async def test_a_leader_that_was_replaced_writes_nothing(self, farm: Farm) -> None:
        await farm.replica(ray_node="n")
        with pytest.raises(LostLeadership):
            await drain_ray_nodes(farm.db, cluster_id=CLUSTER, drains={"n": None}, reason="it goes", epoch=1_000_000)
        assert await farm.rows("select 1 from replica where drain") == []


class TestInterruption:
    async def test_a_frame_taken_by_a_spot_notice_is_told_apart_from_one_never_tried_and_spends_nothing(
        self, farm: Farm
    ) -> None:
        job_id = await farm.start(frames="1-4")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=3)
        cut = CutShort(ordinal=1, attempt_id=uuid4(), message="Its machine was taken away: spot notice.")
        await farm.commit(chunk, [0])
        assert await release_chunk(
            farm.db, work_id=chunk.work_id, fence=chunk.fence, reason=EndReason.INTERRUPTED, cut=cut
        )
        tries = await farm.rows("select ordinal, outcome, message from attempt where outcome <> 'ok'")
        assert [tuple(row) for row in tries] == [(1, "interrupted", "Its machine was taken away: spot notice.")]
        row = await farm.work(chunk.work_id)
        assert (row.state, row.ordinals, row.tries, row.worker_failures, row.avoid) == ("queued", [1, 2], 0, 0, [])
        [event] = [data for _, kind, data in await farm.events(job_id) if kind == "chunk.requeued"]
        assert event["reason"] == "interrupted"
        assert await farm.rows("select 1 from replica where failures > 0") == []
        await farm.assert_whole(job_id)

    async def test_a_frame_that_was_committed_before_the_release_has_no_second_attempt(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-4")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        await farm.commit(chunk, [0])
        cut = CutShort(ordinal=0, attempt_id=uuid4())
        await release_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, reason=EndReason.INTERRUPTED, cut=cut)
        assert await farm.rows("select 1 from attempt where outcome <> 'ok'") == []


class TestCounts:
    async def test_commits_and_failures_count_on_the_replica(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-6")
        chunk = await farm.rendering(job_id, replica, frames=4)
        await farm.commit(chunk, [0, 1, 2], replica_id=replica)
        await farm.fail(chunk, 3, EndReason.OUT_OF_MEMORY)
        row = await farm.one("select frames, failures from replica where id = :id", id=replica)
        assert tuple(row) == (3, 1)

    async def test_beats_commits_and_failures_of_one_replica_do_not_deadlock(self, farm: Farm) -> None:
        replica = await farm.replica()
        for _ in range(8):
            job_id = await farm.start(frames="1-6", limits={"tries": 9})
            chunk = await farm.rendering(job_id, replica, frames=6)
            beats = [farm.beat(replica, chunk) for _ in range(4)]
            await asyncio.gather(
                *beats,
                *(farm.commit(chunk, [ordinal], replica_id=replica) for ordinal in (0, 1)),
                *(farm.fail(chunk, ordinal) for ordinal in (2, 3, 4)),
            )
            await farm.assert_whole(job_id)
        row = await farm.one("select frames, failures from replica where id = :id", id=replica)
        assert tuple(row) == (16, 24)
