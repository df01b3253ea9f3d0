"""Many reports of usage at once: all go, and those in trouble keep no others waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from cluster.loops.usage_reporter import UsageNotReported
from db.billing.profiles import set_profile
from db.bootstrap import ensure_project
from tests.cluster.stripe_server import StripeServer
from tests.cluster.test_outbox_sender import db, farm
from tests.cluster.test_usage_reporter import SOON, customer, reporter, states, stripe
from tests.db.books import book
from tests.db.builders import Farm

__all__ = ["db", "farm", "stripe"]


async def backlog(farm: Farm, count: int, *, meter: str = "gpu", error: str | None = None) -> None:
    """Reports that wait; of one that had trouble before, for longer."""
    await farm.execute(
        "insert into usage_report (project_id, customer, unit, meter, value, since, until, error, due_at)"
        " select :project, 'cus_1', 'gpu_second', :meter, 1, now() - interval '1 second' * number,"
        " now() - interval '1 hour',"
        " :error, now() - case when :refused then interval '1 hour' else interval '1 minute' end"
        " from generate_series(cast(:first as integer), :first + :count - 1) as number",
        project=farm.project_id,
        meter=meter,
        count=count,
        first=4000 if error is None else 5000,
        error=error,
        refused=error is not None,
    )


async def test_a_backlog_of_many_batches_is_gone_after_one_tick(farm: Farm, stripe: StripeServer) -> None:
    await customer(farm)
    await backlog(farm, 25)
    assert await reporter(farm, stripe, at_once=8).tick(await farm.lead()) == 25
    assert (stripe.sum_of("gpu"), set(await states(farm))) == (25, {"sent"})


async def test_refused_reports_are_tried_once_in_a_tick_and_keep_no_good_one_waiting(
    farm: Farm, stripe: StripeServer
) -> None:
    await customer(farm)
    await backlog(farm, 9, meter="nobody's", error="It was refused.")
    await backlog(farm, 5)
    with pytest.raises(UsageNotReported):  # one batch, then its time is over
        await reporter(farm, stripe, at_once=5, send_for=SOON).tick(await farm.lead())
    assert (stripe.sum_of("gpu"), len(stripe.requests)) == (5, 5)
    with pytest.raises(UsageNotReported):
        await reporter(farm, stripe, at_once=5).tick(await farm.lead())
    assert len(stripe.requests) == 5 + 9


async def test_a_project_whose_hour_cannot_be_cut_keeps_no_other_from_being_told(
    farm: Farm, stripe: StripeServer
) -> None:
    await customer(farm)
    async with farm.db.transaction() as tx:
        other = await ensure_project(tx, slug="other", name="Other")
        await set_profile(tx, project_id=other, changes={"stripe_customer": "cus_2"})
    await farm.execute("update billing_profile set reported_until = now() - interval '3 days'")
    [good, bad] = sorted([farm.project_id, other], reverse=True)
    at = datetime.now(UTC) - timedelta(hours=5)
    for project_id in (good, bad):
        await book(farm, at=at, version=None, gpu_us=2_000_000, cost="0", project_id=project_id)
    await farm.execute(
        "insert into usage_report (project_id, customer, unit, meter, value, since, until, due_at) values (:project,"
        " 'cus', 'gpu_second', 'gpu', 9, date_trunc('hour', cast(:at as timestamptz), 'UTC'),"
        " date_trunc('hour', cast(:at as timestamptz), 'UTC') + interval '1 hour', now() + interval '1 day')",
        project=bad,
        at=at,
    )
    with capture_logs() as logs:
        assert await reporter(farm, stripe).tick(await farm.lead()) == 1
    assert stripe.sum_of("gpu") == 2
    assert [log["project_id"] for log in logs if log["event"] == "usage_not_cut"] == [str(bad)]
