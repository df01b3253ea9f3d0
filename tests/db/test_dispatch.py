"""The leader's half: leadership, snapshot, carving, hand-out, take-back."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from db.dispatch import AppliedPlan, LostLeadership, SnapshotReader, apply_plan, lead, pin_job, resign
from db.listen import RECONNECTED, listen, replica_channel
from db.pools import read_desired
from db.queue import beat, start_chunk
from jobs.order import Order, ordinals_at
from jobs.plan import make_plan
from jobs.planning import Assign, JobView, Plan, PlanSettings, Snapshot, TakeBack, WaitReason
from tests.db.builders import CLUSTER, LEASE, RENDER_KEY, Farm

TTL = timedelta(seconds=10)


class TestLeadership:
    async def test_one_leads_and_renews_under_one_epoch(self, farm: Farm) -> None:
        first, second = uuid4(), uuid4()
        epochs = await asyncio.gather(*(_lead(farm, holder) for holder in (first, second)))
        assert sum(epoch is None for epoch in epochs) == 1
        winner = first if epochs[0] is not None else second
        assert await _lead(farm, winner) == next(epoch for epoch in epochs if epoch is not None)

    async def test_a_takeover_after_the_time_to_live_raises_the_epoch_and_refuses_the_old_one(self, farm: Farm) -> None:
        old = await _lead(farm, uuid4())
        assert old is not None
        await farm.execute("update leader set expires_at = now() - interval '1 ms'")
        new = await _lead(farm, uuid4())
        assert new is not None
        assert new > old
        with pytest.raises(LostLeadership):
            await apply_plan(farm.db, cluster_id=CLUSTER, plan=Plan(), epoch=old)

    async def test_an_expired_leader_goes_on_while_nobody_took_over(self, farm: Farm) -> None:
        epoch = await farm.lead()
        await farm.execute("update leader set expires_at = now() - interval '1 ms'")
        assert await apply_plan(farm.db, cluster_id=CLUSTER, plan=Plan(), epoch=epoch) == AppliedPlan()

    async def test_resigning_lets_the_next_lead_at_once_and_ends_the_epoch(self, farm: Farm) -> None:
        holder = uuid4()
        epoch = await _lead(farm, holder)
        assert epoch is not None
        await resign(farm.db, role="dispatcher", cluster_id=CLUSTER, holder=holder)
        with pytest.raises(LostLeadership):
            await apply_plan(farm.db, cluster_id=CLUSTER, plan=Plan(), epoch=epoch)
        assert await _lead(farm, uuid4()) is not None

    async def test_each_cluster_has_its_own_leader_and_epochs_never_meet(self, farm: Farm) -> None:
        ours = await farm.lead()
        theirs = await lead(farm.db, role="dispatcher", cluster_id="other", holder=uuid4(), ttl=TTL)
        assert theirs is not None
        assert theirs != ours


class TestCarving:
    @pytest.mark.parametrize("order", list(Order))
    async def test_chunks_follow_the_order_of_hand_out_until_every_frame_is_carved_once(
        self, farm: Farm, order: Order
    ) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-20", order=order)
        await farm.carve(job_id, replica, 7, 7)
        await farm.carve(job_id, replica, 7, 7)
        rows = await farm.rows("select ordinals from work where kind = 'chunk' order by id")
        assert [len(row.ordinals) for row in rows] == [7, 7, 6]
        assert [ordinal for row in rows for ordinal in row.ordinals] == ordinals_at(order, 20, 0, 20)
        assert (await farm.one("select state, count from work where kind = 'range'"))[0] == "done"
        await farm.assert_whole(job_id)

    async def test_a_million_frames_shrink_by_what_is_carved(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-1000000")
        await farm.carve(job_id, replica, 250)
        assert tuple(await farm.one("select first, count from work where kind = 'range'")) == (250, 999_750)
        [job] = (await _snapshot(farm)).jobs
        assert (job.uncarved, job.active_chunks) == (999_750, 1)

    @pytest.mark.parametrize("command", ["cancel", "pause"])
    async def test_a_job_that_stopped_since_the_snapshot_gets_no_chunk(self, farm: Farm, command: str) -> None:
        replica = await farm.replica()
        job_id = await farm.start()
        await farm.change(job_id, command)
        await farm.carve(job_id, replica, 3)
        assert await farm.rows("select 1 from work where kind = 'chunk'") == []

    async def test_a_job_that_is_not_pinned_yet_gets_no_chunk(self, farm: Farm) -> None:
        replica = await farm.replica()
        await farm.carve(await farm.submit(), replica, 3)
        assert await farm.rows("select 1 from work where kind = 'chunk'") == []

    async def test_a_chunk_for_a_replica_that_went_is_carved_but_loose(self, farm: Farm) -> None:
        job_id = await farm.start()
        await farm.carve(job_id, uuid4(), 3)
        [job] = (await _snapshot(farm)).jobs
        assert [chunk.frames for chunk in job.loose] == [3]
        assert job.uncarved == 7


class TestHandOut:
    async def test_a_loose_chunk_goes_to_its_replica_once(self, farm: Farm) -> None:
        first, second = await farm.replica(), await farm.replica()
        job_id = await farm.start()
        await farm.carve(job_id, uuid4(), 3)
        [chunk] = (await _snapshot(farm)).jobs[0].loose
        for replica in (first, second):
            plan = Plan(placements=(Assign(replica_id=replica, job_id=job_id, work_id=chunk.work_id),))
            await apply_plan(farm.db, cluster_id=CLUSTER, plan=plan, epoch=await farm.lead())
        assert (await farm.work(chunk.work_id)).assigned_to == first

    async def test_a_staged_chunk_moves_to_an_idle_replica_in_one_plan(self, farm: Farm) -> None:
        busy, idle = await farm.replica(), await farm.replica()
        job_id = await farm.start()
        await farm.carve(job_id, busy, 3)
        [work_id] = [row.id for row in await farm.rows("select id from work where kind = 'chunk'")]
        plan = Plan(
            placements=(Assign(replica_id=idle, job_id=job_id, work_id=work_id),),
            take_backs=(TakeBack(replica_id=busy, work_id=work_id),),
        )
        applied = await apply_plan(farm.db, cluster_id=CLUSTER, plan=plan, epoch=await farm.lead())
        assert (applied.assigned, applied.taken_back) == (1, 1)
        assert await farm.claim(busy) is None
        chunk = await farm.claim(idle)
        assert chunk is not None
        assert chunk.work_id == work_id

    async def test_a_leased_chunk_is_taken_back_before_it_starts_but_not_after(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start()
        await farm.carve(job_id, replica, 2)
        leased = await farm.claim(replica)
        assert leased is not None
        rendering = await farm.rendering(job_id, replica, frames=2)
        backs = tuple(TakeBack(replica_id=replica, work_id=chunk.work_id) for chunk in (leased, rendering))
        applied = await apply_plan(farm.db, cluster_id=CLUSTER, plan=Plan(take_backs=backs), epoch=await farm.lead())
        assert applied.taken_back == 1
        assert not await start_chunk(farm.db, work_id=leased.work_id, fence=leased.fence, warm=False)
        assert await farm.commit(rendering) == [2, 3]

    async def test_a_take_back_of_what_went_elsewhere_does_nothing(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start()
        chunk = await farm.rendering(job_id, replica, frames=2)
        plan = Plan(take_backs=(TakeBack(replica_id=uuid4(), work_id=chunk.work_id),))
        assert (await apply_plan(farm.db, cluster_id=CLUSTER, plan=plan, epoch=await farm.lead())).taken_back == 0

    async def test_each_replica_is_woken_once(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start()
        notifications = listen(farm.db.settings, [replica_channel(replica)])
        assert await asyncio.wait_for(anext(notifications), 10) == RECONNECTED
        await farm.carve(job_id, replica, 1, 1, 1)
        async with farm.db.transaction() as tx:
            await tx.exec_driver_sql(f"notify \"{replica_channel(replica)}\", 'last'")
        payloads = [(await asyncio.wait_for(anext(notifications), 10)).payload for _ in range(2)]
        assert payloads == ['{"verb":"work"}', "last"]
        await notifications.aclose()

    async def test_a_cancel_names_chunk_and_fence_to_the_replica_that_has_it(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start()
        chunk = await farm.rendering(job_id, replica, frames=2)
        notifications = listen(farm.db.settings, [replica_channel(replica)])
        await asyncio.wait_for(anext(notifications), 10)
        await farm.change(job_id, "cancel")
        told = json.loads((await asyncio.wait_for(anext(notifications), 10)).payload)
        assert told == {"verb": "cancel", "work_id": chunk.work_id, "fence": chunk.fence}
        await notifications.aclose()


class TestSnapshot:
    async def test_the_planner_drives_a_job_from_queued_to_its_end(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-12")
        for _ in range(40):
            plan = make_plan(await _snapshot(farm), PlanSettings())
            await apply_plan(farm.db, cluster_id=CLUSTER, plan=plan, epoch=await farm.lead())
            while (chunk := await farm.claim(replica)) is not None:
                await farm.commit(chunk, replica_id=replica)
            if (await farm.job(job_id)).state == "succeeded":
                break
        assert (await farm.job(job_id)).committed == 12
        await farm.assert_whole(job_id)

    async def test_it_shows_what_each_replica_has(self, farm: Farm) -> None:
        replica = await farm.replica(labels={"gpu": "l4"})
        job_id = await farm.start()
        chunk = await farm.rendering(job_id, replica, frames=2)
        await farm.carve(job_id, replica, 1)
        residents = [{"digest": "d" * 64, "project_id": str(farm.project_id), "bytes": 5}]
        await beat(farm.db, replica_id=replica, held=[chunk.key], residents=residents, current=None, lease=LEASE)
        snapshot = await _snapshot(farm, staged_chunks=2)
        [view] = snapshot.replicas
        assert (view.node, view.busy_job, view.busy_frames) == ("n1", job_id, 2)
        assert (view.busy_chunks, [chunk.job_id for chunk in view.staged]) == (1, [job_id])
        assert (view.residents, view.labels, view.engines) == (frozenset({"d" * 64}), {"gpu": "l4"}, {"fake": "fake 1"})
        assert view.accepts_work
        [job] = snapshot.jobs
        assert (job.active_chunks, job.uncarved, job.frame_seconds, job.engine_version) == (2, 7, None, "fake 1")
        assert snapshot.pools == ("default",)

    async def test_a_job_is_expected_to_take_what_the_same_scene_and_settings_took_before(self, farm: Farm) -> None:
        earlier, replica = await farm.start(), await farm.replica()
        await farm.commit(await farm.rendering(earlier, replica, frames=2))
        [job] = (await _snapshot(farm)).jobs
        assert job.frame_seconds is not None
        await farm.start()
        other = await farm.submit()
        await farm.pin(other, render_key="another")
        expected = {each.id: each.frame_seconds for each in (await _snapshot(farm)).jobs}
        assert set(expected.values()) == {job.frame_seconds, None}
        assert expected[other] is None

    async def test_silent_and_foreign_replicas_are_not_in_it_and_draining_ones_take_no_work(self, farm: Farm) -> None:
        silent, draining = await farm.replica(), await farm.replica()
        await farm.replica(cluster_id="other")
        await farm.execute("update replica set beat_at = now() - interval '1 hour' where id = :id", id=silent)
        await farm.execute("update replica set drain = true where id = :id", id=draining)
        assert (await _snapshot(farm)).replicas == ()
        up, disabled, on_disabled_node = await farm.replica(), await farm.replica(), await farm.replica(node="n2")
        await farm.execute("update replica set disabled = true where id = :id", id=disabled)
        await farm.execute("insert into node (cluster_id, name, disabled) values (:c, 'n2', true)", c=CLUSTER)
        assert [view.id for view in (await _snapshot(farm)).replicas] == [up]
        assert on_disabled_node != up

    async def test_full_replicas_are_counted_and_read_one_by_one_only_where_their_staged_chunk_may_move(
        self, farm: Farm
    ) -> None:
        full = await farm.replica()
        job_id = await farm.start(priority="normal")
        await farm.rendering(job_id, full, frames=2)
        await farm.carve(job_id, full, 1)
        snapshot = await _snapshot(farm)
        assert snapshot.replicas == ()
        assert [(crowd.replicas, crowd.engines) for crowd in snapshot.crowds] == [(1, {"fake": "fake 1"})]
        await farm.start(priority="interactive")
        assert [view.id for view in (await _snapshot(farm)).replicas] == [full]
        await farm.execute("update job set state = 'paused' where priority_rank = 0")
        assert (await _snapshot(farm)).replicas == ()
        idle = await farm.replica()
        assert {view.id for view in (await _snapshot(farm)).replicas} == {full, idle}

    async def test_of_many_idle_replicas_those_that_hold_a_wanted_model_are_read(self, farm: Farm) -> None:
        replicas = [await farm.replica() for _ in range(5)]
        await farm.start()
        digest = (await farm.one("select digest from model")).digest
        warm = max(replicas)
        residents = [{"digest": digest, "project_id": str(farm.project_id), "bytes": 5}]
        await beat(farm.db, replica_id=warm, held=[], residents=residents, current=None, lease=LEASE)
        snapshot = await _snapshot(farm, placements_per_tick=1)
        assert [view.id for view in snapshot.replicas] == [warm]
        assert [crowd.replicas for crowd in snapshot.crowds] == [4]

    async def test_work_that_is_newer_than_the_last_snapshot_is_told_of_the_replicas_that_it_wants(
        self, farm: Farm
    ) -> None:
        """Jobs and replicas are read at once, with what the jobs wanted the last time."""
        few, all_ = _snapshots(farm, placements_per_tick=1), _snapshots(farm)
        replicas = [await farm.replica() for _ in range(5)]
        digest = (await farm.one("select digest from model")).digest
        warm = max(replicas)
        residents = [{"digest": digest, "project_id": str(farm.project_id), "bytes": 5}]
        await beat(farm.db, replica_id=warm, held=[], residents=residents, current=None, lease=LEASE)
        await few.read()
        await farm.start()
        assert [view.id for view in (await few.read()).replicas] == [warm]
        full = await farm.replica()
        job_id = await farm.start(priority="normal")
        await farm.rendering(job_id, full, frames=2)
        await farm.carve(job_id, full, 1)
        await farm.execute("update replica set state = 'gone', gone_at = now() where id <> :full", full=full)
        assert (await all_.read()).replicas == ()
        await farm.start(priority="interactive")
        assert [view.id for view in (await all_.read()).replicas] == [full]

    async def test_each_snapshot_of_a_reader_is_what_a_new_reader_would_see(self, farm: Farm) -> None:
        """What never changes of a job is read once; what changes is read each time, and what is gone is forgotten."""
        snapshots = _snapshots(farm)
        first, second = await farm.start(labels={"gpu": "big"}), await farm.submit(frames="1-3")
        replica = await farm.replica(labels={"gpu": "big"})
        for step in (
            lambda: farm.rendering(first, replica, frames=2),
            lambda: farm.pin(second),
            lambda: farm.execute("update job set priority_rank = 0, weight = 7, max_replicas = 3"),
            lambda: farm.change(second, "cancel"),
            lambda: farm.start(frames="5-9"),
        ):
            await step()
            seen, fresh = await snapshots.read(), await _snapshot(farm)
            assert [_timeless(job) for job in seen.jobs] == [_timeless(job) for job in fresh.jobs]
            assert (seen.replicas, seen.crowds, seen.licences) == (fresh.replicas, fresh.crowds, fresh.licences)
        ids = {job.id for job in seen.jobs}
        assert first in ids
        assert second not in ids

    async def test_a_blocked_node_and_the_nodes_of_full_replicas_are_known(self, farm: Farm) -> None:
        job_id, full = await farm.start(), await farm.replica(node="n7")
        await farm.rendering(job_id, full, frames=1)
        await farm.carve(job_id, full, 1)
        for node, blocked_at in (("n8", "now()"), ("n9", "null")):
            await farm.execute(
                "insert into job_block (job_id, node, pipeline, failures, blocked_at)"
                f" values (:id, :node, 'fake', 3, {blocked_at}), (:id, :node, 'cycles', 3, now())",
                id=job_id,
                node=node,
            )
        snapshot = await _snapshot(farm)
        assert snapshot.jobs[0].blocked_nodes == {"n8"}
        assert [crowd.nodes for crowd in snapshot.crowds] == [{"n7"}]

    async def test_caps_licences_and_deadlines_are_in_it(self, farm: Farm) -> None:
        await farm.execute("insert into licence (name, capacity) values ('nuke', 5)")
        job_id = await farm.start(licences={"nuke": 2})
        await farm.execute(
            "update job set max_replicas = 3, finish_before = now() + interval '1 hour' where id = :id", id=job_id
        )
        snapshot = await _snapshot(farm)
        [job] = snapshot.jobs
        assert (job.licences, job.max_replicas, snapshot.licences) == ({"nuke": 2}, 3, {"nuke": 5})
        assert job.finish_in_s == pytest.approx(3600, abs=60)

    async def test_a_paused_job_shows_only_while_it_still_renders(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-10")
        chunk = await farm.rendering(job_id, replica, frames=2)
        await farm.change(job_id, "pause")
        [job] = (await _snapshot(farm)).jobs
        assert (job.stopped, job.active_chunks) == (True, 1)
        await farm.commit(chunk, replica_id=replica)
        assert (await _snapshot(farm)).jobs == ()

    async def test_of_a_flood_of_jobs_the_most_urgent_are_read_and_those_that_nothing_fits_come_last(
        self, farm: Farm
    ) -> None:
        stuck = await farm.submit(labels={"gpu": "none"})
        await farm.execute("update job set wait_reason = 'no_replica_fits'")
        old, urgent = await farm.submit(), await farm.submit(priority="interactive")
        await farm.submit()
        read = [job.id for job in (await _snapshot(farm, jobs_per_project=2)).jobs]
        assert set(read) == {old, urgent}
        assert stuck in {job.id for job in (await _snapshot(farm, jobs_per_project=4)).jobs}

    async def test_a_retry_shows_only_when_its_pause_is_over(self, farm: Farm) -> None:
        job_id = await farm.start()
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        await farm.fail(chunk, 0)
        [job] = (await _snapshot(farm)).jobs
        assert len(job.loose) == 1
        await farm.execute("update work set not_before = now() + interval '1 hour' where state = 'queued'")
        [job] = (await _snapshot(farm)).jobs
        assert job.loose == ()
        assert job.uncarved == 8

    async def test_waits_and_pool_sizes_are_noted_and_cleared(self, farm: Farm) -> None:
        job_id = await farm.submit()
        plan = Plan(waits={job_id: WaitReason.STARTING_REPLICA}, backlog={"default": 3})
        await apply_plan(farm.db, cluster_id=CLUSTER, plan=plan, epoch=await farm.lead())
        assert (await farm.job(job_id)).wait_reason == "starting_replica"
        assert await _desired(farm) == 3
        await apply_plan(farm.db, cluster_id=CLUSTER, plan=Plan(backlog={"default": 0}), epoch=await farm.lead())
        assert (await farm.job(job_id)).wait_reason is None
        assert await _desired(farm) == 0
        await farm.execute("update pool set updated_at = now() - interval '1 hour'")
        assert await _desired(farm) is None


class TestPin:
    async def test_a_job_is_pinned_once_and_keeps_it_over_a_pause(self, farm: Farm) -> None:
        job_id = await farm.start()
        await farm.change(job_id, "pause")
        await farm.change(job_id, "resume")
        await pin_job(
            farm.db, job_id=job_id, engine_version="fake 2", device_class="gpu", render_key="z", epoch=await farm.lead()
        )
        job = await farm.job(job_id)
        assert (job.state, job.engine_version, job.device_class, job.render_key) == (
            "running", "fake 1", "cpu", RENDER_KEY,
        )  # fmt: skip

    async def test_a_job_that_was_canceled_meanwhile_is_left_alone(self, farm: Farm) -> None:
        job_id = await farm.submit()
        await farm.change(job_id, "cancel")
        await farm.pin(job_id)
        assert (await farm.job(job_id)).state == "canceled"


async def _lead(farm: Farm, holder: UUID) -> int | None:
    return await lead(farm.db, role="dispatcher", cluster_id=CLUSTER, holder=holder, ttl=TTL)


def _snapshots(farm: Farm, **settings: Any) -> SnapshotReader:
    return SnapshotReader(farm.db, cluster_id=CLUSTER, replica_timeout=LEASE, settings=PlanSettings(**settings))


async def _snapshot(farm: Farm, **settings: Any) -> Snapshot:
    return await _snapshots(farm, **settings).read()


def _timeless(job: JobView) -> JobView:
    return job._replace(waited_s=0.0)


async def _desired(farm: Farm) -> int | None:
    return await asyncio.to_thread(read_desired, farm.db.settings, cluster_id=CLUSTER, pool="default", stale_after_s=15)
