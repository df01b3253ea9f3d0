"""What users of other queues and farms have lost frames and nights to, told as stories; each of them ends well here."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from uuid import UUID

import pytest

from db.cancel import cancel_job
from db.dispatch import read_snapshot, rescue_expired
from db.loops import Retention, prune
from db.queue import ClaimedChunk, release_canceled, start_chunk
from jobs.plan import make_plan
from jobs.planning import PlanSettings, Snapshot, WaitReason
from jobs.states import EndReason
from tests.db.builders import CLUSTER, LEASE, LIMITS, Farm
from tests.db.control import render_all, retry

DAY = timedelta(days=1)


class TestLiveness:
    async def test_a_frame_of_nine_hours_is_not_run_twice_while_its_worker_beats(self, farm: Farm) -> None:
        """Oban: a rescue by age ran long jobs two and three times a night, each over the data of the one before."""
        replica = await farm.replica()
        chunk = await farm.rendering(await farm.start(frames="1"), replica, frames=1)
        await farm.execute("update work set created_at = created_at - interval '9 hours'")
        await farm.execute("update work set updated_at = updated_at - interval '9 hours'")
        for _ in range(3):
            await farm.execute("update work set leased_until = now() + interval '1 s' where id = :id", id=chunk.work_id)
            await farm.beat(replica, chunk)
            assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 0
        assert (await farm.work(chunk.work_id)).fence == chunk.fence
        assert await farm.commit(chunk) == [0]

    async def test_a_worker_that_comes_back_under_the_name_of_a_dead_one_does_not_keep_its_frame(
        self, farm: Farm
    ) -> None:
        """Oban: a pod that restarts under its old name makes the orphans of its predecessor look alive."""
        names = {"node": "gpu-7", "serve_id": "renderer#1"}
        chunk = await farm.rendering(await farm.start(frames="1"), await farm.replica(**names), frames=1)
        again = await farm.replica(**names)
        before = (await farm.work(chunk.work_id)).leased_until
        await farm.beat(again)
        assert (await farm.work(chunk.work_id)).leased_until == before
        await farm.expire(chunk.work_id)
        await farm.beat(again)
        assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 1

    async def test_a_worker_whose_row_is_past_its_retention_hides_no_frame(self, farm: Farm) -> None:
        """Procrastinate: the row of a worker was pruned, and with it every trace of the job that it had."""
        replica = await farm.replica()
        job_id = await farm.start(frames="1")
        chunk = await farm.rendering(job_id, replica, frames=1)
        await farm.execute("update replica set state = 'gone', gone_at = now() - interval '90 days'")
        retention = Retention(replicas=DAY, leaders=DAY, health=DAY, deliveries=DAY, events=DAY, logins=DAY)
        await prune(farm.db, retention=retention, epoch=await farm.lead(), batches=5)
        await farm.expire(chunk.work_id)
        assert await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS) == 1
        await prune(farm.db, retention=retention, epoch=await farm.lead(), batches=5)
        assert await farm.rows("select 1 from replica") == []
        other = await farm.replica()
        await free_for(farm, other)
        chunk = await claimed(farm, other)
        assert await farm.commit(chunk) == [0]
        assert (await farm.job(job_id)).state == "succeeded"

    async def test_a_licence_of_a_killed_worker_is_free_with_its_lease(self, farm: Farm) -> None:
        """Deadline Cloud: a killed agent left its renderer running, and the seat stayed taken."""
        await farm.execute("insert into licence (name, capacity) values ('seat', 1)")
        holder = await farm.replica()
        await farm.replica()
        first = await farm.start(frames="1", licences={"seat": 1})
        chunk = await farm.rendering(first, holder, frames=1)
        second = await farm.start(frames="1", licences={"seat": 1}, reuse=False)
        plan = make_plan(await snapshot(farm), PlanSettings())
        assert (plan.placements, plan.waits[second]) == ((), WaitReason.LICENCE)
        await farm.expire(chunk.work_id)
        await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS)
        plan = make_plan(await snapshot(farm), PlanSettings())
        assert len(plan.placements) == 1

    async def test_a_frame_on_two_hosts_has_one_picture_and_the_other_host_none(self, farm: Farm) -> None:
        """OpenCue: one frame ran on two hosts, its file was torn, and the page said success after no retry."""
        slow, quick = await farm.replica(node="a"), await farm.replica(node="b")
        job_id = await farm.start(frames="1")
        ghost = await farm.rendering(job_id, slow, frames=1)
        await farm.expire(ghost.work_id)
        await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS)
        await free_for(farm, quick)
        chunk = await claimed(farm, quick)
        answers = await asyncio.gather(farm.commit(chunk, replica_id=quick), farm.commit(ghost, replica_id=slow))
        assert answers == [[0], None]
        [picture] = await farm.rows("select storage_key from artifact where job_id = :id", id=job_id)
        tries = await farm.rows("select id, outcome from attempt where job_id = :id order by ended_at", id=job_id)
        assert sorted(row.outcome for row in tries) == ["ok", "worker_lost"]  # both tries are there to be seen
        [winner] = [str(row.id) for row in tries if row.outcome == "ok"]
        assert winner in picture.storage_key


class TestFailures:
    async def test_a_job_with_a_tenth_of_its_frames_failed_renders_the_others(self, farm: Farm) -> None:
        """Flamenco: at one failed task in ten the job is failed, and all that was left of it canceled."""
        job_id = await farm.start(frames="1-10", limits={"tries": 1})
        chunk = await farm.rendering(job_id, await farm.replica(), frames=10)
        for ordinal in (0, 4, 9):
            assert await farm.fail(chunk, ordinal) == "failed"
        assert (await farm.job(job_id)).state == "running"
        await farm.commit(chunk, [1, 2, 3, 5, 6, 7, 8])
        job = await farm.job(job_id)
        assert (job.state, job.committed, job.failed, job.canceled) == ("failed", 7, 3, 0)

    @pytest.mark.parametrize("reason", [EndReason.TIMEOUT, EndReason.STALLED])
    async def test_a_frame_that_took_too_long_goes_to_another_worker_before_it_fails(
        self, farm: Farm, reason: EndReason
    ) -> None:
        """Flamenco: a task that times out is failed at once, whatever its worker was up to."""
        replica = await farm.replica()
        job_id = await farm.start(frames="1", limits={"tries": 2})
        chunk = await farm.rendering(job_id, replica, frames=1)
        assert await farm.fail(chunk, 0, reason, replica_id=replica) == "retried"
        [waiting] = await farm.rows("select avoid, tries from work where kind = 'chunk' and state = 'queued'")
        assert (waiting.avoid, waiting.tries) == ([replica], 1)
        other = await farm.replica(node="n2")
        await free_for(farm, other)
        assert await farm.fail(await claimed(farm, other), 0, reason, replica_id=other) == "failed"
        assert (await farm.job(job_id)).end_reason == reason

    async def test_a_retried_job_starts_with_a_clean_slate_of_tries_on_every_machine(self, farm: Farm) -> None:
        """Flamenco: a requeue keeps the blocklist, so that a mended job fails again with nobody to render it."""
        node = await farm.replica(node="n1")
        await farm.replica(node="n2")
        job_id = await farm.start(frames="1", limits={"tries": 1})
        chunk = await farm.rendering(job_id, node, frames=1)
        assert await farm.fail(chunk, 0, replica_id=node) == "failed"
        await retry(farm, job_id)
        assert await render_all(farm, job_id, node) == [0]
        assert (await farm.job(job_id)).state == "succeeded"


class TestCancel:
    async def test_a_cancel_before_the_claim_leaves_the_worker_free(self, farm: Farm) -> None:
        """Ray Serve: what was canceled before it was assigned stays counted, and its replica idles for good."""
        replica = await farm.replica()
        gone = await farm.start(frames="1-4")
        await farm.carve(gone, replica, 2)
        await farm.change(gone, "cancel")
        [view] = (await snapshot(farm)).replicas
        assert (view.busy_chunks, view.staged) == (0, ())
        assert await farm.claim(replica) is None
        other = await farm.start(frames="1", reuse=False)
        assert await farm.commit(await farm.rendering(other, replica, frames=1)) == [0]

    @pytest.mark.parametrize("seed", range(8))
    async def test_a_cancel_that_races_the_start_ends_the_job_whoever_wins(self, farm: Farm, seed: int) -> None:
        """Cog: under load a cancel found no prediction to cancel. Eight jobs at once, each in an order of its own."""
        dice = random.Random(seed)
        jobs: list[tuple[UUID, ClaimedChunk]] = []
        for _ in range(8):
            replica = await farm.replica()
            job_id = await farm.start(frames="1-2", reuse=False)
            await farm.carve(job_id, replica, 2)
            jobs.append((job_id, await claimed(farm, replica, start=False)))
        await asyncio.gather(*(cancel_against_start(farm, *job, dice.uniform(-4, 4)) for job in jobs))
        for job_id, _ in jobs:
            job = await farm.job(job_id)
            assert (job.state, job.end_reason, job.canceled) == ("canceled", "user_cancel", 2)
            await farm.assert_whole(job_id)
        assert await farm.rows("select 1 from work where state in ('queued', 'leased', 'rendering')") == []

    async def test_a_worker_that_did_not_hear_of_the_cancel_adds_no_frame(self, farm: Farm) -> None:
        """Ray: about one canceled task in a hundred runs on. It may; its picture is not taken."""
        replica = await farm.replica()
        job_id = await farm.start(frames="1-2")
        ghost = await farm.rendering(job_id, replica, frames=2)
        await farm.change(job_id, "cancel")
        await farm.expire(ghost.work_id)  # it is thought dead, and the job ends without it
        await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS)
        assert (await farm.job(job_id)).state == "canceled"
        assert await farm.commit(ghost, replica_id=replica) is None
        assert await farm.rows("select 1 from artifact") == []


async def snapshot(farm: Farm) -> Snapshot:
    return await read_snapshot(farm.db, cluster_id=CLUSTER, replica_timeout=LEASE, settings=PlanSettings())


async def free_for(farm: Farm, replica: UUID) -> None:
    """Give what waits to this replica, whatever pause it was to make."""
    await farm.execute(
        "update work set assigned_to = :replica, not_before = now() where kind = 'chunk' and state = 'queued'",
        replica=replica,
    )


async def claimed(farm: Farm, replica: UUID, *, start: bool = True) -> ClaimedChunk:
    chunk = await farm.claim(replica)
    assert chunk is not None
    if start:
        assert await start_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, warm=False)
    return chunk


async def cancel_against_start(farm: Farm, job_id: UUID, chunk: ClaimedChunk, lead_ms: float) -> None:
    """The worker starts what somebody cancels; ``lead_ms``: by how much the cancel sets out first."""

    async def start() -> None:
        await asyncio.sleep(max(lead_ms, 0) / 1000)
        if await start_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, warm=False):
            await canceling.wait()
        await release_canceled(farm.db, work_id=chunk.work_id, fence=chunk.fence)

    async def cancel() -> None:
        await asyncio.sleep(max(-lead_ms, 0) / 1000)
        async with farm.db.transaction() as tx:
            await cancel_job(tx, job_id=job_id)
        canceling.set()

    canceling = asyncio.Event()
    await asyncio.gather(start(), cancel())
