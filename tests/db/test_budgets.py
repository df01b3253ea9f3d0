"""Budgets, credits and quotas: what stops a project, what it may still finish, and what lets it go on."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from db.billing.money import add_credit, read_money, set_budget, set_prepaid
from db.billing.quotas import require_storage_in_quotas, set_quotas
from db.billing.upkeep import measure_storage, settle_spend, tell_money
from db.dispatch import apply_plan, pin_job, read_snapshot
from db.queue import commit_frames, start_chunk
from jobs.billing import BudgetPeriod, OverQuota, Quotas
from jobs.errors import Conflict
from jobs.plan import make_plan
from jobs.planning import Carve, Plan, PlanSettings, WaitReason
from tests.db.books import price_list, prices
from tests.db.builders import CLUSTER, LEASE, Farm, commit_of

FRAME = Decimal("0.0125")
"""What the builders' frame costs at one per second."""
SETTINGS = PlanSettings()


async def budget(farm: Farm, amount: Decimal | str | None, period: BudgetPeriod = BudgetPeriod.MONTH) -> None:
    async with farm.db.transaction() as tx:
        value = None if amount is None else Decimal(amount)
        await set_budget(tx, project_id=farm.project_id, budget=value, period=period, by="a test")


async def money(farm: Farm) -> Any:
    async with farm.db.transaction() as tx:
        return await read_money(tx, project_id=farm.project_id)


async def pay(farm: Farm, amount: str, reference: str = "first") -> bool:
    async with farm.db.transaction() as tx:
        _, is_new = await add_credit(
            tx, project_id=farm.project_id, amount=Decimal(amount), reference=reference, note="", by="a test"
        )
        return is_new


async def prepaid(farm: Farm, on: bool = True) -> None:
    async with farm.db.transaction() as tx:
        await set_prepaid(tx, project_id=farm.project_id, prepaid=on, by="a test")


async def quotas(farm: Farm, **each: int) -> None:
    async with farm.db.transaction() as tx:
        await set_quotas(tx, project_id=farm.project_id, quotas=Quotas(**each), by="a test")


async def tick(farm: Farm) -> Plan:
    """One pass of the planner."""
    snapshot = await read_snapshot(farm.db, cluster_id=CLUSTER, replica_timeout=LEASE)
    made = make_plan(snapshot, SETTINGS)
    await apply_plan(farm.db, cluster_id=CLUSTER, plan=made, epoch=await farm.lead())
    return made


async def money_events(farm: Farm) -> list[tuple[str, Any]]:
    rows = await farm.rows("select kind, data from event where job_id is null and model_id is null order by id")
    return [(row.kind, row.data) for row in rows]


async def thresholds(farm: Farm) -> list[int]:
    await tell_money(farm.db, epoch=await farm.lead())
    return [data["percent"] for kind, data in await money_events(farm) if kind == "budget.threshold"]


@pytest.fixture
async def priced(farm: Farm) -> Farm:
    """One per second of any replica."""
    await price_list(farm.db, prices(gpu_second="1", cpu_second="1"))
    return farm


async def test_a_spent_budget_stops_what_has_not_started_and_a_larger_one_lets_it_go_on(priced: Farm) -> None:
    await budget(priced, FRAME)
    replica = await priced.replica()
    job_id = await priced.start(frames="1-10")
    running = await priced.rendering(job_id, replica, frames=1)
    await priced.carve(job_id, replica, 1)  # staged behind it
    assert await priced.commit(running, replica_id=replica) == [0]
    assert (await money(priced)).stopped == "budget"
    assert await priced.claim(replica) is None, "the staged chunk started"
    made = await tick(priced)
    assert made.placements == ()
    assert made.waits[job_id] is WaitReason.BUDGET
    assert (await priced.job(job_id)).wait_reason == "budget"
    await budget(priced, 2 * FRAME)
    assert (await tick(priced)).placements
    assert await priced.claim(replica) is not None


async def test_what_is_staged_for_a_stopped_project_gives_its_place_up(priced: Farm) -> None:
    replica = await priced.replica()
    job_id = await priced.start(frames="1-10")
    await priced.carve(job_id, replica, 1)
    await budget(priced, "0")
    made = await tick(priced)
    assert len(made.take_backs) == 1
    row = await priced.one("select assigned_to, state from work where kind = 'chunk'")
    assert (row.assigned_to, row.state) == (None, "queued")


async def test_a_plan_from_before_the_money_ran_out_hands_nothing_out(priced: Farm) -> None:
    replica = await priced.replica()
    job_id = await priced.start(frames="1-10")
    late = Plan(placements=(Carve(replica_id=replica, job_id=job_id, frames=2),))
    await budget(priced, "0")
    applied = await apply_plan(priced.db, cluster_id=CLUSTER, plan=late, epoch=await priced.lead())
    assert applied.carved == 0


async def test_a_chunk_that_was_claimed_and_had_not_started_goes_back(priced: Farm) -> None:
    replica = await priced.replica()
    job_id = await priced.start(frames="1-3")
    await priced.carve(job_id, replica, 2)
    chunk = await priced.claim(replica)
    assert chunk is not None
    await budget(priced, "0")
    assert not await start_chunk(priced.db, work_id=chunk.work_id, fence=chunk.fence, warm=True)
    row = await priced.work(chunk.work_id)
    assert (row.state, row.fence > chunk.fence) == ("queued", True)
    await priced.assert_whole(job_id)


async def test_a_replica_hears_of_it_and_what_it_has_rendered_is_taken(priced: Farm) -> None:
    replica = await priced.replica()
    chunk = await priced.rendering(await priced.start(frames="1-5"), replica, frames=5)
    assert (await priced.beat(replica, chunk)).stopped == []
    await budget(priced, FRAME)
    assert await priced.commit(chunk, [0, 1], replica_id=replica) == [0, 1], "the frames that ran were refused"
    reply = await priced.beat(replica, chunk)
    assert reply.stopped == reply.owned == [chunk.key]


async def test_many_jobs_that_spend_at_once_overrun_a_budget_by_no_more_than_what_ran(priced: Farm) -> None:
    await budget(priced, 3 * FRAME)
    replicas = [await priced.replica() for _ in range(6)]
    jobs = [await priced.start(frames="1-20", reuse=False) for _ in replicas]

    async def greedy(replica: UUID, job_id: UUID) -> None:
        while True:
            await priced.carve(job_id, replica, 1)
            chunk = await priced.claim(replica)
            if chunk is None or not await start_chunk(priced.db, work_id=chunk.work_id, fence=chunk.fence, warm=True):
                return
            await priced.commit(chunk, replica_id=replica)

    await asyncio.gather(*(greedy(*pair) for pair in zip(replicas, jobs, strict=True)))
    spent = (await money(priced)).spent
    assert 3 * FRAME <= spent < (3 + len(replicas)) * FRAME


async def test_each_threshold_is_told_once_and_again_for_a_larger_budget(priced: Farm) -> None:
    await budget(priced, 4 * FRAME)
    replica = await priced.replica()
    chunk = await priced.rendering(await priced.start(frames="1-10"), replica, frames=10)
    assert await thresholds(priced) == []
    await priced.commit(chunk, [0, 1], replica_id=replica)
    assert await thresholds(priced) == [50]
    assert await thresholds(priced) == [50]
    await priced.commit(chunk, [2, 3, 4], replica_id=replica)
    await settle_spend(priced.db, batch=10, epoch=await priced.lead())
    assert await thresholds(priced) == [50, 80, 100]
    await budget(priced, 10 * FRAME)
    assert await thresholds(priced) == [50, 80, 100, 50]
    told = [data for kind, data in await money_events(priced) if kind == "budget.threshold"]
    assert told[2] == {
        "percent": 100,
        "spent": "0.0625",
        "budget": "0.05",
        "period": "month",
        "period_start": str((await money(priced)).period_start),
        "currency": "EUR",
    }


@pytest.mark.parametrize("settled", [False, True])
async def test_a_new_month_begins_with_a_whole_budget(priced: Farm, settled: bool) -> None:
    await budget(priced, FRAME)
    replica = await priced.replica()
    await priced.commit(await priced.rendering(await priced.start(frames="1-9"), replica, frames=1), replica_id=replica)
    await priced.execute("update usage_day set day = date_trunc('month', day) - interval '1 day'")
    if settled:
        await settle_spend(priced.db, batch=10, epoch=await priced.lead())
    now = await money(priced)
    assert (now.spent, now.spent_ever, now.stopped) == (0, FRAME, None)
    await budget(priced, FRAME, BudgetPeriod.TOTAL)
    assert (await money(priced)).stopped == "budget"


async def test_credits_are_spent_to_zero_and_a_payment_lets_work_go_on(priced: Farm) -> None:
    assert await pay(priced, str(FRAME))
    await prepaid(priced)
    replica = await priced.replica()
    job_id = await priced.start(frames="1-10")
    chunk = await priced.rendering(job_id, replica, frames=1)
    assert (await money(priced)).balance == FRAME
    await priced.commit(chunk, replica_id=replica)
    assert ((await money(priced)).balance, (await money(priced)).stopped) == (0, "credits")
    made = await tick(priced)
    assert (made.placements, made.waits[job_id]) == ((), WaitReason.CREDITS)
    for _ in range(2):
        await tell_money(priced.db, epoch=await priced.lead())
    assert await pay(priced, "1", "second")
    assert (await tick(priced)).placements
    kinds = [kind for kind, _ in await money_events(priced)]
    assert kinds == ["credits.added", "prepaid.changed", "credits.spent", "credits.added"]


async def test_a_payment_that_is_sent_twice_counts_once(priced: Farm) -> None:
    assert [await pay(priced, "5"), await pay(priced, "5")] == [True, False]
    assert (await money(priced)).balance == 5
    with pytest.raises(Conflict, match="known with the amount 5"):
        await pay(priced, "6")
    both = await asyncio.gather(*(pay(priced, "7", "same") for _ in range(4)))
    assert sorted(both) == [False, False, False, True]
    assert (await money(priced)).balance == 12


async def test_credits_pay_for_what_is_spent_while_they_are_to(priced: Farm) -> None:
    replica = await priced.replica()

    async def render() -> None:
        chunk = await priced.rendering(await priced.start(frames="1", reuse=False), replica, frames=1)
        await priced.commit(chunk, replica_id=replica)

    await pay(priced, "1")
    await render()
    await prepaid(priced)
    assert (await money(priced)).balance == 1, "what was spent before is on an invoice"
    await render()
    assert (await money(priced)).balance == 1 - FRAME
    await prepaid(priced, on=False)
    await render()
    assert (await money(priced)).balance == 1 - FRAME
    await prepaid(priced)
    await render()
    assert (await money(priced)).balance == 1 - 2 * FRAME


async def test_a_job_beyond_the_quota_of_queued_frames_is_refused_whoever_comes_at_once(farm: Farm) -> None:
    await quotas(farm, queued_frames=10)
    outcomes = await asyncio.gather(*(farm.submit(frames="1-6") for _ in range(3)), return_exceptions=True)
    refused = [each for each in outcomes if isinstance(each, OverQuota)]
    assert len(refused) == 2
    assert "queued_frames" in str(refused[0])
    assert "PUT /v1/projects/default/quotas" in str(refused[0])
    await farm.submit(frames="1-4")


async def test_a_job_beyond_the_quota_of_running_jobs_waits_for_another_to_end(farm: Farm) -> None:
    await quotas(farm, running_jobs=1)
    replica = await farm.replica()
    first, second = await farm.start(frames="1", reuse=False), await farm.submit(frames="1", reuse=False)
    await farm.pin(second)
    assert (await farm.job(second)).state == "queued"
    assert (await tick(farm)).waits[second] is WaitReason.QUOTA
    chunk = await farm.claim(replica)
    assert chunk is not None
    assert await start_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, warm=True)
    await farm.commit(chunk, replica_id=replica)
    assert (await farm.job(first)).state == "succeeded"
    await farm.pin(second)
    assert (await farm.job(second)).state == "running"


async def test_two_leaders_do_not_start_two_jobs_in_the_place_of_one(farm: Farm) -> None:
    await quotas(farm, running_jobs=1)
    await farm.replica()
    jobs = [await farm.submit(frames="1") for _ in range(4)]
    epoch = await farm.lead()
    pinned = {"engine_version": "fake 1", "device_class": "cpu", "render_key": "k" * 64}
    await asyncio.gather(*(pin_job(farm.db, job_id=job_id, epoch=epoch, **pinned) for job_id in jobs))
    assert sorted([(await farm.job(job_id)).state for job_id in jobs]) == ["queued", "queued", "queued", "running"]


async def test_a_project_has_no_more_in_flight_than_its_slots(farm: Farm) -> None:
    await quotas(farm, slots=2)
    for _ in range(4):
        await farm.replica()
    jobs = [await farm.start(frames="1-50", reuse=False) for _ in range(2)]
    made = await tick(farm)
    assert len(made.placements) == 2
    assert {made.waits[job_id] for job_id in jobs} == {WaitReason.QUOTA}
    assert sum(made.backlog.values()) == 2
    assert (await tick(farm)).placements == ()


async def test_an_upload_beyond_the_quota_of_storage_is_refused(priced: Farm) -> None:
    replica = await priced.replica()
    chunk = await priced.rendering(await priced.start(frames="1-3"), replica, frames=3)
    await priced.commit(chunk, replica_id=replica)
    await quotas(priced, stored_bytes=5000 + await priced.manifest_bytes())
    await measure_storage(priced.db, epoch=await priced.lead())
    async with priced.db.transaction() as tx:
        await require_storage_in_quotas(tx, project_id=priced.project_id, more_bytes=2000)
        with pytest.raises(OverQuota, match=r"5,0\d\d bytes stored"):
            await require_storage_in_quotas(tx, project_id=priced.project_id, more_bytes=2001)


async def test_the_engines_word_on_its_time_is_neither_charged_nor_kept_from_a_budget(priced: Farm) -> None:
    """A scene's script may have taken its engine over: what counts is what the worker measured around it."""
    await budget(priced, "5")
    replica = await priced.replica()
    job_id = await priced.start(frames="1-2")
    running = await priced.rendering(job_id, replica, frames=2)
    frames = [
        commit_of(running, ordinal, timings_ms={"render": said, "write": 1e9}, engine_ms=2500.0)
        for ordinal, said in ((0, 0.0), (1, 3_600_000.0))
    ]
    await commit_frames(priced.db, work_id=running.work_id, fence=running.fence, replica_id=replica, frames=frames)
    found = await money(priced)
    assert (found.spent, found.stopped) == (Decimal(5), "budget")
    job = await priced.job(job_id)
    assert (job.render_ms_sum, job.render_count) == (5000.0, 2)
    shown = await priced.rows("select render_ms from frame_result where job_id = :id order by ordinal", id=job_id)
    assert [row.render_ms for row in shown] == [0.0, 2500.0]
