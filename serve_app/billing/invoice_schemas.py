"""Invoices and credit notes, and whom they are for. Amounts are decimal strings."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from jobs.invoicing import DocumentKind, UsageUnit
from serve_app.billing.schemas import Amount, Note

Lines = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")]
"""Text of several lines."""


class ProfileChange(BaseModel):
    """Whom a project's invoices are for, from the next one on. An absent field stays as it is."""

    model_config = ConfigDict(extra="forbid")

    recipient: Lines = Field(default_factory=str, description="Name and address, in lines; empty: the project's name.")
    tax_id: Annotated[str, Field(max_length=64, pattern=r"^[\x20-\x7e]*$")] = Field(default_factory=str)
    stripe_customer: Annotated[str, Field(max_length=255, pattern=r"^cus_[A-Za-z0-9]+$")] | None = Field(
        default_factory=lambda: None,
        description="Whom Stripe is told the project's usage of, from now on; null: it is told nothing but what was "
        "used until now.",
    )


class ProfileView(ProfileChange):
    """Whom a project's invoices are for."""


class InvoiceLineView(BaseModel):
    """What was used of one unit, in one pool, at one price."""

    pool: str | None = Field(description="null: what was stored and sent, which is in no pool.")
    unit: UsageUnit
    price_version: int
    unit_price: str
    quantity: str = Field(description="Exact; of `byte_month` rounded to six digits, the amount is not.")
    amount: str = Field(description="The sum of the ledger's rows; not rounded.")


class InvoiceSummary(BaseModel):
    """An invoice or a credit note; it never changes."""

    number: str
    kind: DocumentKind
    month: dt.date = Field(description="First day of the month that it is of.")
    corrects: str | None = Field(description="Of a credit note: the number of its invoice.")
    reference: str | None = Field(description="Of a credit note: the name that was given with the request.")
    reason: str
    currency: str
    subtotal: str = Field(description="The sum of the lines; not rounded.")
    credits: str = Field(description="Paid in advance; deducted before tax.")
    net: str = Field(
        description="`subtotal` - `credits`, rounded to the currency's smallest unit, half away from zero."
    )
    tax_rate: str = Field(description="A fraction of `net`: 0.19 is 19 %.")
    tax: str = Field(description="Rounded in the same way.")
    total: str = Field(description="`net` + `tax`; negative on a credit note.")
    issued_at: dt.datetime


class InvoiceView(InvoiceSummary):
    """An invoice or a credit note with all that it says."""

    seller: str
    seller_tax_id: str
    recipient: str
    tax_id: str
    since: dt.datetime
    until: dt.datetime = Field(description="Not included.")
    first_day: dt.date = Field(description="Of storage, which is kept by days in UTC.")
    last_day: dt.date
    zone: str
    note: str
    lines: list[InvoiceLineView]


class NewCreditNote(BaseModel):
    """Takes an invoice back, or a part of it."""

    model_config = ConfigDict(extra="forbid")

    amount: Amount = Field(description="Before tax; no more than what earlier notes have left of the invoice.")
    reference: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            pattern=r"^[\x21-\x7e]+$",
            description="Your own name of the correction. The same again is the same note.",
        ),
    ]
    reason: Note = ""
