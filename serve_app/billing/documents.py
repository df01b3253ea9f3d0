"""An invoice in the form that was asked for: JSON, CSV or PDF, by suffix or by ``Accept`` (RFC 9110 section 12.5.1)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from enum import StrEnum

from db.billing.invoices import InvoiceLine, InvoiceRow
from jobs.billing import plain
from jobs.errors import NotAcceptable
from serve_app.billing.invoice_schemas import InvoiceLineView, InvoiceSummary, InvoiceView

COLUMNS = ("position", "pool", "unit", "price_version", "unit_price", "quantity", "amount", "currency")


class DocumentFormat(StrEnum):
    JSON = "json"
    CSV = "csv"
    PDF = "pdf"

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self]


_SUFFIXES = frozenset(each.value for each in DocumentFormat)
_MEDIA_TYPES = {
    DocumentFormat.JSON: "application/json",
    DocumentFormat.CSV: "text/csv",
    DocumentFormat.PDF: "application/pdf",
}


def split_suffix(name: str) -> tuple[str, DocumentFormat | None]:
    """``INV-000001.pdf`` is the number and the form; no number has a point in it."""
    number, point, suffix = name.rpartition(".")
    if point and suffix in _SUFFIXES:
        return number, DocumentFormat(suffix)
    return name, None


def negotiated(accept: str | None) -> DocumentFormat:
    """The form with the highest quality; of equal ones JSON before PDF before CSV. Raises ``NotAcceptable``."""
    if not (accept or "").strip():
        return DocumentFormat.JSON
    ranges = [_range(item) for item in (accept or "").split(",") if item.strip()]
    order = (DocumentFormat.JSON, DocumentFormat.PDF, DocumentFormat.CSV)
    best = max(order, key=lambda form: _quality(form.media_type, ranges))
    if _quality(best.media_type, ranges) <= 0:
        raise NotAcceptable(remedy="Ask for application/json, text/csv or application/pdf.")
    return best


def summary_of(row: InvoiceRow) -> InvoiceSummary:
    return InvoiceSummary(**_summary(row))


def view_of(row: InvoiceRow, lines: Sequence[InvoiceLine]) -> InvoiceView:
    return InvoiceView(
        **_summary(row),
        seller=row.seller,
        seller_tax_id=row.seller_tax_id,
        recipient=row.recipient,
        tax_id=row.tax_id,
        since=row.since,
        until=row.until,
        first_day=row.first_day,
        last_day=row.last_day,
        zone=row.zone,
        note=row.note,
        lines=[
            InvoiceLineView(
                pool=line.pool,
                unit=line.unit,
                price_version=line.price_version,
                unit_price=plain(line.unit_price),
                quantity=plain(line.quantity),
                amount=plain(line.amount),
            )
            for line in lines
        ],
    )


def as_csv(invoice: InvoiceView) -> str:
    """A row for each line, then one for each sum, with its name as the unit."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for position, line in enumerate(invoice.lines, start=1):
        writer.writerow(
            [
                position,
                cell(line.pool or ""),
                line.unit,
                line.price_version,
                line.unit_price,
                line.quantity,
                line.amount,
                invoice.currency,
            ]
        )
    for name in ("subtotal", "credits", "net", "tax", "total"):
        writer.writerow(["", "", name, "", "", "", getattr(invoice, name), invoice.currency])
    return text.getvalue()


def cell(text: str) -> str:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text


def _summary(row: InvoiceRow) -> dict[str, object]:
    names = InvoiceSummary.model_fields
    values = {name: getattr(row, name) for name in names}
    money = {name: f"{values[name]:.{row.minor_digits}f}" for name in ("net", "tax", "total")}
    return {**values, **{name: plain(values[name]) for name in ("subtotal", "credits", "tax_rate")}, **money}


def _range(item: str) -> tuple[str, float]:
    name, *parameters = [part.strip().lower() for part in item.split(";")]
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                quality = min(max(float(value), 0.0), 1.0)
            except ValueError:
                quality = 0.0
    return name, quality


def _quality(media_type: str, ranges: Iterable[tuple[str, float]]) -> float:
    """Of the most specific range that holds it."""
    known = dict(ranges)
    for name in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        if name in known:
            return known[name]
    return 0.0
