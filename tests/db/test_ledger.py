"""The usage ledger: each picture is booked once, with its commit, at the price of that time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from db.billing.reports import storage_days, usage_by, usage_rows
from db.billing.traffic import add_bytes_sent
from db.billing.upkeep import measure_storage, settle_spend
from db.dispatch import reuse_frames
from db.queue import ClaimedChunk, commit_frames, mark_gone, start_chunk
from db.settings import DatabaseSettings
from jobs.billing import UsageGroup
from jobs.errors import Conflict, InvalidInput
from jobs.states import EndReason, JobCommand
from tests.db import split_jobs
from tests.db.books import BOOKS, price_list, prices
from tests.db.builders import LIMITS, Farm, commit_of
from tests.db.control import waiting
from tests.db.queue_farm import QueueFarm


async def booked(farm: Farm) -> list[Any]:
    return await farm.rows("select * from usage order by at, number, part")


async def rendered(farm: Farm, *, frames: str = "1", replica: UUID | None = None, **spec: Any) -> UUID:
    """A job all of whose frames are committed, 12.5 ms each."""
    replica = replica or await farm.replica()
    job_id = await farm.start(frames=frames, **spec)
    total = (await farm.job(job_id)).total
    assert await farm.commit(await farm.rendering(job_id, replica, frames=total), replica_id=replica)
    return job_id


async def test_a_frame_costs_what_the_price_list_said_when_it_was_committed(farm: Farm) -> None:
    await price_list(farm.db, prices(cpu_second="2"))
    await rendered(farm, reuse=False)
    second = await price_list(farm.db, prices(cpu_second="3"))
    await rendered(farm, reuse=False)
    [old, new] = await booked(farm)
    assert (old.cpu_us, old.cost) == (12_500, Decimal("0.025"))
    assert (new.cpu_us, new.cost, new.price_version) == (12_500, Decimal("0.0375"), second.version)
    assert old.price_version == second.version - 1
    assert (old.stored_bytes, old.kind, old.frame, old.gpu_us) == (1000, "frame", 1, 0)


async def test_a_gpu_is_charged_by_the_prices_of_its_pool(farm: Farm) -> None:
    await price_list(
        farm.db,
        prices(gpu_second="1", cpu_second="1"),
        prices("spot", gpu_second="0.5"),
    )
    spot = await farm.replica(pool="spot", device_class="cuda:nvidia-h100")
    await rendered(farm, replica=spot, reuse=False)
    await rendered(farm, replica=await farm.replica(device_class="cuda:nvidia-h100"), reuse=False)
    costs = {row.pool: (row.gpu_us, row.cpu_us, row.cost) for row in await booked(farm)}
    assert costs == {"spot": (12_500, 0, Decimal("0.00625")), "default": (12_500, 0, Decimal("0.0125"))}


async def test_without_a_price_list_use_is_booked_and_costs_nothing(farm: Farm) -> None:
    await rendered(farm)
    [row] = await booked(farm)
    assert (row.cpu_us, row.cost, row.price_version) == (12_500, 0, None)


async def test_a_price_list_to_come_does_not_count_yet(farm: Farm) -> None:
    first = await price_list(farm.db, prices(cpu_second="1"))
    await price_list(farm.db, prices(cpu_second="9"), valid_from=datetime.now(UTC) + timedelta(days=1))
    await rendered(farm)
    [row] = await booked(farm)
    assert (row.price_version, row.cost) == (first.version, Decimal("0.0125"))


async def test_a_version_cannot_begin_in_the_past_or_in_another_currency(farm: Farm) -> None:
    await price_list(farm.db)
    with pytest.raises(InvalidInput, match="past"):
        await price_list(farm.db, valid_from=datetime.now(UTC) - timedelta(seconds=5))
    with pytest.raises(Conflict, match="EUR"):
        await price_list(farm.db, currency="USD")
    soon = datetime.now(UTC) + timedelta(days=1)
    await price_list(farm.db, valid_from=soon)
    with pytest.raises(Conflict, match="begins"):
        await price_list(farm.db, valid_from=soon)


@pytest.mark.parametrize("table", ["usage", "price", "price_list", "credit", "storage_usage"])
async def test_what_is_booked_is_never_changed_or_deleted(farm: Farm, table: str) -> None:
    await price_list(farm.db)
    await rendered(farm)
    await farm.execute(
        "insert into credit (project_id, amount, reference, created_by) select id, 5, 'p', 'x' from project"
    )
    await farm.execute(
        "insert into storage_usage (project_id, day, byte_seconds, cost) select id, current_date, 1, 0 from project"
    )
    some = {"usage": "cost = 0", "price": "cpu_second = 0", "price_list": "note = 'x'", "credit": "amount = 9"}
    with pytest.raises((IntegrityError, ProgrammingError), match="never changed"):
        await farm.execute(f"update {table} set {some.get(table, 'cost = 0')}")
    with pytest.raises((IntegrityError, ProgrammingError), match="never changed"):
        await farm.execute(f"delete from {table}")


async def test_a_commit_that_is_repeated_is_booked_once(farm: Farm) -> None:
    await price_list(farm.db)
    replica = await farm.replica()
    chunk = await farm.rendering(await farm.start(frames="1-3"), replica, frames=3)
    commits = [commit_of(chunk, ordinal) for ordinal in chunk.ordinals]

    for _ in range(2):
        assert await commit_frames(
            farm.db, work_id=chunk.work_id, fence=chunk.fence, replica_id=replica, frames=commits
        ) == [0, 1, 2]
    assert len(await booked(farm)) == 3
    assert await farm.rows(BOOKS) == []


async def test_a_zombie_is_paid_nothing_and_who_took_over_is(farm: Farm) -> None:
    await price_list(farm.db)
    zombie, heir = await farm.replica(), await farm.replica()
    job_id = await farm.start(frames="1")
    lost = await farm.rendering(job_id, zombie, frames=1)
    await mark_gone(farm.db, replica_id=zombie, reason=EndReason.WORKER_LOST, limits=LIMITS)
    await farm.execute("update work set assigned_to = :heir where state = 'queued' and kind = 'chunk'", heir=heir)
    found = await farm.claim(heir)
    assert found is not None
    assert await farm.commit(lost, replica_id=zombie) is None
    assert await farm.commit(found, replica_id=heir) == [0]
    assert await farm.commit(lost, replica_id=zombie) is None
    assert len(await booked(farm)) == 1
    assert await farm.rows(BOOKS) == []


async def test_a_try_that_failed_is_waste_and_costs_nothing(farm: Farm) -> None:
    await price_list(farm.db)
    chunk = await farm.rendering(await farm.start(frames="1"), replica := await farm.replica(), frames=1)
    await farm.execute("update work set updated_at = now() - interval '3 s' where id = :id", id=chunk.work_id)
    await farm.fail(chunk, 0, replica_id=replica)
    assert await booked(farm) == []
    day = await farm.one("select * from usage_day")
    assert 3_000_000 <= day.wasted_us < 60_000_000
    assert (day.cost, day.frames, day.pool) == (0, 0, "default")


async def test_reused_frames_cost_nothing_and_those_rendered_again_do(farm: Farm) -> None:
    await price_list(farm.db)
    first = await rendered(farm, frames="1-2")
    again = await farm.start(frames="1-2")
    assert (await reuse_frames(farm.db, job_id=again, epoch=await farm.lead(), limit=100)).taken == 2
    assert {row.job_id for row in await booked(farm)} == {first}
    assert await farm.rows(BOOKS) == []


async def test_parts_are_charged_where_they_ran_and_the_merge_for_itself_alone(farm: Farm) -> None:
    await price_list(farm.db, prices(gpu_second="9", cpu_second="1"), prices("tasks", cpu_second="10"))
    job_id = await split_jobs.split_job(farm)
    assert await split_jobs.finish(farm, await split_jobs.merging(farm, job_id))
    found = sorted((row.kind, row.part, row.cpu_us, row.cost) for row in await booked(farm))
    assert found == [
        ("merge", 0, 3_000, Decimal("0.03")),
        ("part", 0, 10_000, Decimal("0.01")),
        ("part", 1, 10_000, Decimal("0.01")),
    ]
    assert await farm.rows(BOOKS) == []


async def test_sums_by_day_job_and_pool_are_those_of_the_rows(farm: Farm) -> None:
    await price_list(farm.db)
    jobs = [await rendered(farm, frames="1-2", reuse=False), await rendered(farm, reuse=False)]
    today = datetime.now(UTC).date()
    async with farm.db.transaction() as tx:
        span = {"project_id": farm.project_id, "since": today, "until": today, "limit": 10}
        by_job = await usage_by(tx, UsageGroup.JOB, after=None, **span)
        [by_pool] = await usage_by(tx, UsageGroup.POOL, after=None, **span)
        [by_day] = await usage_by(tx, UsageGroup.DAY, after=None, **span)
        behind = await usage_by(tx, UsageGroup.JOB, after=str(by_job[0].key), **span)
    assert {row.key: (row.frames, row.cost) for row in by_job} == {
        jobs[0]: (2, Decimal("0.025")),
        jobs[1]: (1, Decimal("0.0125")),
    }
    assert (by_day.key, by_day.cost, by_pool.key, by_pool.cost) == (today, Decimal("0.0375"), "default", by_day.cost)
    assert [row.key for row in behind] == [by_job[1].key]


async def test_an_export_in_pages_gives_each_row_once(farm: Farm) -> None:
    await rendered(farm, frames="1-7")
    now = datetime.now(UTC)
    seen: list[int] = []
    after = None
    while True:
        async with farm.db.transaction() as tx:
            rows: Sequence[Any] = await usage_rows(
                tx,
                project_id=farm.project_id,
                since=now - timedelta(hours=1),
                until=now + timedelta(hours=1),
                after=after,
                limit=3,
            )
        seen += [row.number for row in rows]
        if len(rows) < 3:
            break
        after = rows[-1]
    assert seen == list(range(7))


async def test_handing_sums_over_changes_no_total(farm: Farm) -> None:
    await price_list(farm.db)
    spent = (
        "select coalesce(sum(cost - counted), 0) + (select coalesce(sum(cost), 0) from project_spend) as cost"
        " from usage_day"
    )
    for _ in range(2):
        await rendered(farm, frames="1-2", reuse=False)
        before = await farm.one(spent)
        assert await settle_spend(farm.db, batch=10, epoch=await farm.lead()) > 0
        assert await farm.one(spent) == before
        assert await settle_spend(farm.db, batch=10, epoch=await farm.lead()) == 0
    assert (await farm.one("select cost from project_spend")).cost == Decimal("0.05")


async def test_a_day_of_storage_is_booked_when_it_is_over(farm: Farm) -> None:
    await farm.execute(
        "with made as (insert into price_list (currency, valid_from, created_by)"
        " values ('EUR', now() - interval '9 d', 'x') returning version)"
        " insert into price (version, pool, byte_month) select version, '*', 0.000001 from made"
    )
    await rendered(farm, frames="1-2")
    epoch = await farm.lead()
    assert await measure_storage(farm.db, epoch=epoch) == 1
    meter = await farm.one("select * from storage_meter")
    stored = 2000 + await farm.manifest_bytes()
    assert (meter.stored_bytes, meter.byte_seconds) == (stored, 0)
    # the look was at noon yesterday
    await farm.execute(
        "update storage_meter set day = day - 1,"
        " measured_at = ((day - 1)::timestamp + interval '12 h') at time zone 'utc'"
    )
    await measure_storage(farm.db, epoch=epoch)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    async with farm.db.transaction() as tx:
        [day] = await storage_days(tx, project_id=farm.project_id, since=yesterday, until=yesterday)
    assert day.byte_seconds == stored * 12 * 3600
    month = (yesterday.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    exact = Decimal(stored * 12 * 3600) * Decimal("0.000001") / (86_400 * month.day)
    assert abs(day.cost - exact) < Decimal("1e-12")
    today = await farm.one("select * from storage_meter")
    assert today.byte_seconds > 0 or datetime.now(UTC).hour == 0
    assert (await farm.one("select sum(cost) as cost from project_spend")).cost >= day.cost


async def test_a_reused_file_is_paid_once_for_as_long_as_one_job_names_it(farm: Farm) -> None:
    first = await rendered(farm, frames="1-3")
    for _ in range(2):  # two jobs more that name its files
        job_id = await farm.start(frames="1-3")
        await reuse_frames(farm.db, job_id=job_id, epoch=await farm.lead(), limit=100)

    async def stored() -> int:
        await measure_storage(farm.db, epoch=await farm.lead())
        measured = await farm.one("select stored_bytes from storage_meter")
        return int(measured.stored_bytes) - await farm.manifest_bytes()

    assert len(await farm.rows("select 1 from artifact")) == 9
    assert await stored() == 3000
    await farm.execute("update artifact set deleted_at = now() where job_id = :id", id=first)
    assert await stored() == 3000
    await farm.execute("update artifact set deleted_at = now()")
    assert await stored() == 0


async def test_who_adds_up_what_is_stored_holds_nobodys_leadership_up(farm: Farm) -> None:
    await rendered(farm)
    epoch = await farm.lead()
    async with farm.db.transaction() as busy:  # the sum waits for as long as this is open
        await busy.execute(text("lock table artifact in access exclusive mode"))
        measuring = asyncio.create_task(measure_storage(farm.db, epoch=epoch))
        await waiting(farm, 1)
        # lead() writes the leader's row, which a transaction that holds the epoch would keep from it
        assert await asyncio.wait_for(farm.lead(), 10) == epoch
        assert not measuring.done()
    assert await measuring == 1


async def test_bytes_that_are_booked_late_for_a_closed_day_count_for_the_next_and_stop_nothing(farm: Farm) -> None:
    job_id = await rendered(farm)
    epoch = await farm.lead()
    await measure_storage(farm.db, epoch=epoch)

    async def books_for_yesterday(bytes_sent: int) -> None:
        """As a transaction that began before midnight does."""
        async with farm.db.transaction() as tx:
            await add_bytes_sent(tx, {job_id: bytes_sent})
            await tx.execute(
                text("insert into storage_meter (project_id, day, bytes_sent) values (:project, :day, :bytes)"),
                {"project": farm.project_id, "day": datetime.now(UTC).date() - timedelta(days=1), "bytes": bytes_sent},
            )

    await books_for_yesterday(7)
    assert await measure_storage(farm.db, epoch=epoch) == 1
    await books_for_yesterday(5)
    assert await measure_storage(farm.db, epoch=epoch) == 1
    assert [row.bytes_sent for row in await farm.rows("select bytes_sent from storage_usage")] == [7]
    [today] = await farm.rows("select * from storage_meter")
    assert (today.bytes_sent, today.stored_bytes) == (7 + 5 + 5, 1000 + await farm.manifest_bytes())


@pytest.fixture
def queue_farm(settings: DatabaseSettings) -> Any:
    farm = QueueFarm(settings)
    yield farm
    farm.close()


_STEPS = st.lists(
    st.tuples(st.sampled_from(["commit", "again", "fail", "lose", "zombie", "retry", "clone"]), st.integers(0, 3)),
    min_size=1,
    max_size=8,
)


@examples(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS, frames=st.integers(1, 4))
def test_whatever_happens_the_ledger_is_the_sum_of_what_was_committed(
    queue_farm: QueueFarm, steps: list[tuple[str, int]], frames: int
) -> None:
    queue_farm.run(_play(queue_farm, steps, frames))


async def _play(queue: QueueFarm, steps: list[tuple[str, int]], frames: int) -> None:
    await queue.empty()
    farm, epoch = queue.farm, await queue.farm.lead()
    replica = await farm.replica()
    job_id = await farm.submit(frames=f"1-{frames}", limits={"tries": 2})
    held: list[tuple[ClaimedChunk, UUID]] = []
    zombies: list[tuple[ClaimedChunk, UUID]] = []
    for step, which in steps:
        await queue.let_pauses_pass()
        await queue.plan(epoch)
        while (chunk := await farm.claim(replica)) is not None:
            if await start_chunk(farm.db, work_id=chunk.work_id, fence=chunk.fence, warm=True):
                held.append((chunk, replica))
        picked = held[which % len(held)] if held else None
        match step:
            case "commit" | "again" if picked:
                chunk, owner = picked
                await farm.commit(chunk, chunk.ordinals[: which + 1], replica_id=owner)
                if step == "again":
                    await farm.commit(chunk, replica_id=owner)
            case "fail" if picked:
                await farm.fail(picked[0], picked[0].ordinals[0], replica_id=picked[1])
            case "lose" if picked:
                await mark_gone(farm.db, replica_id=replica, reason=EndReason.WORKER_LOST, limits=LIMITS)
                zombies, held, replica = zombies + held, [], await farm.replica()
            case "zombie" if zombies:
                chunk, owner = zombies[which % len(zombies)]
                assert not await farm.commit(chunk, replica_id=owner)
            case "retry":
                await farm.change(job_id, JobCommand.RETRY, strict=False)
            case "clone":
                await farm.submit(frames=f"1-{frames}", reuse=which > 1)
        await settle_spend(farm.db, batch=which + 1, epoch=epoch)
        assert await farm.rows(BOOKS) == []
        [total] = await farm.rows(
            "select (select coalesce(sum(cost), 0) from usage) as booked, (select coalesce(sum(cost), 0) from"
            " project_spend) + (select coalesce(sum(cost - counted), 0) from usage_day) as spent"
        )
        assert total.booked == total.spent
