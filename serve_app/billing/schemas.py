"""What the routes of billing take and answer. Amounts are decimal strings: JSON's numbers are not exact everywhere."""

from __future__ import annotations

import datetime as dt
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from jobs.billing import BudgetPeriod
from jobs.spec import Moment

Price = Annotated[
    str,
    Field(
        pattern=r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,18})?$",
        description="Exact decimal of the currency's main unit, up to 18 digits behind the point.",
        examples=["0.0004"],
    ),
]
Amount = Annotated[
    str,
    Field(
        pattern=r"^(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?$",
        description="Exact decimal of the currency's main unit.",
        examples=["250.00"],
    ),
]
Note = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
PoolName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9._-]*)$")]


class PoolPricing(BaseModel):
    """Prices in one pool; of the pool `*`, in every pool that has no entry of its own."""

    model_config = ConfigDict(extra="forbid")

    pool: PoolName = Field("*", description="`tasks`: merges, films and other steps behind the frames.")
    gpu_second: Price = "0"
    cpu_second: Price = "0"
    byte_month: Price = Field("0", description="Of the pool `*` only: a byte stored for a month.")
    byte_sent: Price = Field("0", description="Of the pool `*` only.")


class NewPrices(BaseModel):
    """A version of the prices that follows those before."""

    model_config = ConfigDict(extra="forbid")

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217; the same as before.")]
    valid_from: Moment | None = Field(None, description="With a time zone, not in the past; null: from now on.")
    note: Note = ""
    prices: Annotated[list[PoolPricing], Field(fail_fast=True, min_length=1, max_length=200)]


class PriceListView(BaseModel):
    """A version of the prices; it never changes."""

    version: int
    currency: str
    valid_from: dt.datetime
    note: str
    created_by: str
    created_at: dt.datetime
    prices: list[PoolPricing]


class PricesView(BaseModel):
    """What the farm asks."""

    current: PriceListView | None = Field(description="Valid now; null: nothing costs anything.")
    versions: list[PriceListView] = Field(description="The one that begins last first.")


class UsageItem(BaseModel):
    """What was used on one day, by one job, or in one pool."""

    day: dt.date | None = None
    job: UUID | None = None
    pool: str | None = None
    frames: int = Field(description="Committed by rendering; reused ones cost nothing.")
    gpu_seconds: str = Field(description="On replicas with a GPU; exact decimal.")
    cpu_seconds: str = Field(description="On replicas without one, and in processes beside them; exact decimal.")
    stored_bytes: int = Field(description="Outputs that were added.")
    wasted_seconds: str = Field(description="Of attempts that ended without a picture; charged to nobody.")
    cost: str


class StorageItem(BaseModel):
    """What was stored on a day that is over."""

    day: dt.date
    byte_seconds: str
    bytes_sent: int
    cost: str


class UsageView(BaseModel):
    """What a project used."""

    since: dt.date
    until: dt.date
    currency: str | None
    items: list[UsageItem]
    next_cursor: str | None = Field(None, description="Pass it as `cursor` for the next page; null: this is the last.")
    storage: list[StorageItem] = Field(description="On the first page; days (UTC) that are over.")


class BudgetChange(BaseModel):
    """How much a project may spend."""

    model_config = ConfigDict(extra="forbid")

    amount: Amount | None = Field(description="null: no budget.")
    period: BudgetPeriod = BudgetPeriod.MONTH


class BudgetView(BaseModel):
    """What a project has spent, to the last committed frame, and may spend."""

    amount: str | None = Field(description="null: no budget.")
    period: BudgetPeriod
    period_start: dt.date | None = Field(description="First day of the month, UTC; null: of a budget for all time.")
    spent: str = Field(description="In the period.")
    spent_ever: str
    currency: str | None
    thresholds: list[int] = Field(description="Percent, of each of which one event tells per period.")
    stopped: str | None = Field(
        description="Why nothing more of the project starts: `budget`, `credits`, or `maintenance` of the farm."
    )


class NewCredit(BaseModel):
    """A payment in advance."""

    model_config = ConfigDict(extra="forbid")

    amount: Annotated[
        str,
        Field(
            pattern=r"^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?$",
            description="Exact decimal; negative: a correction.",
            examples=["500"],
        ),
    ]
    reference: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            pattern=r"^[\x21-\x7e]+$",
            description="Your own name of the payment. The same again is the same payment.",
        ),
    ]
    note: Note = ""


class CreditView(BaseModel):
    """A payment."""

    id: int
    amount: str
    reference: str
    note: str
    created_by: str
    at: dt.datetime


class PrepaidChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prepaid: StrictBool = Field(description="Credits pay for what is spent from now on; at zero nothing more starts.")


class CreditsView(BaseModel):
    """What a project has paid in advance, and what is left."""

    prepaid: bool
    balance: str = Field(description="Credits that are left.")
    currency: str | None
    items: list[CreditView] = Field(description="The newest first.")
    next_cursor: str | None = None


class QuotasChange(BaseModel):
    """What a project may have at most; null, or left out: no limit."""

    model_config = ConfigDict(extra="forbid")

    slots: Annotated[StrictInt, Field(ge=0, le=1_000_000)] | None = Field(
        None, description="Chunks in flight at once; what is over it waits."
    )
    running_jobs: Annotated[StrictInt, Field(ge=0, le=1_000_000)] | None = Field(
        None, description="Jobs that run at once; the others wait in the queue."
    )
    queued_frames: Annotated[StrictInt, Field(ge=0, le=10**15)] | None = Field(
        None, description="Frames without an outcome in all jobs; a job over it is refused."
    )
    pixels_per_frame: Annotated[StrictInt, Field(ge=0, le=10**15)] | None = None
    pixels_per_job: Annotated[StrictInt, Field(ge=0, le=10**18)] | None = Field(
        None, description="Pixels of a frame times the job's frames."
    )
    stored_bytes: Annotated[StrictInt, Field(ge=0, le=10**18)] | None = Field(
        None, description="Blobs, outputs and manifests of models; uploads, models and jobs over it are refused."
    )


class QuotaUse(BaseModel):
    """How much of a quota is used."""

    queued_frames: int
    stored_bytes: int = Field(description="At the last measurement, and uploaded since.")


class QuotasView(BaseModel):
    """What a project may have at most, and has."""

    quotas: QuotasChange
    used: QuotaUse
