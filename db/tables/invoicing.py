"""Invoices, whom they are for, and usage that is told to a billing service outside."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlmodel import Field, SQLModel

from db.tables._columns import big_integer, instant, money, numeric, small_integer, words


class BillingProfileTable(SQLModel, table=True):
    """Whom a project's invoices are for, and who it is at Stripe."""

    __tablename__ = "billing_profile"

    project_id: UUID = Field(primary_key=True, foreign_key="project.id")
    recipient: str = words(default="")
    """Name and address, in lines."""
    tax_id: str = words(default="")
    stripe_customer: str | None = words(default=None)
    reported_until: datetime | None = instant(default=None)
    """Up to where usage stands in ``usage_report``."""
    reported_days: date | None = None
    """The last day of storage that stands there."""
    stops_at: datetime | None = instant(default=None)
    """The customer is none any more but for what was used before this."""
    updated_at: datetime = instant()


class InvoiceMonthTable(SQLModel, table=True):
    """What the invoices of a month cover; never changed."""

    __tablename__ = "invoice_month"

    month: date = Field(primary_key=True)
    since: datetime = instant()
    until: datetime = instant()
    first_day: date
    """Of storage, which is kept by days in UTC."""
    last_day: date
    zone: str = words()
    at: datetime = instant()


class InvoiceCounterTable(SQLModel, table=True):
    """The last number that was given; its lock is held until that document is committed."""

    __tablename__ = "invoice_counter"

    id: int = small_integer(primary_key=True, sa_column_kwargs={"autoincrement": False})
    last: int = big_integer()


class InvoiceTable(SQLModel, table=True):
    """An invoice or a credit note, with all that it says; never changed."""

    __tablename__ = "invoice"

    serial: int = big_integer(primary_key=True, sa_column_kwargs={"autoincrement": False})
    number: str = words(unique=True)
    prefix: str = words()
    kind: str = words()
    project_id: UUID = Field(foreign_key="project.id")
    month: date = Field(foreign_key="invoice_month.month")
    corrects: str | None = words(default=None, sa_column_args=[ForeignKey("invoice.number")])
    """Of a credit note: the invoice."""
    reference: str | None = words(default=None)
    reason: str = words(default="")
    seller: str = words()
    seller_tax_id: str = words()
    recipient: str = words()
    tax_id: str = words()
    currency: str = words()
    minor_digits: int = small_integer()
    since: datetime = instant()
    until: datetime = instant()
    first_day: date
    last_day: date
    zone: str = words()
    subtotal: Decimal = money()
    """The sum of the lines, which is that of the ledger; not rounded."""
    credits: Decimal = money()
    net: Decimal = money()
    tax_rate: Decimal = numeric(9, 6)
    tax: Decimal = money()
    total: Decimal = money()
    note: str = words(default="")
    created_by: str = words()
    issued_at: datetime = instant()


class InvoiceLineTable(SQLModel, table=True):
    """What was used of one unit in one pool at one price."""

    __tablename__ = "invoice_line"

    serial: int = big_integer(primary_key=True, sa_column_args=[ForeignKey("invoice.serial")])
    position: int = Field(primary_key=True)
    pool: str | None = words(default=None)
    unit: str = words()
    price_version: int
    unit_price: Decimal = numeric(30, 18)
    quantity: Decimal = money()
    amount: Decimal = money()


class UsageCarryTable(SQLModel, table=True):
    """What is left of a whole unit, for the next report."""

    __tablename__ = "usage_carry"

    project_id: UUID = Field(primary_key=True, foreign_key="project.id")
    unit: str = words(primary_key=True)
    rest: Decimal = numeric(38, 18)


class UsageReportTable(SQLModel, table=True):
    """Usage of one unit in a time, to be told to a service outside once."""

    __tablename__ = "usage_report"

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    customer: str = words()
    unit: str = words()
    meter: str = words()
    value: Decimal = numeric(38, 0)
    since: datetime = instant()
    until: datetime = instant()
    state: str = words(default="pending")
    attempts: int = 0
    due_at: datetime = instant()
    first_sent: datetime | None = instant(default=None)
    """Since when it may be there without our knowing; None: it certainly is not."""
    error: str | None = words(default=None)
    replaces: UUID | None = Field(default=None, foreign_key="usage_report.id", unique=True)
    made_at: datetime = instant()
    ended_at: datetime | None = instant(default=None)
