"""Makes the invoices of a month that is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from db.billing.invoices import Terms, begin_period, database_now, issue_invoice, last_period, projects_to_invoice
from db.errors import DatabaseUnavailable, LostLeadership
from db.session import Database
from jobs.invoicing import InvoicePeriod, following, invoice_period, is_due, month_before
from jobs.settings import FarmSettings

_log = structlog.get_logger(__name__)

BATCH = 50
"""Invoices of one tick; each reads a month of its project's ledger."""


class InvoiceSettings(FarmSettings):
    """Read from ``RAYFARM_INVOICES_*``."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_INVOICES_", frozen=True)

    seller: str | None = None
    """Name and address of who sends the invoices, in lines. None: no invoices are made."""

    seller_tax_id: str = ""
    """Tax number of the seller, as it is to stand on invoices."""

    tax_rate: Annotated[Decimal, Field(ge=0, lt=1, decimal_places=6)] = Decimal(0)
    """Fraction of the net amount (0.19 is 19 %), the same for all projects."""

    prefix: Annotated[str, Field(max_length=16, pattern=r"^[A-Z0-9-]*$")] = "INV-"
    """Before the number; the numbers go on whatever stands before them."""

    zone: str = "UTC"
    """In which a month begins and ends (a name of the IANA database). Storage is kept by days in UTC in any zone."""

    day: Annotated[int, Field(ge=1, le=28)] = 2
    """Of the next month, on which the invoices of the month behind are made."""

    note: str = ""
    """At the end of each invoice: terms of payment, an account."""

    every: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(minutes=10)
    """How often it is looked whether invoices are due."""

    @field_validator("zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{name!r} is no time zone that this machine knows.") from error
        return name


class Invoicer:
    """A loop (``cluster.loops.base``). What is done is in the rows: whoever leads goes on with the projects that have
    no invoice yet, and no month is begun before the one before it is complete. ``clock`` None: the database's, by which
    the ledger's rows have their times; a wrong clock of this machine invoices no month that is not over."""

    name = "invoicer"

    def __init__(
        self,
        *,
        database: Database,
        settings: InvoiceSettings,
        clock: Callable[[], datetime] | None = None,
        batch: int = BATCH,
    ) -> None:
        self.every = settings.every
        self._database = database
        self._settings = settings
        self._clock = clock
        self._batch = batch

    async def tick(self, epoch: int) -> int:
        """Some invoices of the oldest month that lacks any; how many."""
        if self._settings.seller is None:
            return 0
        terms = Terms(
            seller=self._settings.seller,
            seller_tax_id=self._settings.seller_tax_id,
            tax_rate=self._settings.tax_rate,
            prefix=self._settings.prefix,
            note=self._settings.note,
        )
        async with self._database.transaction() as tx:
            period = await last_period(tx)
            now = self._clock() if self._clock else await database_now(tx)
        if period is not None and (made := await self._invoice(period, terms, epoch)):
            return made
        due = self._next(period, now)
        if not is_due(due, day=self._settings.day, now=now):
            return 0
        return await self._invoice(due, terms, epoch) if await begin_period(self._database, due, epoch=epoch) else 0

    def _next(self, last: InvoicePeriod | None, now: datetime) -> InvoicePeriod:
        """The month after; at first the last one that is over, since nobody wants invoices of the time before."""
        zone = self._settings.zone
        if last is None:
            return invoice_period(month_before(now, zone), zone=zone)
        return invoice_period(
            following(last.month), zone=zone, since=last.until, first_day=last.last_day + timedelta(days=1)
        )

    async def _invoice(self, period: InvoicePeriod, terms: Terms, epoch: int) -> int:
        """Raises the first failure once the others of the batch are through."""
        made, failures = 0, list[Exception]()
        after: UUID | None = None
        while made < self._batch:
            async with self._database.transaction() as tx:
                due = await projects_to_invoice(tx, period, after=after, limit=self._batch)
            for project_id in due:
                try:
                    await issue_invoice(self._database, period, project_id=project_id, terms=terms, epoch=epoch)
                    made += 1
                except (LostLeadership, DatabaseUnavailable):
                    raise
                except Exception as error:
                    _log.exception("invoice_not_made", project_id=str(project_id), month=str(period.month))
                    failures.append(error)
            if len(due) < self._batch:
                break
            after = due[-1]
        if failures:
            raise failures[0]
        return made
