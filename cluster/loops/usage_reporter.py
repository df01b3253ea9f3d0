"""Tells a billing service outside what its customers used, each hour once; the durable half is ``usage_reports``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta

import structlog

from cluster.loops.backoff import pause_before_next
from cluster.loops.base import Loop
from cluster.loops.stripe_sink import OLDEST, REMEMBERED, StripeSettings, StripeSink
from cluster.loops.usage_sink import MeterReading, Refused, Taken, Unclear, UsageSink
from db.billing.invoices import database_now
from db.billing.usage_reports import (
    DueReport,
    claim_reports,
    cut_reports,
    end_old_reports,
    finish_report,
    projects_to_report,
    reports_in_trouble,
    retry_report,
)
from db.errors import DatabaseUnavailable, LostLeadership
from db.session import Database
from jobs.errors import Unavailable
from jobs.invoicing import ReportUnit

_log = structlog.get_logger(__name__)

PROJECTS = 100
"""Whose next hour is cut in one tick."""


class UsageNotReported(Unavailable):
    """The billing service has not taken all of the usage."""

    code = "usage-not-reported"


class UsageReporter:
    """A loop (``cluster.loops.base``)."""

    name = "usage-reporter"

    def __init__(
        self, *, database: Database, settings: StripeSettings, meters: Mapping[ReportUnit, str], sink: UsageSink
    ) -> None:
        self.every = settings.every
        self._database = database
        self._settings = settings
        self._meters = meters
        self._sink = sink
        self._lease = 2 * settings.timeout + timedelta(seconds=5)

    async def tick(self, epoch: int) -> int:
        """Cut what is over and send what is due; how many reports were sent.

        Raises ``UsageNotReported`` at its end for as long as a report is refused or unclear, so that it is seen.
        """
        await self._cut(epoch)
        await end_old_reports(self._database, remembered=REMEMBERED, oldest=OLDEST, epoch=epoch)
        sent = await self._send(epoch)
        async with self._database.transaction() as tx:
            count, oldest = await reports_in_trouble(tx)
        if count:
            raise UsageNotReported(
                f"{count} reports of usage are not known to have arrived; the oldest is of {oldest}",
                remedy="GET /v1/projects/{slug}/usage-reports has them all.",
            )
        return sent

    async def _send(self, epoch: int) -> int:
        """All that is due now, one batch of ``at_once`` after the other; each at most once, however short its pause."""
        async with self._database.transaction() as tx:
            due_by = await database_now(tx)
        sent, began, most = 0, time.monotonic(), self._settings.at_once
        while True:
            due = await claim_reports(self._database, due_by=due_by, limit=most, lease=self._lease, epoch=epoch)
            told = await asyncio.gather(*(self._tell(report, epoch) for report in due), return_exceptions=True)
            for each in told:
                if isinstance(each, BaseException):
                    raise each
            sent += sum(each is True for each in told)
            if len(due) < most or time.monotonic() - began >= self._settings.send_for.total_seconds():
                return sent

    async def _cut(self, epoch: int) -> None:
        async with self._database.transaction() as tx:
            projects = await projects_to_report(tx, limit=PROJECTS)
        for project_id in projects:
            try:
                await cut_reports(self._database, project_id=project_id, meters=self._meters, epoch=epoch)
            except (LostLeadership, DatabaseUnavailable):
                raise
            except Exception:  # one project's rows keep nobody else's from being reported
                _log.exception("usage_not_cut", project_id=str(project_id))

    async def _tell(self, report: DueReport, epoch: int) -> bool:
        outcome = await self._sink.tell(
            MeterReading(
                identifier=str(report.id),
                attempt=report.attempts,
                customer=report.customer,
                meter=report.meter,
                value=report.value,
                at=report.until - timedelta(seconds=1),  # within the time, also where a billing period ends with it
            )
        )
        match outcome:
            case Taken():
                await finish_report(self._database, report, epoch=epoch)
                return True
            case Refused(reason) | Unclear(reason):
                _log.warning(
                    "usage_not_reported", report=str(report.id), project_id=str(report.project_id), error=reason
                )
                await retry_report(
                    self._database,
                    report,
                    error=reason,
                    pause=self._pause(report.attempts),
                    may_be_there=isinstance(outcome, Unclear),
                    epoch=epoch,
                )
                return False

    def _pause(self, attempts: int) -> timedelta:
        return pause_before_next(attempts, first=self._settings.first_pause, longest=self._settings.longest_pause)


def usage_reporters(*, database: Database, settings: StripeSettings) -> tuple[Loop, ...]:
    """None where nobody is to be told."""
    if settings.api_key is None or not settings.meters:
        return ()
    sink = StripeSink(key=settings.api_key, base=str(settings.api_base), timeout=settings.timeout)
    return (UsageReporter(database=database, settings=settings, meters=settings.meters, sink=sink),)
