"""Invoices: each row of the ledger on one of them, numbers without a gap, nothing changed afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from cluster.loops.invoicer import Invoicer, InvoiceSettings
from db.billing.invoices import InvoiceRow, add_credit_note, lines_of, list_invoices
from db.billing.money import add_credit, set_prepaid
from db.bootstrap import ensure_project
from db.dispatch import LostLeadership
from db.settings import DatabaseSettings
from jobs.errors import Conflict, InvalidInput, InvalidSettings, NotFound
from jobs.invoicing import UsageUnit, credit_note_totals, invoice_totals, minor_digits
from tests.cluster.test_outbox_sender import db, farm
from tests.db.books import book, book_storage, price_list, prices
from tests.db.builders import Farm
from tests.db.queue_farm import QueueFarm

__all__ = ["db", "farm"]

MARCH_2 = datetime(2026, 3, 2, 12, tzinfo=UTC)


def february(day: int = 10, hour: int = 12) -> datetime:
    return datetime(2026, 2, day, hour, tzinfo=UTC)


async def tick(farm: Farm, now: datetime = MARCH_2, **options: Any) -> int:
    settings = InvoiceSettings(**{"seller": "Render House\n1 Film Street", **options})
    return await Invoicer(database=farm.db, settings=settings, clock=lambda: now).tick(await farm.lead())


async def invoices(farm: Farm, project_id: UUID | None = None) -> list[InvoiceRow]:
    async with farm.db.transaction() as tx:
        found = await list_invoices(tx, project_id=project_id or farm.project_id, limit=100)
    return found[::-1]


async def note(farm: Farm, number: str, amount: str, reference: str) -> tuple[InvoiceRow, bool]:
    async with farm.db.transaction() as tx:
        return await add_credit_note(
            tx,
            project_id=farm.project_id,
            number=number,
            amount=Decimal(amount),
            reference=reference,
            reason="bad pixels",
            by="a test",
        )


async def another_project(farm: Farm, slug: str = "second") -> UUID:
    async with farm.db.transaction() as tx:
        return await ensure_project(tx, slug=slug, name=slug)


async def test_a_month_that_is_over_is_invoiced_by_pool_unit_and_price_version(farm: Farm) -> None:
    old = await price_list(farm.db, prices(gpu_second="2", cpu_second="1", byte_month="0.5", byte_sent="0.25"))
    new = await price_list(farm.db, prices(gpu_second="3"), prices("spot", gpu_second="0.5"))
    await book(farm, at=february(), version=old.version, gpu_us=1_500_000, cost="3")
    await book(farm, at=february(11), version=old.version, gpu_us=500_000, cost="1")
    await book(farm, at=february(12), version=new.version, gpu_us=1_000_000, cost="3")
    await book(farm, at=february(12), version=new.version, gpu_us=2_000_000, pool="spot", cost="1")
    await book(farm, at=february(12), version=old.version, cpu_us=12_500, cost="0.0125")
    await book(farm, at=february(12), version=None, cpu_us=99, cost="0")
    await book_storage(
        farm, day=date(2026, 2, 3), version=old.version, cost="3", byte_seconds=28 * 86400 * 4, bytes_sent=4
    )
    assert await tick(farm, tax_rate="0.19") == 1
    assert await tick(farm) == 0
    [invoice] = await invoices(farm)
    async with farm.db.transaction() as tx:
        lines = await lines_of(tx, invoice.serial)
    assert [(each.pool, each.unit, each.price_version - old.version, each.quantity, each.amount) for each in lines] == [
        ("default", UsageUnit.CPU_SECOND, 0, Decimal("0.0125"), Decimal("0.0125")),
        ("default", UsageUnit.GPU_SECOND, 0, 2, 4),
        ("default", UsageUnit.GPU_SECOND, 1, 1, 3),
        ("spot", UsageUnit.GPU_SECOND, 1, 2, 1),
        (None, UsageUnit.BYTE_MONTH, 0, 4, 2),
        (None, UsageUnit.BYTE_SENT, 0, 4, 1),
    ]
    assert [each.unit_price for each in lines] == [1, 2, 3, Decimal("0.5"), Decimal("0.5"), Decimal("0.25")]
    assert (invoice.number, invoice.month, invoice.currency) == ("INV-000001", date(2026, 2, 1), "EUR")
    assert (invoice.subtotal, invoice.net) == (Decimal("11.0125"), Decimal("11.01"))
    assert (invoice.tax, invoice.total) == (Decimal("2.09"), Decimal("13.10"))
    assert (invoice.seller, invoice.recipient) == ("Render House\n1 Film Street", "Default")


async def test_each_row_stands_on_the_invoice_of_its_month_in_the_zone_also_when_the_zone_changes(farm: Farm) -> None:
    version = (await price_list(farm.db)).version
    ends = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)  # February in Berlin
    await book(farm, at=ends, version=version, cpu_us=1_000_000, cost="1")
    await book(farm, at=datetime(2026, 2, 28, 23, 30, tzinfo=UTC), version=version, cpu_us=2_000_000, cost="2")
    await tick(farm, zone="Europe/Berlin")
    [february_] = await invoices(farm)
    assert (february_.net, february_.since) == (1, datetime(2026, 1, 31, 23, tzinfo=UTC))
    await tick(farm, datetime(2026, 4, 5, tzinfo=UTC), zone="America/New_York")
    [_, march] = await invoices(farm)
    assert (march.net, march.since, march.until) == (2, february_.until, datetime(2026, 4, 1, 4, tzinfo=UTC))


async def test_nothing_is_invoiced_before_its_day_nor_while_a_day_of_storage_is_open(farm: Farm) -> None:
    await book(farm, at=february(), version=(await price_list(farm.db)).version, cpu_us=1, cost="1")
    assert await tick(farm, datetime(2026, 3, 4, 23, tzinfo=UTC), day=5) == 0
    assert await tick(farm, datetime(2026, 3, 1, 0, 59, tzinfo=UTC), day=1) == 0
    await farm.execute("insert into storage_meter (project_id, day) values (:id, '2026-02-28')", id=farm.project_id)
    assert await tick(farm) == 0
    await farm.execute("delete from storage_meter")
    assert await tick(farm, datetime(2026, 3, 1, 1, 0, tzinfo=UTC), day=1) == 1


async def test_the_month_that_is_over_by_the_databases_clock_is_invoiced(farm: Farm) -> None:
    version = (await price_list(farm.db)).version
    now = datetime.now(UTC)
    last = (now.replace(day=1) - timedelta(days=1)).replace(day=15)
    for at in (last, now):
        await book(farm, at=at, version=version, cpu_us=1, cost="1")
    settings = InvoiceSettings(seller="House", day=1)
    made = await Invoicer(database=farm.db, settings=settings).tick(await farm.lead())
    over = (now - timedelta(hours=1)).date() >= now.date().replace(day=1)  # in its first hour a month waits
    assert [each.month for each in await invoices(farm)] == ([last.date().replace(day=1)] if over else [])
    assert made == over


async def test_without_a_seller_there_are_no_invoices(farm: Farm) -> None:
    await book(farm, at=february(), version=(await price_list(farm.db)).version, cpu_us=1, cost="1")
    assert await tick(farm, seller=None) == 0
    assert await invoices(farm) == []


async def test_months_are_made_up_for_in_their_order_and_a_project_that_owes_nothing_gets_none(farm: Farm) -> None:
    version = (await price_list(farm.db)).version
    second = await another_project(farm)
    await book(farm, at=february(), version=version, cpu_us=1, cost="1")
    await book(farm, at=february(), version=version, cpu_us=1, cost="0", project_id=second)
    assert await tick(farm) == 1
    for month in (3, 4):
        await book(
            farm, at=datetime(2026, month, 10, tzinfo=UTC), version=version, cpu_us=1, cost="1", project_id=second
        )
    may = datetime(2026, 5, 9, tzinfo=UTC)
    assert [await tick(farm, may) for _ in range(3)] == [1, 1, 0]
    assert [(each.number, each.month.month) for each in await invoices(farm, second)] == [
        ("INV-000002", 3),
        ("INV-000003", 4),
    ]


async def test_an_invoice_that_fails_leaves_no_gap_and_keeps_no_other_from_being_made(farm: Farm) -> None:
    version = (await price_list(farm.db)).version
    for slug in ("second", "third"):
        await book(
            farm, at=february(), version=version, cpu_us=1, cost="1", project_id=await another_project(farm, slug)
        )
    await book(farm, at=february(), version=version, cpu_us=1, cost="1")
    await farm.execute(
        "create function fail() returns trigger language plpgsql as $$ begin"
        f" if new.project_id = '{farm.project_id}' and current_setting('rayfarm.broken', true) is null then"
        " raise exception 'no'; end if; return new; end $$"
    )
    await farm.execute("create trigger fails after insert on invoice for each row execute function fail()")
    with pytest.raises(Exception, match="no"):
        await tick(farm)
    assert [row.number for row in await farm.rows("select number from invoice order by serial")] == [
        "INV-000001",
        "INV-000002",
    ]
    await farm.execute("drop trigger fails on invoice")
    assert await tick(farm) == 1
    assert [each.number for each in await invoices(farm)] == ["INV-000003"]


async def test_an_invoice_cannot_be_changed_and_who_leads_no_more_makes_none(farm: Farm) -> None:
    await book(farm, at=february(), version=(await price_list(farm.db)).version, cpu_us=1, cost="1")
    stale = Invoicer(database=farm.db, settings=InvoiceSettings(seller="House"), clock=lambda: MARCH_2)
    with pytest.raises(LostLeadership):
        await stale.tick(await farm.lead() + 1000)
    await tick(farm)
    for change in (
        "update invoice set total = 0",
        "delete from invoice",
        "update invoice_line set amount = 0",
        "delete from invoice_line",
        "update invoice_month set until = now()",
    ):
        with pytest.raises(IntegrityError, match="never changed"):
            await farm.execute(change)
    [told] = await farm.rows("select data from event where kind = 'invoice.issued'")
    assert told.data == {"number": "INV-000001", "month": "2026-02-01", "total": "1", "currency": "EUR"}


async def test_credits_are_deducted_before_tax_once_and_what_was_spent_since_is_not(farm: Farm) -> None:
    version = (await price_list(farm.db)).version
    async with farm.db.transaction() as tx:
        await set_prepaid(tx, project_id=farm.project_id, prepaid=True, by="a test")
        await add_credit(tx, project_id=farm.project_id, amount=Decimal(100), reference="r", note="", by="a test")
    await book(farm, at=february(), version=version, cpu_us=1, cost="30.001")
    await book(farm, at=datetime(2026, 3, 2, tzinfo=UTC), version=version, cpu_us=1, cost="20")
    await tick(farm, tax_rate="0.1")
    await tick(farm, datetime(2026, 4, 2, tzinfo=UTC), tax_rate="0.1")
    assert [(each.credits, each.net, each.total) for each in await invoices(farm)] == [
        (Decimal("30.001"), 0, 0),
        (20, 0, 0),
    ]


async def test_credits_that_paid_for_a_part_leave_the_rest_due(farm: Farm) -> None:
    version = (await price_list(farm.db)).version
    async with farm.db.transaction() as tx:
        await add_credit(tx, project_id=farm.project_id, amount=Decimal(9), reference="r", note="", by="a test")
    await book(farm, at=february(1), version=version, cpu_us=1, cost="10")
    async with farm.db.transaction() as tx:
        await set_prepaid(tx, project_id=farm.project_id, prepaid=True, by="a test")  # the 10 stay unpaid
    await book(farm, at=february(2), version=version, cpu_us=1, cost="4")
    await book(farm, at=datetime(2026, 3, 1, tzinfo=UTC), version=version, cpu_us=1, cost="3")  # of the next invoice
    await tick(farm, tax_rate="0.5")
    [invoice] = await invoices(farm)
    assert (invoice.subtotal, invoice.credits, invoice.net, invoice.tax, invoice.total) == (14, 4, 10, 5, 15)


async def test_credit_notes_take_back_no_more_than_their_invoice_and_exactly_its_tax(farm: Farm) -> None:
    await book(farm, at=february(), version=(await price_list(farm.db)).version, cpu_us=1, cost="10.05")
    await tick(farm, tax_rate="0.07")
    [invoice] = await invoices(farm)
    first, is_new = await note(farm, invoice.number, "3.33", "one")
    assert (first.number, first.net, first.tax, first.total, is_new) == (
        "INV-000002",
        Decimal("-3.33"),
        Decimal("-0.23"),
        Decimal("-3.56"),
        True,
    )
    assert await note(farm, invoice.number, "3.33", "one") == (first, False)
    for amount, reference, error in (
        ("6.73", "two", Conflict),
        ("1", "one", Conflict),
        ("0.001", "two", InvalidInput),
        ("-1", "two", InvalidInput),
    ):
        with pytest.raises(error):
            await note(farm, invoice.number, amount, reference)
    with pytest.raises(InvalidInput):
        await note(farm, first.number, "1", "two")
    with pytest.raises(NotFound):
        await note(farm, "INV-000099", "1", "two")
    await note(farm, invoice.number, "6.72", "two")
    assert sum(each.total for each in await invoices(farm)) == 0
    assert [each.number for each in await invoices(farm)] == ["INV-000001", "INV-000002", "INV-000003"]


async def test_notes_made_at_once_take_back_no_more_than_their_invoice(farm: Farm) -> None:
    await book(farm, at=february(), version=(await price_list(farm.db)).version, cpu_us=1, cost="10")
    await tick(farm)
    [invoice] = await invoices(farm)
    done = await asyncio.gather(*(note(farm, invoice.number, "4", str(n)) for n in range(5)), return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in done) == 3
    assert sum(not isinstance(each, BaseException) for each in done) == 2


_AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=12, allow_nan=False)


@given(
    amounts=st.lists(_AMOUNTS, max_size=8),
    left=_AMOUNTS,
    rate=st.decimals(min_value=0, max_value="0.999", places=3),
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_totals_are_whole_in_the_currency_and_off_the_ledger_by_less_than_its_smallest_unit(
    amounts: Sequence[Decimal], left: Decimal, rate: Decimal, currency: str
) -> None:
    digits, exact = minor_digits(currency), sum(amounts, Decimal(0))
    totals = invoice_totals(subtotal=exact, credits_left=left, tax_rate=rate, digits=digits)
    half = Decimal(1).scaleb(-digits) / 2
    assert totals.subtotal == exact
    assert 0 <= totals.credits <= min(left, exact)
    assert abs(totals.net - (exact - totals.credits)) <= half
    assert abs(totals.tax - totals.net * rate) <= half
    assert totals.total == totals.net + totals.tax
    assert all(each == round(each, digits) for each in (totals.net, totals.tax, totals.total))


@given(parts=st.lists(st.integers(1, 10**6), min_size=1, max_size=6), rate=st.decimals(0, "0.999", places=3))
def test_notes_over_all_of_an_invoice_sum_up_to_it(parts: list[int], rate: Decimal) -> None:
    invoice = invoice_totals(subtotal=Decimal(sum(parts)) / 100, credits_left=Decimal(0), tax_rate=rate, digits=2)
    noted, total = Decimal(0), Decimal(0)
    for part in parts:
        amount = Decimal(part) / 100
        made = credit_note_totals(amount=amount, noted=noted, tax_rate=rate, digits=2)
        assert made.tax <= 0
        noted, total = noted + amount, total + made.total
    assert total == -invoice.total


@pytest.fixture
def queue_farm(settings: DatabaseSettings) -> Iterator[QueueFarm]:
    farm = QueueFarm(settings)
    yield farm
    farm.close()


_ROWS = st.lists(
    st.tuples(st.integers(-3, 70), st.integers(0, 23), st.sampled_from(["default", "spot"]), _AMOUNTS, st.booleans()),
    max_size=12,
)


@examples(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=_ROWS, zone=st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York"]))
def test_the_lines_of_all_invoices_are_the_ledger(queue_farm: QueueFarm, rows: list[Any], zone: str) -> None:
    queue_farm.run(_compare(queue_farm, rows, zone))


async def _compare(queue: QueueFarm, rows: list[Any], zone: str) -> None:
    await queue.empty()
    farm = queue.farm
    await farm.execute("truncate usage, usage_day, invoice, invoice_line, invoice_month, invoice_counter")
    version = (await price_list(farm.db, prices(gpu_second="2", cpu_second="1"))).version
    begin = datetime(2026, 2, 1, tzinfo=UTC)
    for day, hour, pool, cost, is_gpu in rows:
        used = {"gpu_us": 1} if is_gpu else {"cpu_us": 1}
        await book(farm, at=begin + timedelta(days=day, hours=hour), version=version, cost=str(cost), pool=pool, **used)
    for now in (MARCH_2, datetime(2026, 4, 2, 9, tzinfo=UTC), datetime(2026, 5, 2, 9, tzinfo=UTC)):
        await tick(farm, now, zone=zone)
    made = await invoices(farm)
    months = await farm.one("select min(since) as since, max(until) as until from invoice_month")
    ledger = await farm.one(
        "select coalesce(sum(cost), 0) as cost from usage where at >= :since and at < :until",
        since=months.since,
        until=months.until,
    )
    lines = await farm.one("select coalesce(sum(amount), 0) as cost from invoice_line")
    assert sum((each.subtotal for each in made), Decimal(0)) == lines.cost == ledger.cost


def test_settings_that_cannot_hold_are_refused() -> None:
    for wrong in ({"zone": "Mars/Olympus"}, {"day": 31}, {"tax_rate": "19"}, {"prefix": "a/b"}):
        with pytest.raises(InvalidSettings):
            InvoiceSettings(**wrong)  # type: ignore[arg-type]
