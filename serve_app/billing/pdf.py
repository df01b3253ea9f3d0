"""Prints an invoice as PDF: the same bytes for the same invoice and font."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import reportlab
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas

from jobs.errors import InvalidInput
from jobs.invoicing import DocumentKind, UsageUnit
from serve_app.billing.invoice_schemas import InvoiceLineView, InvoiceView

_LEFT, _RIGHT = 56.0, A4[0] - 56.0
_TOP, _BOTTOM = A4[1] - 56.0, 64.0
_SIZE, _LEADING = 9.0, 13.0
_COLUMNS = (_LEFT + 170, _LEFT + 290, _LEFT + 385)
"""Right edges of what stands between the first column and the amount."""

_UNITS = {
    UsageUnit.GPU_SECOND: "GPU seconds",
    UsageUnit.CPU_SECOND: "CPU seconds",
    UsageUnit.BYTE_MONTH: "bytes stored × months",
    UsageUnit.BYTE_SENT: "bytes sent",
}


class InvoicePrinter:
    """One font for all. ``font``: a TrueType file; None: Bitstream Vera, which has Western Europe's letters."""

    def __init__(self, font: Path | None = None) -> None:
        path = font or Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
        try:
            self._font = TTFont(f"rayfarm-{path.resolve()}", str(path))
        except (TTFError, OSError) as error:
            raise InvalidInput(
                f"Invoices cannot be printed with {path.name}: {error}",
                field="invoice_font",
                remedy="Name a TrueType file (.ttf) in RAYFARM_API_INVOICE_FONT; fonts with PostScript outlines (CFF)"
                " will not do.",
            ) from error
        registerFont(self._font)

    def print(self, invoice: InvoiceView) -> bytes:
        return _Page(self._font, invoice).finish()

    def printable(self, text: str) -> str:
        """What the font has no glyph for is written by its number (``<U+6F22>``): visible, and never a wrong letter."""
        return _printable(self._font, text)


class _Page:
    def __init__(self, font: TTFont, invoice: InvoiceView) -> None:
        self._font = font
        self._invoice = invoice
        self._file = io.BytesIO()
        self._canvas = Canvas(self._file, pagesize=A4, invariant=1, pageCompression=1)
        self._number = 0
        name = "Invoice" if invoice.kind is DocumentKind.INVOICE else "Credit note"
        self._title = f"{name} {invoice.number}"
        self._canvas.setTitle(_printable(font, self._title))
        self._canvas.setAuthor(_printable(font, invoice.seller.split("\n")[0]))
        self._canvas.setCreator("Rayfarm")
        self._begin()

    def finish(self) -> bytes:
        self._head()
        if self._invoice.lines:
            self._table(self._invoice.lines)
        self._sums()
        if self._invoice.note:
            self._skip(2)
            self._paragraph(self._invoice.note)
        self._canvas.showPage()
        self._canvas.save()
        return self._file.getvalue()

    def _head(self) -> None:
        invoice = self._invoice
        self._paragraph(invoice.seller)
        if invoice.seller_tax_id:
            self._line(f"Tax number: {invoice.seller_tax_id}")
        self._skip(2)
        self._paragraph(invoice.recipient)
        if invoice.tax_id:
            self._line(f"Tax number: {invoice.tax_id}")
        self._skip(2)
        self._line(self._title, size=15)
        self._skip(0.6)
        self._line(f"Date: {invoice.issued_at:%Y-%m-%d}")
        if invoice.corrects:
            self._line(f"Corrects invoice {invoice.corrects} of {invoice.month:%Y-%m}")
            self._paragraph(f"Reason: {invoice.reason}" if invoice.reason else "")
        else:
            self._line(
                f"Rendering in {invoice.month:%Y-%m} ({invoice.zone}); storage from {invoice.first_day} to "
                f"{invoice.last_day} (UTC)"
            )
        self._skip(1)

    def _table(self, lines: Sequence[InvoiceLineView]) -> None:
        self._row("Pool, unit", "Quantity", "Unit price", "Version", f"Amount {self._invoice.currency}")
        self._rule()
        for line in lines:
            pool = line.pool or "storage"
            self._line(f"{pool}, {_UNITS[line.unit]}")
            self._row("", line.quantity, line.unit_price, str(line.price_version), line.amount)
        self._rule()

    def _sums(self) -> None:
        invoice = self._invoice
        if invoice.kind is DocumentKind.INVOICE:
            self._row("Sum", "", "", "", invoice.subtotal)
            if invoice.credits != "0":
                self._row("Paid in advance", "", "", "", f"-{invoice.credits}")
        self._row("Net", "", "", "", invoice.net)
        percent = f"{float(invoice.tax_rate) * 100:.4f}".rstrip("0").rstrip(".")
        self._row(f"Tax {percent} %", "", "", "", invoice.tax)
        self._rule()
        self._row(f"Total {invoice.currency}", "", "", "", invoice.total)

    def _row(self, first: str, *others: str) -> None:
        self._line(first)
        for edge, text in zip((*_COLUMNS, _RIGHT), others, strict=True):
            self._canvas.drawRightString(edge, self._y + _LEADING, _printable(self._font, text))

    def _paragraph(self, text: str) -> None:
        for line in text.split("\n"):
            for part in self._wrapped(_printable(self._font, line)):
                self._line(part)

    def _wrapped(self, line: str) -> list[str]:
        """Broken at blanks where there are some, and within a word that is wider than the page."""
        parts, part = [], ""
        for word in line.split(" "):
            longer = f"{part} {word}" if part else word
            if not part or self._width(longer) <= _RIGHT - _LEFT:
                part = longer
            else:
                parts.append(part)
                part = word
            while self._width(part) > _RIGHT - _LEFT:
                cut = next(n for n in range(len(part), 0, -1) if n == 1 or self._width(part[:n]) <= _RIGHT - _LEFT)
                parts.append(part[:cut])
                part = part[cut:]
        return [*parts, part]

    def _width(self, text: str) -> float:
        return float(stringWidth(text, self._font.fontName, _SIZE))

    def _line(self, text: str, *, size: float = _SIZE) -> None:
        if self._y < _BOTTOM:
            self._canvas.showPage()
            self._begin()
        self._canvas.setFont(self._font.fontName, size)
        self._canvas.drawString(_LEFT, self._y, _printable(self._font, text))
        self._canvas.setFont(self._font.fontName, _SIZE)
        self._y -= _LEADING

    def _rule(self) -> None:
        self._canvas.setLineWidth(0.5)
        self._canvas.line(_LEFT, self._y + _LEADING - 3, _RIGHT, self._y + _LEADING - 3)
        self._skip(0.2)

    def _skip(self, lines: float) -> None:
        self._y -= lines * _LEADING

    def _begin(self) -> None:
        self._number += 1
        self._y = _TOP
        self._canvas.setFont(self._font.fontName, _SIZE)
        foot = _printable(self._font, f"{self._title}, page {self._number}")
        self._canvas.drawRightString(_RIGHT, _BOTTOM - 30, foot)


def _printable(font: TTFont, text: str) -> str:
    glyphs = font.face.charToGlyph
    return "".join(char if ord(char) in glyphs else f"<U+{ord(char):04X}>" for char in text)
