"""The leader's half: leadership, snapshot, carving, hand-out, take-back."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from db.dispatch import AppliedPlan, LostLeadership, apply_plan, lead, pin_job, read_snapshot, resign
from db.listen import RECONNECTED, listen, replica_channel
from db.queue import start_chunk
from jobs.order import Order, ordinals_at
from jobs.planning import Assign, Plan, Snapshot, TakeBack
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


async def _snapshot(farm: Farm) -> Snapshot:
    return await read_snapshot(farm.db, cluster_id=CLUSTER, replica_timeout=LEASE)
