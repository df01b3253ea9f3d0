"""Invoices and credit notes: made once, numbered without a gap, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import insert, select

from db._query import run
from db.billing.prices import currency_of_farm
from db.billing.profiles import read_profile
from db.dispatch.leadership import hold_epoch
from db.events import append_project_event
from db.session import Database, Transaction
from db.tables import INVOICE, INVOICE_LINE, INVOICE_MONTH, PROJECT
from jobs.billing import plain
from jobs.errors import Conflict, InvalidInput, NotFound
from jobs.events import EventKind
from jobs.invoicing import (
    DocumentKind,
    InvoicePeriod,
    Totals,
    UsageUnit,
    credit_note_totals,
    invoice_totals,
    minor_digits,
    rounded,
)

_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What stands on an invoice beside what was used."""

    seller: str
    seller_tax_id: str
    tax_rate: Decimal
    """A fraction: 0.19."""
    prefix: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    pool: str | None
    """None: what was stored and sent, which is in no pool."""
    unit: UsageUnit
    price_version: int
    unit_price: Decimal
    quantity: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRow:
    """A document without its lines; amounts of a credit note are negative."""

    serial: int
    number: str
    prefix: str
    kind: DocumentKind
    month: date
    corrects: str | None
    reference: str | None
    reason: str
    seller: str
    seller_tax_id: str
    recipient: str
    tax_id: str
    currency: str
    minor_digits: int
    since: datetime
    until: datetime
    first_day: date
    last_day: date
    zone: str
    subtotal: Decimal
    credits: Decimal
    net: Decimal
    tax_rate: Decimal
    tax: Decimal
    total: Decimal
    note: str
    created_by: str
    issued_at: datetime


_COLUMNS = [INVOICE.c[name] for name in InvoiceRow.__dataclass_fields__]
_PERIOD = [INVOICE_MONTH.c[name] for name in InvoicePeriod.__dataclass_fields__]


async def last_period(tx: Transaction) -> InvoicePeriod | None:
    """The last month that invoices were begun for."""
    found = await tx.execute(select(*_PERIOD).order_by(INVOICE_MONTH.c.month.desc()).limit(1))
    row = found.mappings().one_or_none()
    return InvoicePeriod(**row) if row else None


async def database_now(tx: Transaction) -> datetime:
    now: datetime = (await run(tx, "database_now")).scalar_one()
    return now


async def begin_period(db: Database, period: InvoicePeriod, *, epoch: int) -> bool:
    """From now on this is what invoices of the month cover; False while a day of storage is not in the ledger yet."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        if (await run(tx, "storage_days_open", last_day=period.last_day)).scalar_one():
            return False
        await tx.execute(insert(INVOICE_MONTH).values(**asdict(period)))
        return True


async def projects_to_invoice(
    tx: Transaction, period: InvoicePeriod, *, after: UUID | None = None, limit: int
) -> Sequence[UUID]:
    """Those that owe something for the month and have no invoice of it."""
    found = await run(
        tx,
        "projects_to_invoice",
        after=after or _NOBODY,
        month=period.month,
        since=period.since,
        until=period.until,
        first_day=period.first_day,
        last_day=period.last_day,
        limit=limit,
    )
    return found.scalars().all()


async def issue_invoice(
    db: Database, period: InvoicePeriod, *, project_id: UUID, terms: Terms, epoch: int
) -> InvoiceRow:
    """The lines are the ledger's sums; what credits paid for is deducted before tax."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        lines = await _lines_of_ledger(tx, period, project_id=project_id)
        left = await run(tx, "credits_to_deduct", project_id=project_id, until=period.until, last_day=period.last_day)
        currency = await currency_of_farm(tx)
        if currency is None:  # what costs has a price, and a price its currency
            raise LookupError("The farm has no currency.")
        digits = minor_digits(currency)
        totals = invoice_totals(
            subtotal=sum((line.amount for line in lines), Decimal(0)),
            credits_left=left.scalar_one(),
            tax_rate=terms.tax_rate,
            digits=digits,
        )
        profile = await read_profile(tx, project_id=project_id)
        name = (await tx.execute(select(PROJECT.c.name).where(PROJECT.c.id == project_id))).scalar_one()
        return await _write(
            tx,
            project_id=project_id,
            lines=lines,
            totals=totals,
            kind=DocumentKind.INVOICE,
            **asdict(terms),
            **asdict(period),
            recipient=profile.recipient or name,
            tax_id=profile.tax_id,
            currency=currency,
            minor_digits=digits,
            created_by="invoicer",
        )


async def add_credit_note(
    tx: Transaction, *, project_id: UUID, number: str, amount: Decimal, reference: str, reason: str, by: str
) -> tuple[InvoiceRow, bool]:
    """Take ``amount``, before tax, of an invoice back; whether the note is new.

    The same reference again is the same note. Raises ``NotFound``, ``InvalidInput`` for more digits than the currency
    has, ``Conflict`` where the notes would exceed their invoice or the reference is another note's.
    """
    invoice = await read_invoice(tx, project_id=project_id, number=number, lock=True)
    if invoice.kind is not DocumentKind.INVOICE:
        raise InvalidInput(
            f"{number} is no invoice.", field="number", remedy="Name the invoice that is to be corrected."
        )
    if amount <= 0 or rounded(amount, invoice.minor_digits) != amount:
        raise InvalidInput(
            f"{plain(amount)} is no amount of {invoice.currency} that can be paid.",
            field="amount",
            remedy=f"Name a positive amount with up to {invoice.minor_digits} digits behind the point.",
        )
    notes = select(*_COLUMNS).where(
        INVOICE.c.project_id == project_id, INVOICE.c.kind == DocumentKind.CREDIT_NOTE.value
    )
    same = (await tx.execute(notes.where(INVOICE.c.reference == reference))).mappings().one_or_none()
    if same is not None:
        if same["net"] != -amount or same["corrects"] != number:
            raise Conflict(
                f"The reference {reference!r} is that of {same['number']}.", remedy="Give each note its own reference."
            )
        return _row(dict(same)), False
    before = (await tx.execute(notes.where(INVOICE.c.corrects == number))).mappings().all()
    noted = -sum((row["net"] for row in before), Decimal(0))
    if noted + amount > invoice.net:
        raise Conflict(
            f"{number} is {plain(invoice.net)} {invoice.currency} before tax, and {plain(noted)} of it is taken back.",
            remedy=f"Name {plain(invoice.net - noted)} at most.",
        )
    totals = credit_note_totals(amount=amount, noted=noted, tax_rate=invoice.tax_rate, digits=invoice.minor_digits)
    kept = {
        name: getattr(invoice, name)
        for name in InvoiceRow.__dataclass_fields__
        if name not in ("serial", "number", "kind", "issued_at", *Totals.__dataclass_fields__)
    }
    note = {
        **kept,
        "corrects": number,
        "reference": reference,
        "reason": reason,
        "created_by": by,
    }
    row = await _write(tx, project_id=project_id, lines=(), totals=totals, kind=DocumentKind.CREDIT_NOTE, **note)
    return row, True


async def read_invoice(tx: Transaction, *, project_id: UUID, number: str, lock: bool = False) -> InvoiceRow:
    """``lock``: until the end of the transaction nobody else corrects it. Raises ``NotFound``."""
    query = select(*_COLUMNS).where(INVOICE.c.project_id == project_id, INVOICE.c.number == number)
    row = (await tx.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"The project has no invoice {number!r}.", remedy="GET …/invoices lists them.")
    return _row(dict(row))


async def lines_of(tx: Transaction, serial: int) -> list[InvoiceLine]:
    columns = [INVOICE_LINE.c[name] for name in InvoiceLine.__dataclass_fields__]
    found = await tx.execute(select(*columns).where(INVOICE_LINE.c.serial == serial).order_by(INVOICE_LINE.c.position))
    return [_line(dict(row)) for row in found.mappings()]


async def list_invoices(
    tx: Transaction, *, project_id: UUID, before: int | None = None, limit: int
) -> list[InvoiceRow]:
    """The newest first, from behind the one with that serial on."""
    query = select(*_COLUMNS).where(INVOICE.c.project_id == project_id).order_by(INVOICE.c.serial.desc()).limit(limit)
    found = await tx.execute(query if before is None else query.where(INVOICE.c.serial < before))
    return [_row(dict(row)) for row in found.mappings()]


async def _lines_of_ledger(tx: Transaction, period: InvoicePeriod, *, project_id: UUID) -> list[InvoiceLine]:
    found = await run(
        tx,
        "invoice_lines",
        project_id=project_id,
        since=period.since,
        until=period.until,
        first_day=period.first_day,
        last_day=period.last_day,
    )
    return [_line(dict(row)) for row in found.mappings()]


async def _write(
    tx: Transaction,
    *,
    project_id: UUID,
    lines: Sequence[InvoiceLine],
    totals: Totals,
    kind: DocumentKind,
    prefix: str,
    **values: object,
) -> InvoiceRow:
    """Last in its transaction: the lock on the counter is the farm's only one that all documents share."""
    serial = (await run(tx, "next_invoice_number")).scalar_one()
    number = f"{prefix}{serial:06}"
    made = await tx.execute(
        insert(INVOICE)
        .values(
            serial=serial,
            number=number,
            prefix=prefix,
            kind=kind.value,
            project_id=project_id,
            **asdict(totals),
            **values,
        )
        .returning(*_COLUMNS)
    )
    row = _row(dict(made.mappings().one()))
    if lines:
        rows = [
            {"serial": serial, "position": position, **asdict(line), "unit": line.unit.value}
            for position, line in enumerate(lines, start=1)
        ]
        await tx.execute(insert(INVOICE_LINE), rows)
    await append_project_event(
        tx,
        project_id=project_id,
        kind=EventKind.INVOICE_ISSUED if kind is DocumentKind.INVOICE else EventKind.CREDIT_NOTE_ISSUED,
        data={"number": number, "month": str(row.month), "total": plain(row.total), "currency": row.currency},
    )
    return row


def _row(row: dict[str, object]) -> InvoiceRow:
    return InvoiceRow(**{**row, "kind": DocumentKind(str(row["kind"]))})  # type: ignore[arg-type]


def _line(row: dict[str, object]) -> InvoiceLine:
    return InvoiceLine(**{**row, "unit": UsageUnit(str(row["unit"]))})  # type: ignore[arg-type]
