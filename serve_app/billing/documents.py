"""An invoice in the form that was asked for: JSON, CSV or PDF, by suffix or by ``Accept`` (RFC 9110 section 12.5.1)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from enum import StrEnum

from db.billing.invoices import InvoiceLine, InvoiceRow
from jobs.billing import plain
from serve_app.accept import accepted_ranges, best_range
from serve_app.billing.invoice_schemas import InvoiceLineView, InvoiceSummary, InvoiceView
from serve_app.csv_cells import cell
from serve_app.problems import NotAcceptable

COLUMNS = ("position", "pool", "unit", "price_version", "unit_price", "quantity", "amount", "currency")


class DocumentFormat(StrEnum):
    JSON = "json"
    PDF = "pdf"
    CSV = "csv"

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
    """The form with the highest quality; of equal ones that which is named first, else JSON.

    Raises ``NotAcceptable``.
    """
    if not (accept or "").strip():
        return DocumentFormat.JSON
    ranges = list(accepted_ranges(accept or ""))
    ranked = [(*best_range(form.media_type, ranges), form) for form in DocumentFormat]
    quality, _, best = max(ranked, key=lambda each: (each[0], -each[1]))
    if quality <= 0:
        raise NotAcceptable(
            "An invoice is JSON, CSV or PDF.",
            remedy="Accept one of these, or name the form as a suffix of the number.",
            acceptable=[form.media_type for form in DocumentFormat],
        )
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


def _summary(row: InvoiceRow) -> dict[str, object]:
    names = InvoiceSummary.model_fields
    values = {name: getattr(row, name) for name in names}
    money = {name: f"{values[name]:.{row.minor_digits}f}" for name in ("net", "tax", "total")}
    return {**values, **{name: plain(values[name]) for name in ("subtotal", "credits", "tax_rate")}, **money}
