"""What was used and what it costs: prices, the usage ledger, budgets, credits, quotas."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Identity, UniqueConstraint
from sqlmodel import Field, SQLModel

from db.tables._columns import big_integer, instant, money, numeric, small_integer, words


class PriceListTable(SQLModel, table=True):
    """A version of the prices. It is never changed: a later one follows it."""

    __tablename__ = "price_list"

    version: int | None = Field(default=None, primary_key=True, sa_column_args=[Identity(always=True)])
    currency: str = words()
    """ISO 4217; the same in all versions."""
    valid_from: datetime = instant(unique=True)
    note: str = words(default="")
    created_by: str = words()
    created_at: datetime = instant()


class PriceTable(SQLModel, table=True):
    """Prices of a pool in one version; the pool ``*`` is any that has no row of its own."""

    __tablename__ = "price"

    version: int = Field(primary_key=True, foreign_key="price_list.version")
    pool: str = words(primary_key=True)
    gpu_second: Decimal = numeric(30, 18, default=Decimal(0))
    cpu_second: Decimal = numeric(30, 18, default=Decimal(0))
    byte_month: Decimal = numeric(30, 18, default=Decimal(0))
    byte_sent: Decimal = numeric(30, 18, default=Decimal(0))


class UsageTable(SQLModel, table=True):
    """The ledger: what one frame, part, merge or post step used, written by the transaction that committed it."""

    __tablename__ = "usage"

    project_id: UUID
    job_id: UUID = Field(primary_key=True)
    kind: str = words(primary_key=True)
    number: int = big_integer(primary_key=True)
    """The frame's ordinal; of a post step, the id of its work row."""
    generation: int = Field(primary_key=True)
    part: int = small_integer(primary_key=True, default=0)
    frame: int | None = None
    """Its number in the scene."""
    attempt_id: UUID | None = None
    pool: str = words()
    gpu_us: int = big_integer()
    """Microseconds on a replica with a GPU."""
    cpu_us: int = big_integer()
    """Microseconds on a replica without one, or in a process beside the replicas."""
    stored_bytes: int = big_integer()
    price_version: int | None = None
    """None: there was no price list, and it cost nothing."""
    cost: Decimal = money()
    at: datetime = instant()


class UsageDayTable(SQLModel, table=True):
    """Sums of the ledger by job, day and pool."""

    __tablename__ = "usage_day"

    project_id: UUID
    job_id: UUID = Field(primary_key=True)
    day: date = Field(primary_key=True)
    """UTC."""
    pool: str = words(primary_key=True)
    frames: int = big_integer(default=0)
    gpu_us: int = big_integer(default=0)
    cpu_us: int = big_integer(default=0)
    stored_bytes: int = big_integer(default=0)
    wasted_us: int = big_integer(default=0)
    """Of attempts that ended without a picture; charged to nobody."""
    cost: Decimal = money(default=Decimal(0))
    counted: Decimal = money(default=Decimal(0))
    """How much of ``cost`` stands in ``project_spend`` already."""


class StorageUsageTable(SQLModel, table=True):
    """The ledger of a day that is over: what a project had stored, and what was sent to it."""

    __tablename__ = "storage_usage"

    project_id: UUID = Field(primary_key=True)
    day: date = Field(primary_key=True)
    byte_seconds: Decimal = numeric(38, 0)
    bytes_sent: int = big_integer(default=0)
    price_version: int | None = None
    cost: Decimal = money()
    at: datetime = instant()


class StorageMeterTable(SQLModel, table=True):
    """A day that runs: what was stored, added up from one look to the next."""

    __tablename__ = "storage_meter"

    project_id: UUID = Field(primary_key=True)
    day: date = Field(primary_key=True)
    byte_seconds: Decimal = numeric(38, 0, default=Decimal(0))
    bytes_sent: int = big_integer(default=0)
    stored_bytes: int = big_integer(default=0)
    """At the last look."""
    measured_at: datetime = instant()


class ProjectSpendTable(SQLModel, table=True):
    """What a project has spent in a month (its first day, UTC), but for what ``usage_day`` has not handed over yet."""

    __tablename__ = "project_spend"

    project_id: UUID = Field(primary_key=True)
    month: date = Field(primary_key=True)
    cost: Decimal = money()


class BillingTable(SQLModel, table=True):
    """How a project pays: its budget, and whether in advance. Whoever changes either locks the row."""

    __tablename__ = "billing"

    project_id: UUID = Field(primary_key=True, foreign_key="project.id")
    budget: Decimal | None = money(default=None)
    period: str = words(default="month")
    prepaid: bool = False
    credits_used: Decimal = money(default=Decimal(0))
    """While it does not pay in advance: what credits have paid for."""
    unpaid: Decimal = money(default=Decimal(0))
    """While it pays in advance: what it spent that credits do not pay for."""
    updated_at: datetime = instant()


class CreditTable(SQLModel, table=True):
    """A payment in advance, or a correction of one; never changed."""

    __tablename__ = "credit"
    __table_args__ = (UniqueConstraint("project_id", "reference"),)

    id: int | None = big_integer(default=None, primary_key=True, sa_column_args=[Identity(always=True)])
    project_id: UUID = Field(foreign_key="project.id")
    amount: Decimal = money()
    reference: str = words()
    """The payer's own name of the payment; the same twice is one payment."""
    note: str = words(default="")
    created_by: str = words()
    at: datetime = instant()


class MoneyAlertTable(SQLModel, table=True):
    """What has been told of a budget or of credits, so that it is told once."""

    __tablename__ = "money_alert"

    project_id: UUID = Field(primary_key=True)
    key: str = words(primary_key=True)
    at: datetime = instant()


class ProjectQuotaTable(SQLModel, table=True):
    """What a project may have at most; null: no limit."""

    __tablename__ = "project_quota"

    project_id: UUID = Field(primary_key=True, foreign_key="project.id")
    slots: int | None = None
    """Chunks in flight at once."""
    running_jobs: int | None = None
    queued_frames: int | None = big_integer(default=None)
    """Frames without an outcome in all its jobs."""
    pixels_per_frame: int | None = big_integer(default=None)
    pixels_per_job: Decimal | None = numeric(38, 0, default=None)
    stored_bytes: int | None = big_integer(default=None)
    updated_at: datetime = instant()
