"""What the planner is told of the farm, over a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from db.dispatch import SnapshotReader, apply_plan
from db.dispatch import snapshot as snapshot_module
from db.pools import read_desired
from db.queue import beat
from jobs.plan import make_plan
from jobs.planning import JobView, Plan, PlanSettings, Snapshot, WaitReason
from tests.db.builders import CLUSTER, LEASE, Farm
from tests.db.split_jobs import claim_merge, commit, rendering, split_job

_TIMED = "update job set render_count = 1, render_ms_sum = 1000"
"""A job that has no frame time of its own is read anew each time."""


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

    async def test_of_many_full_replicas_those_with_the_lowest_class_behind_are_read(self, farm: Farm) -> None:
        jobs = {name: await farm.start(priority=name) for name in ("normal", "batch")}
        full = {}
        for name in ("normal", "batch", "normal"):
            full[name] = await farm.replica()
            await farm.rendering(jobs[name], full[name], frames=2)
            await farm.carve(jobs[name], full[name], 1)
        await farm.start(priority="interactive")
        snapshot = await _snapshot(farm, preemptions_per_tick=1)
        assert [view.id for view in snapshot.replicas] == [full["batch"]]
        assert [crowd.replicas for crowd in snapshot.crowds] == [2]

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

    @pytest.mark.parametrize("changes_from", [1, 500], ids=["changes", "all"])
    async def test_each_snapshot_of_a_reader_is_what_a_new_reader_would_see(
        self, farm: Farm, changes_from: int
    ) -> None:
        """What never changes of a job is read once; what changes is read each time, and what is gone is forgotten."""
        snapshots = _snapshots(farm, changes_from=changes_from, read_whole_every=timedelta(days=1))
        first, second = await farm.start(labels={"gpu": "big"}), await farm.submit(frames="1-3")
        replica = await farm.replica(labels={"gpu": "big"})
        await farm.execute(_TIMED)
        gate = "update work set gated = not gated where kind = 'range' and job_id = :id"
        block = (
            "insert into job_block (job_id, node, pipeline, failures, blocked_at) values (:id, 'n8', 'fake', 3, now())"
        )
        for step in (
            lambda: farm.rendering(first, replica, frames=2),
            lambda: farm.pin(second),
            lambda: farm.execute(gate, id=second),
            lambda: farm.execute(gate, id=second),
            lambda: farm.execute(block, id=second),
            lambda: farm.execute("delete from job_block"),
            lambda: farm.execute("update job set priority_rank = 0, weight = 7, max_replicas = 3"),
            lambda: farm.change(first, "pause"),
            lambda: farm.change(first, "resume"),
            lambda: farm.change(second, "cancel"),
            lambda: farm.start(frames="5-9"),
        ):
            await step()
            seen, fresh = await snapshots.read(), await _snapshot(farm)
            assert _timeless(seen.jobs) == _timeless(fresh.jobs)
            assert (seen.replicas, seen.crowds, seen.licences) == (fresh.replicas, fresh.crowds, fresh.licences)
        ids = {job.id for job in seen.jobs}
        assert first in ids
        assert second not in ids

    async def test_what_a_transaction_wrote_that_was_open_at_the_last_snapshot_is_in_the_next(self, farm: Farm) -> None:
        snapshots = _snapshots(farm, changes_from=1, read_whole_every=timedelta(days=1))
        slow, other = await farm.start(), await farm.start()
        await farm.execute(_TIMED)
        async with farm.db.transaction() as tx:
            await tx.execute(text("update job set weight = 7 where id = :id"), {"id": slow})
            await farm.execute("update job set weight = 8 where id = :id", id=other)  # younger, and over sooner
            seen = [{job.id: job.weight for job in (await snapshots.read()).jobs} for _ in range(3)]
        assert seen == [{slow: 100, other: 8}] * 3
        assert {job.id: job.weight for job in (await snapshots.read()).jobs} == {slow: 7, other: 8}

    async def test_parts_that_end_are_noticed_though_their_job_is_not_written(self, farm: Farm) -> None:
        snapshots = _snapshots(farm, changes_from=1, read_whole_every=timedelta(days=1))
        job_id = await split_job(farm, frames="1-2")
        await farm.execute(_TIMED)
        first, second = await rendering(farm, job_id, await farm.replica(), await farm.replica())
        seen = []
        for part in (first, second):
            seen += [(job.active_chunks, job.uncarved) for job in (await snapshots.read()).jobs]
            assert await commit(farm, part)
        assert await claim_merge(farm) is not None
        seen += [(job.active_chunks, job.uncarved) for job in (await snapshots.read()).jobs]
        assert seen == [(2, 2), (1, 2), (0, 2)]

    async def test_only_a_retry_whose_pause_is_over_is_in_it_though_nobody_wrote_meanwhile(self, farm: Farm) -> None:
        snapshots = _snapshots(farm, changes_from=1, read_whole_every=timedelta(days=1))
        job_id = await farm.start()
        await farm.fail(await farm.rendering(job_id, await farm.replica(), frames=2), 0)
        await farm.execute(_TIMED)
        pause = "update work set not_before = now() + interval '1 second' where state = 'queued' and kind = 'chunk'"
        await farm.execute(pause)
        assert [job.loose for job in (await snapshots.read()).jobs] == [()]
        await farm.execute("select pg_sleep(1.1)")
        assert [len(job.loose) for job in (await snapshots.read()).jobs] == [1]

    async def test_who_reads_changes_sees_the_room_that_a_full_replica_comes_to_have(self, farm: Farm) -> None:
        snapshots = _snapshots(farm, changes_from=1, read_whole_every=timedelta(days=1))
        full, job_id = await farm.replica(), await farm.start(priority="normal")
        chunk = await farm.rendering(job_id, full, frames=2)
        await farm.carve(job_id, full, 1)
        assert (await snapshots.read()).replicas == ()
        assert [crowd.replicas for crowd in (await snapshots.read()).crowds] == [1]
        await farm.execute("update work set state = 'done', leased_until = null where id = :id", id=chunk.work_id)
        assert await farm.claim(full) is not None
        after = await snapshots.read()
        assert ([view.id for view in after.replicas], after.crowds) == ([full], ())
        assert [view.busy_chunks for view in (await snapshots.read()).replicas] == [1]

    async def test_who_reads_changes_sees_all_staged_chunks_once_a_replica_is_idle(self, farm: Farm) -> None:
        snapshots = _snapshots(farm, changes_from=1, read_whole_every=timedelta(days=1))
        full, job_id = await farm.replica(), await farm.start()
        await farm.rendering(job_id, full, frames=2)
        await farm.carve(job_id, full, 1)
        assert (await snapshots.read()).replicas == ()
        idle = await farm.replica()
        assert {view.id for view in (await snapshots.read()).replicas} == {full, idle}
        await farm.execute("update replica set drain = true where id = :id", id=idle)
        assert idle not in {view.id for view in (await snapshots.read()).replicas}

    async def test_all_replicas_are_read_each_time_while_more_are_idle_than_one_tick_can_use(self, farm: Farm) -> None:
        snapshots = _snapshots(farm, changes_from=1, read_whole_every=timedelta(days=1), placements_per_tick=1)
        first, second = sorted([await farm.replica(), await farm.replica()])
        job_id = await farm.start()
        [seen] = (await snapshots.read()).replicas
        await farm.rendering(job_id, seen.id, frames=1)
        assert {first, second} - {view.id for view in (await snapshots.read()).replicas} <= {seen.id}

    async def test_where_most_jobs_have_changed_all_are_read(self, farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(snapshot_module, "_FEW", 1)
        snapshots = _snapshots(farm, changes_from=1, read_whole_every=timedelta(days=1))
        first, second = await farm.start(), await farm.start()
        await farm.execute(_TIMED)
        await snapshots.read()
        for changed in ({first}, {first, second}):
            await farm.execute("update job set weight = weight + 1 where id = any(:ids)", ids=list(changed))
            seen = {job.id: job.weight for job in (await snapshots.read()).jobs}
            fresh = {job.id: job.weight for job in (await _snapshot(farm)).jobs}
            assert seen == fresh

    async def test_a_project_with_more_jobs_than_are_read_is_read_whole_each_time(self, farm: Farm) -> None:
        snapshots = _snapshots(farm, changes_from=1, read_whole_every=timedelta(days=1), jobs_per_project=2)
        old = [await farm.submit() for _ in range(3)]
        assert {job.id for job in (await snapshots.read()).jobs} == set(old[:2])
        urgent = await farm.submit(priority="interactive")
        assert {job.id for job in (await snapshots.read()).jobs} == {old[0], urgent}

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


def _snapshots(farm: Farm, **settings: Any) -> SnapshotReader:
    return SnapshotReader(farm.db, cluster_id=CLUSTER, replica_timeout=LEASE, settings=PlanSettings(**settings))


async def _snapshot(farm: Farm, **settings: Any) -> Snapshot:
    return await _snapshots(farm, **settings).read()


def _timeless(jobs: Iterable[JobView]) -> dict[UUID, JobView]:
    return {job.id: job._replace(waited_s=0.0) for job in jobs}


async def _desired(farm: Farm) -> int | None:
    return await asyncio.to_thread(read_desired, farm.db.settings, cluster_id=CLUSTER, pool="default", stale_after_s=15)
