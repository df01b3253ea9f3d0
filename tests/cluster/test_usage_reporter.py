"""Stripe is told what a customer used: each hour once, whatever happens on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from structlog.testing import capture_logs

from cluster.loops.stripe_sink import StripeSettings, StripeSink
from cluster.loops.usage_reporter import UsageNotReported, UsageReporter, usage_reporters
from cluster.loops.usage_sink import MeterReading, Outcome, Refused, Taken, Unclear
from db.billing.profiles import read_profile, set_profile
from db.billing.usage_reports import list_reports, resolve_report
from db.dispatch import LostLeadership
from jobs.errors import Conflict
from jobs.invoicing import ReportUnit, whole_units
from tests.cluster.stripe_server import KEY, StripeServer, stripe_server
from tests.cluster.test_outbox_sender import db, farm
from tests.db.books import book, book_storage, price_list
from tests.db.builders import Farm

__all__ = ["db", "farm"]

METERS = {ReportUnit.GPU_SECOND: "gpu", ReportUnit.MICRO_COST: "cost", ReportUnit.GIGABYTE_HOUR: "stored"}
SOON = timedelta(microseconds=1)


@pytest.fixture
async def stripe() -> AsyncIterator[StripeServer]:
    async with stripe_server("gpu", "cost", "stored") as server:
        yield server


def reporter(farm: Farm, stripe: StripeServer, *, key: str = KEY, **options: Any) -> UsageReporter:
    values = {"api_key": SecretStr(key), "api_base": stripe.url, "meters": METERS, "first_pause": SOON, **options}
    settings = StripeSettings(**values)
    [loop] = usage_reporters(database=farm.db, settings=settings)
    assert isinstance(loop, UsageReporter)
    return loop


async def customer(farm: Farm) -> None:
    """Since three days ago."""
    async with farm.db.transaction() as tx:
        await set_profile(tx, project_id=farm.project_id, changes={"stripe_customer": "cus_1"})
    await farm.execute(
        "update billing_profile set reported_until = now() - interval '3 days',"
        " reported_days = (now() at time zone 'utc')::date - 4"
    )


async def used(farm: Farm, *, hours_ago: float = 5, gpu_s: float = 2, cost: str = "0.5") -> None:
    at = datetime.now(UTC) - timedelta(hours=hours_ago)
    version = (await price_list(farm.db)).version
    await book(farm, at=at, version=version, gpu_us=round(gpu_s * 1_000_000), cost=cost)


async def settle(loop: UsageReporter, farm: Farm, *, tries: int = 10) -> int:
    """Ticks until there is no trouble; how many were in trouble."""
    for troubles in range(tries):
        await farm.execute("update usage_report set due_at = now() where state = 'pending'")
        try:
            await loop.tick(await farm.lead())
            return troubles
        except UsageNotReported:
            pass
    raise AssertionError("It does not get through.")


async def states(farm: Farm) -> list[str]:
    return [row.state for row in await farm.rows("select state from usage_report order by made_at, unit, state")]


async def test_an_hour_of_use_is_told_once_to_each_meter_within_that_hour(farm: Farm, stripe: StripeServer) -> None:
    await customer(farm)
    await used(farm)
    loop = reporter(farm, stripe)
    assert await loop.tick(await farm.lead()) == 2
    assert await loop.tick(await farm.lead()) == 0
    assert {event["event_name"]: event["payload"] for event in stripe.events} == {
        "gpu": {"stripe_customer_id": "cus_1", "value": "2"},
        "cost": {"stripe_customer_id": "cus_1", "value": "500000"},
    }
    hour = (datetime.now(UTC) - timedelta(hours=5)).replace(minute=59, second=59, microsecond=0)
    assert {event["timestamp"] for event in stripe.events} == {int(hour.timestamp())}
    ids = {str(row.id) for row in await farm.rows("select id from usage_report")}
    assert {event["identifier"] for event in stripe.events} == ids
    assert {request["idempotency-key"] for request in stripe.requests} == {f"{each}-1" for each in ids}


async def test_what_is_left_of_a_whole_unit_goes_into_the_next_report(farm: Farm, stripe: StripeServer) -> None:
    await customer(farm)
    for hours_ago in (9, 8, 7, 6, 5):
        await used(farm, hours_ago=hours_ago, gpu_s=1.3, cost="0.0000007")
    loop = reporter(farm, stripe)
    for _ in range(5):
        await loop.tick(await farm.lead())
    assert stripe.sum_of("gpu") == 6
    assert stripe.sum_of("cost") == 3
    rest = {row.unit: row.rest for row in await farm.rows("select unit, rest from usage_carry")}
    assert rest == {"gpu_second": Decimal("0.5"), "micro_cost": Decimal("0.5")}


@given(amounts=st.lists(st.decimals(0, 10**12, places=6), max_size=10))
def test_whole_units_and_the_rest_are_all_that_was_used(amounts: list[Decimal]) -> None:
    told, rest = 0, Decimal(0)
    for amount in amounts:
        whole, rest = whole_units(amount, rest)
        told += whole
        assert 0 <= rest < 1
    assert told + rest == sum(amounts, Decimal(0))


async def test_what_is_stored_is_told_by_days_that_are_over(farm: Farm, stripe: StripeServer) -> None:
    await customer(farm)
    version = (await price_list(farm.db)).version
    for days_ago in (3, 2):
        day = datetime.now(UTC).date() - timedelta(days=days_ago)
        await book_storage(farm, day=day, version=version, cost="2", byte_seconds=24 * 3600 * 10**9)
    loop = reporter(farm, stripe)
    for _ in range(3):
        await loop.tick(await farm.lead())
    assert (stripe.sum_of("stored"), stripe.sum_of("cost"), len(stripe.events)) == (48, 4_000_000, 4)


async def test_an_hour_that_is_not_over_and_a_project_that_is_no_customer_are_not_told(
    farm: Farm, stripe: StripeServer
) -> None:
    await used(farm)
    loop = reporter(farm, stripe)
    assert await loop.tick(await farm.lead()) == 0
    async with farm.db.transaction() as tx:
        await set_profile(tx, project_id=farm.project_id, changes={"stripe_customer": "cus_1"})
    await used(farm, hours_ago=0)
    assert await loop.tick(await farm.lead()) == 0
    assert stripe.requests == []


@pytest.mark.parametrize("fault", ["500", "500 after", "drop after", "hang after", "429"])
async def test_a_report_counts_once_whatever_went_wrong_with_its_first_attempt(
    farm: Farm, stripe: StripeServer, fault: str
) -> None:
    await customer(farm)
    await used(farm)
    stripe.faults += [fault, fault]
    loop = reporter(farm, stripe, timeout=timedelta(seconds=1 if fault == "hang after" else 20))
    assert await settle(loop, farm) == 1
    assert (stripe.sum_of("gpu"), stripe.sum_of("cost")) == (2, 500_000)
    assert await states(farm) == ["sent", "sent"]


async def test_one_that_died_after_sending_sends_the_same_again_and_it_counts_once(
    farm: Farm, stripe: StripeServer
) -> None:
    await customer(farm)
    await used(farm)
    told: list[str] = []

    class Dying:
        async def tell(self, reading: MeterReading) -> Outcome:
            sink = StripeSink(key=SecretStr(KEY), base=stripe.url, timeout=timedelta(seconds=20))
            assert await sink.tell(reading) == Taken()
            told.append(reading.identifier)
            raise ConnectionAbortedError

    dying = UsageReporter(database=farm.db, settings=StripeSettings(), meters=METERS, sink=Dying())
    with pytest.raises(ConnectionAbortedError):
        await dying.tick(await farm.lead())
    assert await settle(reporter(farm, stripe), farm) == 0
    assert (len(told), stripe.sum_of("gpu")) == (2, 2)


async def test_what_may_be_there_is_not_sent_again_once_stripe_may_have_forgotten_it(
    farm: Farm, stripe: StripeServer
) -> None:
    await customer(farm)
    await used(farm, cost="0")
    stripe.faults.append("500 after")
    loop = reporter(farm, stripe)
    with pytest.raises(UsageNotReported, match="default: Stripe answers 500"):
        await loop.tick(await farm.lead())
    await farm.execute("update usage_report set first_sent = first_sent - interval '24 hours', due_at = now()")
    stripe.days_passed = 1
    with pytest.raises(UsageNotReported):
        await loop.tick(await farm.lead())
    assert await states(farm) == ["unclear"]
    assert len(stripe.requests) == 1
    async with farm.db.transaction() as tx:
        [report] = await list_reports(tx, project_id=farm.project_id, limit=9)
        done = await resolve_report(tx, project_id=farm.project_id, report_id=report.id, arrived=True)
        assert done.state == "sent"
        with pytest.raises(Conflict):
            await resolve_report(tx, project_id=farm.project_id, report_id=report.id, arrived=False)
    assert await loop.tick(await farm.lead()) == 0
    assert stripe.sum_of("gpu") == 2


async def test_usage_that_a_person_finds_missing_is_reported_under_another_identifier(
    farm: Farm, stripe: StripeServer
) -> None:
    await customer(farm)
    await used(farm, cost="0")
    stripe.faults.append("500")
    loop = reporter(farm, stripe)
    with pytest.raises(UsageNotReported):
        await loop.tick(await farm.lead())
    await farm.execute("update usage_report set first_sent = first_sent - interval '24 hours'")
    with pytest.raises(UsageNotReported):
        await loop.tick(await farm.lead())
    async with farm.db.transaction() as tx:
        [report] = await list_reports(tx, project_id=farm.project_id, limit=9)
        await resolve_report(tx, project_id=farm.project_id, report_id=report.id, arrived=False)
    assert await loop.tick(await farm.lead()) == 1
    [event] = stripe.events
    assert (event["identifier"] != str(report.id), event["payload"]["value"]) == (True, "2")
    assert sorted(await states(farm)) == ["sent", "void"]


async def test_a_refusal_is_shown_and_tried_again_for_days_since_it_is_certainly_not_there(
    farm: Farm, stripe: StripeServer
) -> None:
    await customer(farm)
    await used(farm, cost="0")
    stripe.meters.clear()
    loop = reporter(farm, stripe)
    with pytest.raises(UsageNotReported, match="No active meter found for event name gpu"):
        await loop.tick(await farm.lead())
    with pytest.raises(UsageNotReported):  # also while nothing is due
        await loop.tick(await farm.lead())
    [row] = await farm.rows("select first_sent, error, attempts from usage_report")
    assert (row.first_sent, "resource_missing" in row.error) == (None, True)
    stripe.meters.add("gpu")
    assert await settle(loop, farm) == 0
    assert stripe.sum_of("gpu") == 2


async def test_a_refusal_after_an_attempt_that_may_have_arrived_keeps_that_in_mind(
    farm: Farm, stripe: StripeServer
) -> None:
    await customer(farm)
    await used(farm, cost="0")
    stripe.faults += ["500 after", "429"]
    loop = reporter(farm, stripe)
    for _ in range(2):
        await farm.execute("update usage_report set due_at = now()")
        with pytest.raises(UsageNotReported):
            await loop.tick(await farm.lead())
    [row] = await farm.rows("select first_sent from usage_report")
    assert row.first_sent is not None


async def test_usage_that_is_too_old_for_stripe_fails_and_says_so(farm: Farm, stripe: StripeServer) -> None:
    await customer(farm)
    await farm.execute("update billing_profile set reported_until = now() - interval '60 days'")
    await used(farm, hours_ago=36 * 24, cost="0")
    await reporter(farm, stripe).tick(await farm.lead())
    assert (await states(farm), stripe.requests) == (["failed"], [])


async def test_the_key_stands_in_no_error_and_no_log(farm: Farm, stripe: StripeServer) -> None:
    await customer(farm)
    await used(farm)
    wrong = "sk_live_ofSomebodyElse"  # pragma: allowlist secret
    loop = reporter(farm, stripe, key=wrong)
    with capture_logs() as logs, pytest.raises(UsageNotReported) as caught:
        await loop.tick(await farm.lead())
    [row, *_] = await farm.rows("select error from usage_report")
    assert "401" in row.error
    assert wrong not in f"{row.error} {caught.value} {logs} {loop.__dict__['_settings']!r}"


async def test_a_server_that_is_not_there_has_certainly_not_taken_anything() -> None:
    reading = MeterReading(
        identifier="a", attempt=1, customer="cus_1", meter="gpu", value=1, at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    async with stripe_server("gpu") as stripe:
        url = stripe.url
    sink = StripeSink(key=SecretStr(KEY), base=url, timeout=timedelta(seconds=5))
    assert isinstance(await sink.tell(reading), Refused)
    async with stripe_server("gpu") as stripe:
        stripe.faults.append("drop after")
        sink = StripeSink(key=SecretStr(KEY), base=stripe.url, timeout=timedelta(seconds=5))
        assert isinstance(await sink.tell(reading), Unclear)


async def test_an_hour_is_told_when_invoices_would_take_it_too(farm: Farm, stripe: StripeServer) -> None:
    await customer(farm)
    now = datetime.now(UTC)
    at = now.replace(minute=30, second=0, microsecond=0) - timedelta(hours=1)  # over for less than SETTLED_AFTER
    await used(farm, hours_ago=(now - at) / timedelta(hours=1))
    assert await reporter(farm, stripe).tick(await farm.lead()) == 0
    assert await states(farm) == []


async def test_a_customer_that_is_taken_out_is_told_what_was_used_until_then_and_nothing_more(
    farm: Farm, stripe: StripeServer
) -> None:
    await customer(farm)
    version = (await price_list(farm.db)).version
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    await book_storage(farm, day=yesterday, version=version, cost="0", byte_seconds=3600 * 10**9)
    await used(farm, gpu_s=2)
    async with farm.db.transaction() as tx:
        await set_profile(tx, project_id=farm.project_id, changes={"stripe_customer": None})
        assert (await read_profile(tx, project_id=farm.project_id)).stripe_customer is None
    await used(farm, hours_ago=4.01, gpu_s=3, cost="0")
    # The customer was taken out four hours ago; afterwards more is used.
    await farm.execute("update billing_profile set stops_at = now() - interval '4 hours'")
    await used(farm, hours_ago=3.99, gpu_s=7, cost="0")
    for _ in range(4):
        await reporter(farm, stripe).tick(await farm.lead())
    assert (stripe.sum_of("gpu"), stripe.sum_of("stored")) == (5, 1 if was_over(yesterday) else 0)
    [row] = await farm.rows("select * from billing_profile")
    assert (row.stripe_customer, row.stops_at, row.reported_until) == (None, None, None)


def was_over(day: date) -> bool:
    """Four hours ago."""
    return day < (datetime.now(UTC) - timedelta(hours=4)).date()


async def test_who_leads_no_more_reports_nothing(farm: Farm, stripe: StripeServer) -> None:
    await customer(farm)
    await used(farm)
    with pytest.raises(LostLeadership):
        await reporter(farm, stripe).tick(await farm.lead() + 1000)
    assert (stripe.requests, await states(farm)) == ([], [])


def test_without_a_key_or_a_meter_there_is_no_loop(db: Any) -> None:
    assert usage_reporters(database=db, settings=StripeSettings(meters=METERS)) == ()
    assert usage_reporters(database=db, settings=StripeSettings(api_key=SecretStr("sk_test_1"))) == ()
    with pytest.raises(ValidationError):
        StripeSettings(meters={"parsec": "gpu"})  # type: ignore[dict-item]
