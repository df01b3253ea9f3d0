"""Two connections at once: whoever has the lock first decides, and the second one sees what the first has done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from db._query import as_json, run
from db.cancel import cancel_job
from db.control import pause_job
from db.dispatch import AppliedPlan, apply_plan, read_snapshot, rescue_expired
from db.frame_actions import act_on_frames, retry_job
from db.queue import ClaimedChunk, start_chunk
from db.session import Transaction
from db.submit import submit_job
from db.workers import drain_node, drain_ray_nodes, drain_replica, set_node_disabled, set_replica_disabled
from jobs.errors import Conflict
from jobs.frame_actions import FrameAction
from jobs.plan import make_plan
from jobs.planning import Carve, Plan, PlanSettings
from tests.db.builders import CLUSTER, LEASE, LIMITS, Farm
from tests.db.control import act, assert_honest, pause, render_all, resume, retry, states, waiting


async def in_turn(farm: Farm, job_id: UUID, *steps: Callable[[], Awaitable[object]]) -> list[object]:
    """All queue up behind the job's lock in this order; what each one answered, or the error that refused it."""
    tasks = []
    async with farm.db.transaction() as tx:
        await run(tx, "lock_job", job_id=job_id)
        for number, step in enumerate(steps, start=1):
            tasks.append(asyncio.ensure_future(step()))
            await waiting(farm, number)
    return list(await asyncio.gather(*tasks, return_exceptions=True))


async def claim_open(tx: Transaction, replica: UUID) -> int:
    """A claim whose transaction goes on."""
    row = (await run(tx, "claim_chunk", replica_id=replica, cluster_id=CLUSTER, lease=LEASE)).one()
    return int(row.work_id)


@pytest.fixture
async def last_frame(farm: Farm) -> tuple[UUID, ClaimedChunk]:
    """A job whose last frame renders."""
    job_id = await farm.start(frames="1-2", limits={"tries": 1})
    chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
    await farm.commit(chunk, [0])
    return job_id, chunk


class TestRetryAgainstTheVerdict:
    async def test_a_retry_behind_the_last_failure_opens_a_generation(
        self, farm: Farm, last_frame: tuple[UUID, ClaimedChunk]
    ) -> None:
        job_id, chunk = last_frame
        failed, retried = await in_turn(farm, job_id, lambda: farm.fail(chunk, 1), lambda: retry(farm, job_id))
        assert failed == "failed"
        assert not isinstance(retried, Exception)
        assert await states(farm, job_id) == "Cq"
        await assert_honest(farm, job_id)

    async def test_a_retry_before_it_is_refused_and_the_job_fails(
        self, farm: Farm, last_frame: tuple[UUID, ClaimedChunk]
    ) -> None:
        job_id, chunk = last_frame
        refused, failed = await in_turn(farm, job_id, lambda: retry(farm, job_id), lambda: farm.fail(chunk, 1))
        assert isinstance(refused, Conflict)
        assert failed == "failed"
        assert (await farm.job(job_id)).state == "failed"

    async def test_two_retries_at_once_open_one_generation(self, farm: Farm) -> None:
        job_id = await farm.submit(frames="1-3")
        await farm.change(job_id, "cancel")
        first, second = await in_turn(farm, job_id, lambda: retry(farm, job_id), lambda: retry(farm, job_id))
        assert not isinstance(first, Exception)
        assert isinstance(second, Conflict)
        assert (await farm.job(job_id)).generation == 2

    async def test_a_requeue_behind_the_last_commit_reopens_the_job(
        self, farm: Farm, last_frame: tuple[UUID, ClaimedChunk]
    ) -> None:
        job_id, chunk = last_frame
        await in_turn(
            farm, job_id, lambda: farm.commit(chunk, [1]), lambda: act(farm, job_id, FrameAction.REQUEUE, [0])
        )
        assert await states(farm, job_id) == "qC"
        assert await render_all(farm, job_id, await farm.replica()) == [0]
        assert (await farm.job(job_id)).state == "succeeded"


class TestAgainstAClaim:
    @pytest.fixture
    async def staged(self, farm: Farm) -> tuple[UUID, UUID]:
        """A job whose frames are staged at a replica."""
        job_id, replica = await farm.start(frames="1-2"), await farm.replica()
        await farm.carve(job_id, replica, 2)
        return job_id, replica

    async def test_a_claim_during_a_pause_gets_nothing(self, farm: Farm, staged: tuple[UUID, UUID]) -> None:
        job_id, replica = staged
        async with farm.db.transaction() as tx:
            await pause_job(tx, job_id=job_id)
            assert await farm.claim(replica) is None
        assert await farm.claim(replica) is None

    async def test_a_pause_during_a_claim_takes_the_chunk_back_before_it_starts(
        self, farm: Farm, staged: tuple[UUID, UUID]
    ) -> None:
        job_id, replica = staged
        async with farm.db.transaction() as tx:
            work_id = await claim_open(tx, replica)
            pausing = asyncio.ensure_future(pause(farm, job_id))
            await waiting(farm, 1)
        assert await pausing == "paused"
        assert not await start_chunk(farm.db, work_id=work_id, fence=1, warm=True)
        assert await states(farm, job_id) == "qq"

    async def test_a_claim_during_a_skip_never_gets_the_skipped_frame(
        self, farm: Farm, staged: tuple[UUID, UUID]
    ) -> None:
        job_id, replica = staged
        async with farm.db.transaction() as tx:
            await act_on_frames(tx, job_id=job_id, action=FrameAction.SKIP, ordinals=[1])
            assert await farm.claim(replica) is None
        chunk = await farm.claim(replica)
        assert chunk is not None
        assert chunk.ordinals == [0]

    async def test_a_skip_during_a_claim_is_refused(self, farm: Farm, staged: tuple[UUID, UUID]) -> None:
        job_id, replica = staged
        async with farm.db.transaction() as tx:
            await claim_open(tx, replica)
            skipping = asyncio.ensure_future(act(farm, job_id, FrameAction.SKIP, [1]))
            await waiting(farm, 1)
        with pytest.raises(Conflict) as refused:
            await skipping
        assert refused.value.details["state"] == "leased"
        assert await states(farm, job_id) == "ll"


class TestAgainstACancel:
    async def test_a_resume_behind_a_cancel_is_refused(self, farm: Farm) -> None:
        job_id = await farm.submit()
        await pause(farm, job_id)
        _, resumed = await in_turn(farm, job_id, lambda: farm.change(job_id, "cancel"), lambda: resume(farm, job_id))
        assert isinstance(resumed, Conflict)
        assert (await farm.job(job_id)).state == "canceled"

    async def test_a_cancel_behind_a_resume_cancels(self, farm: Farm) -> None:
        job_id = await farm.submit()
        await pause(farm, job_id)
        await in_turn(farm, job_id, lambda: resume(farm, job_id), lambda: farm.change(job_id, "cancel"))
        assert (await farm.job(job_id)).state == "canceled"

    async def test_a_requeue_behind_a_cancel_is_refused(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-3")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        await farm.commit(chunk, [0])
        _, requeued = await in_turn(
            farm,
            job_id,
            lambda: farm.change(job_id, "cancel"),
            lambda: act(farm, job_id, FrameAction.REQUEUE, [0]),
        )
        assert isinstance(requeued, Conflict)
        assert requeued.details["state"] == "canceling"


class TestDependents:
    async def test_a_job_submitted_while_its_dependency_ends_is_not_left_blocked(self, farm: Farm) -> None:
        first = await farm.submit()
        spec = farm.spec(depends_on=[{"job": str(first)}])
        async with farm.db.transaction() as tx:  # the submit is under way as the cancel comes
            second = (await submit_job(tx, project_id=farm.project_id, spec=spec)).id
            canceling = asyncio.ensure_future(farm.change(first, "cancel"))
            await waiting(farm, 1)
        await canceling
        assert (await farm.job(second)).end_reason == "dependency_failed"

    async def test_a_submit_waits_for_an_end_that_is_under_way_and_sees_it(self, farm: Farm) -> None:
        first = await farm.submit()
        async with farm.db.transaction() as tx:
            await cancel_job(tx, job_id=first)
            submitting = asyncio.ensure_future(farm.submit(depends_on=[{"job": str(first)}]))
            await waiting(farm, 1)
        with pytest.raises(Conflict):
            await submitting

    async def test_two_ends_at_once_unblock_what_waits_for_both(self, farm: Farm) -> None:
        replica = await farm.replica()
        jobs = [await farm.start(frames="1") for _ in range(2)]
        chunks = [await farm.rendering(job_id, replica, frames=1) for job_id in jobs]
        blocked = await farm.submit(depends_on=[{"job": str(job_id)} for job_id in jobs])
        await in_turn(farm, blocked, *(lambda chunk=chunk: farm.commit(chunk) for chunk in chunks))
        assert (await farm.job(blocked)).state == "queued"

    async def test_a_retry_while_its_dependency_ends_is_not_left_blocked(self, farm: Farm) -> None:
        """OpenCue: frames that stay in DEPEND until a recovery job comes by every ten minutes."""
        first = await farm.submit(frames="1")
        second = await farm.submit(frames="1", depends_on=[{"job": str(first)}])
        await farm.change(first, "cancel")
        await retry(farm, first)
        await farm.pin(first)
        chunk = await farm.rendering(first, await farm.replica(), frames=1)
        async with farm.db.transaction() as tx:  # the retry is under way as the last frame comes
            await retry_job(tx, job_id=second)
            committing = asyncio.ensure_future(farm.commit(chunk))
            await waiting(farm, 1)
        assert await committing == [0]
        assert (await farm.job(first)).state == "succeeded"
        assert (await farm.job(second)).state == "queued"

    async def test_a_retry_waits_for_the_end_of_its_dependency_that_is_under_way_and_sees_it(self, farm: Farm) -> None:
        first = await farm.submit()
        second = await farm.submit(depends_on=[{"job": str(first)}])
        await farm.change(second, "cancel")
        async with farm.db.transaction() as tx:
            await cancel_job(tx, job_id=first)
            retrying = asyncio.ensure_future(retry(farm, second))
            await waiting(farm, 1)
        with pytest.raises(Conflict) as refused:
            await retrying
        assert refused.value.details["job"] == str(first)
        assert (await farm.job(second)).state == "canceled"


class TestAPlanUnderWay:
    """It has looked who gets work, and an operator's word comes before its chunk is there."""

    @pytest.fixture(params=["replica disabled", "replica drained", "machine disabled"])
    def word(self, request: pytest.FixtureRequest) -> Callable[[Transaction, UUID], Awaitable[object]]:
        async def say(tx: Transaction, replica: UUID) -> object:
            match request.param:
                case "replica disabled":
                    return await set_replica_disabled(tx, replica_id=replica, disabled=True)
                case "replica drained":
                    return await drain_replica(tx, replica_id=replica)
                case _:
                    return await set_node_disabled(tx, cluster_id=CLUSTER, name="doomed", disabled=True)

        return say

    async def test_a_chunk_placed_at_a_replica_as_it_is_taken_from_service_is_rendered_elsewhere(
        self, farm: Farm, word: Callable[[Transaction, UUID], Awaitable[object]]
    ) -> None:
        replica, other = await farm.replica(node="doomed"), await farm.replica(node="fine")
        job_id = await farm.start(frames="1-4")
        async with farm.db.transaction() as placing:
            [job] = (await run(placing, "lock_plan_jobs", job_ids=[job_id], work_ids=[])).all()
            wish = {"job_id": str(job_id), "generation": 1, "first": 0, "ordinals": [0, 1, 2, 3]}
            row = {**wish, "replica_id": str(replica), "priority_rank": job.priority_rank}
            ranges = [{"id": (await farm.one("select id from work")).id, "first": 4, "count": 0}]
            await run(placing, "place_chunks", chunks=as_json([row]), ranges=as_json(ranges), assigns=as_json([]))
            async with farm.db.transaction() as tx:
                await word(tx, replica)
        assert await farm.claim(replica) is None
        assert [row.assigned_to for row in await farm.rows("select * from work where kind = 'chunk'")] == [replica]
        await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS)
        snapshot = await read_snapshot(farm.db, cluster_id=CLUSTER, replica_timeout=timedelta(minutes=1))
        plan = make_plan(snapshot, PlanSettings())
        await apply_plan(farm.db, cluster_id=CLUSTER, plan=plan, epoch=await farm.lead())
        chunk = await farm.claim(other)
        assert chunk is not None
        assert chunk.ordinals == [0, 1, 2, 3]


class TestLockOrder:
    """Two writers of several rows take them in one order, whatever names they go by."""

    @pytest.mark.parametrize("drained_by", ["operator", "ray"])
    async def test_a_machine_is_drained_while_a_job_that_waits_at_its_replicas_is_canceled(
        self, farm: Farm, drained_by: str
    ) -> None:
        low, high = sorted([uuid4(), uuid4()])
        for replica in (low, high):
            await farm.replica(replica_id=replica, node="doomed", ray_node="ray-1")
        job_id = await farm.start(frames="1-4")
        await farm.carve(job_id, high, 1)
        await farm.carve(job_id, low, 1)
        epoch = await farm.lead()
        later = await farm.one("select id from work where assigned_to = :low", low=low)

        async def drain() -> int:
            if drained_by == "ray":
                ray = {"ray-1": None}
                return await drain_ray_nodes(farm.db, cluster_id=CLUSTER, drains=ray, reason="it goes", epoch=epoch)
            async with farm.db.transaction() as tx:
                return await drain_node(tx, cluster_id=CLUSTER, name="doomed", reason="it goes")

        async with farm.db.transaction() as busy:
            await busy.execute(text("select from work where id = :id for update"), {"id": later.id})
            drained = asyncio.ensure_future(drain())
            await waiting(farm, 1)
            canceled = asyncio.ensure_future(farm.change(job_id, "cancel"))
            await waiting(farm, 2)
        answers: list[object] = list(await asyncio.gather(drained, canceled, return_exceptions=True))
        assert answers == [2, None]
        assert (await farm.job(job_id)).state == "canceled"

    async def test_a_plan_places_frames_of_two_jobs_while_another_is_submitted_that_waits_for_both(
        self, farm: Farm
    ) -> None:
        younger, older = sorted([await farm.start(frames="1-4"), await farm.start(frames="1-4")])
        await farm.execute("update job set created_at = created_at - interval '1 hour' where id = :id", id=older)
        replica = await farm.replica()
        epoch = await farm.lead()
        both = [{"job": str(job_id), "by": "job"} for job_id in (older, younger)]
        plan = Plan(placements=tuple(Carve(replica_id=replica, job_id=job_id, frames=1) for job_id in (older, younger)))
        submitted, applied = await in_turn(
            farm,
            older,
            lambda: farm.submit(frames="1", depends_on=both),
            lambda: apply_plan(farm.db, cluster_id=CLUSTER, plan=plan, epoch=epoch),
        )
        assert isinstance(submitted, UUID)
        assert isinstance(applied, AppliedPlan)
        assert applied.carved == 2
