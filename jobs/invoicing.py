"""What an invoice adds up to. ``db.billing.invoices`` keeps them.

The one rule of rounding: lines and their sum are the ledger's exact amounts; the net amount and the tax are each
rounded once, to the currency's smallest unit, half away from zero. The total is their sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

_EXACT = Context(prec=76)
"""Above every sum of the ledger's 38 digits."""

_MINOR_DIGITS: Mapping[str, int] = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF"), 0
    ),
    **dict.fromkeys(("XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""Digits of a currency's smallest unit where they are not two (ISO 4217, list one)."""

SETTLED_AFTER = timedelta(hours=1)
"""A time that is over for so long gets no more rows of the ledger: their transactions take seconds."""


class DocumentKind(StrEnum):
    """Both have their numbers of one series."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class UsageUnit(StrEnum):
    """What a line counts."""

    GPU_SECOND = "gpu_second"
    CPU_SECOND = "cpu_second"
    BYTE_MONTH = "byte_month"
    BYTE_SENT = "byte_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Of an invoice; of a credit note all but ``credits`` are negative."""

    subtotal: Decimal
    credits: Decimal
    net: Decimal
    tax: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePeriod:
    """A calendar month in a zone, and the days (UTC) of storage that are its."""

    month: date
    since: datetime
    until: datetime
    first_day: date
    last_day: date
    zone: str


def minor_digits(currency: str) -> int:
    return _MINOR_DIGITS.get(currency, 2)


def rounded(amount: Decimal, digits: int) -> Decimal:
    """Half away from zero, which is what PostgreSQL's ``round`` does too."""
    return amount.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP, context=_EXACT)


def invoice_totals(*, subtotal: Decimal, credits_left: Decimal, tax_rate: Decimal, digits: int) -> Totals:
    """``credits_left``: what credits paid for and no invoice has deducted; they reduce the amount that is taxed."""
    applied = max(Decimal(0), min(credits_left, subtotal))
    net = rounded(_EXACT.subtract(subtotal, applied), digits)
    tax = rounded(_EXACT.multiply(net, tax_rate), digits)
    return Totals(subtotal=subtotal, credits=applied, net=net, tax=tax, total=_EXACT.add(net, tax))


def credit_note_totals(*, amount: Decimal, noted: Decimal, tax_rate: Decimal, digits: int) -> Totals:
    """``noted``: net amounts of the notes before. Tax goes by their sum, so that notes over all of an invoice take back
    exactly its tax."""
    with_this = rounded(_EXACT.multiply(_EXACT.add(noted, amount), tax_rate), digits)
    tax = _EXACT.subtract(rounded(_EXACT.multiply(noted, tax_rate), digits), with_this)
    net = -rounded(amount, digits)
    return Totals(subtotal=net, credits=Decimal(0), net=net, tax=tax, total=_EXACT.add(net, tax))


def invoice_period(
    month: date, *, zone: str, since: datetime | None = None, first_day: date | None = None
) -> InvoicePeriod:
    """The month in that zone; ``since`` and ``first_day``: where the invoices before it ended."""
    last_day = following(month) - timedelta(days=1)
    return InvoicePeriod(
        month=month,
        since=since or _begins(month, zone),
        until=_begins(following(month), zone),
        first_day=first_day or month,
        last_day=last_day,
        zone=zone,
    )


def is_due(period: InvoicePeriod, *, day: int, now: datetime) -> bool:
    """Whether ``day`` of the month behind has begun, and the ledger of the period is complete."""
    begins = _begins(following(period.month), period.zone, days=day - 1)
    days_are_over = datetime.combine(period.last_day + timedelta(days=1), time(), UTC)
    return now >= max(begins, period.until + SETTLED_AFTER, days_are_over + SETTLED_AFTER)


def following(month: date) -> date:
    """The first day of the next month."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def month_before(now: datetime, zone: str) -> date:
    """The last month that is over there."""
    return (now.astimezone(ZoneInfo(zone)).date().replace(day=1) - timedelta(days=1)).replace(day=1)


def _begins(day: date, zone: str, *, days: int = 0) -> datetime:
    return datetime.combine(day + timedelta(days=days), time(), ZoneInfo(zone)).astimezone(UTC)


class ReportUnit(StrEnum):
    """What a billing service outside may count; whole ones, the rest goes into the next report."""

    GPU_SECOND = "gpu_second"
    CPU_SECOND = "cpu_second"
    GIGABYTE_HOUR = "gigabyte_hour"
    """10^9 bytes stored for an hour."""
    MICRO_COST = "micro_cost"
    """A millionth of the currency's main unit, of all that the farm's own prices ask for."""


def whole_units(amount: Decimal, rest: Decimal) -> tuple[int, Decimal]:
    """The whole units of an amount and of what the reports before have left, and what is left now."""
    exact = _EXACT.add(amount, rest)
    whole = int(exact)
    return whole, _EXACT.subtract(exact, Decimal(whole)).quantize(Decimal("1e-18"), rounding=ROUND_DOWN, context=_EXACT)
