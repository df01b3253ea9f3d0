"""Money and quotas: units, exact amounts, and what a project may have at most. ``db.billing`` keeps the rows.

An amount is a ``Decimal`` of the currency's main unit with up to twelve digits behind the point, which is what the
ledger stores: a frame of a millisecond at a ten-thousandth per second still costs what it costs. Nothing is rounded
before an invoice, and nothing is ever a float.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from jobs.errors import Conflict

ANY_POOL = "*"
"""In a price list: every pool that has no prices of its own, and what is stored and sent."""
TASK_POOL = "tasks"
"""Where merges and the steps behind the frames are charged: processes beside the replicas."""
CPU_CLASS = "cpu"
"""The device class of a replica without a GPU; any other is charged by the GPU-second."""
BUDGET_THRESHOLDS = (50, 80, 100)
"""Percent of a budget of which an event tells."""

_MICROSECONDS = 1_000_000


class BudgetPeriod(StrEnum):
    """What a budget is for."""

    MONTH = "month"
    """A calendar month in UTC."""
    TOTAL = "total"
    """All that the project ever spends."""


class UsageGroup(StrEnum):
    """By what usage is added up."""

    DAY = "day"
    JOB = "job"
    POOL = "pool"


class OverQuota(Conflict):
    """The project would have more than its quota."""

    code = "over-quota"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """None: no limit."""

    slots: int | None = None
    """Chunks in flight at once; what is over it waits."""
    running_jobs: int | None = None
    """Jobs that run at once; the others wait in the queue."""
    queued_frames: int | None = None
    """Frames without an outcome in all jobs; a job over it is refused."""
    pixels_per_frame: int | None = None
    pixels_per_job: int | None = None
    """Pixels of a frame times its frames."""
    stored_bytes: int | None = None
    """Blobs, outputs and manifests of models; uploads and models over it are refused."""


QUOTA_WORDS: Mapping[str, str] = {
    "slots": "chunks in flight",
    "running_jobs": "jobs that run at once",
    "queued_frames": "frames without an outcome",
    "pixels_per_frame": "pixels in a frame",
    "pixels_per_job": "pixels in a job",
    "stored_bytes": "bytes stored",
}
"""Quota -> what it counts."""


def used_us(milliseconds: float) -> int:
    """Whole microseconds, as the ledger counts; what is no time (negative, not finite) is none."""
    return round(milliseconds * 1000) if math.isfinite(milliseconds) and milliseconds > 0 else 0


def require_within(quota: str, *, limit: int | None, wanted: int, project: str) -> None:
    """Raises ``OverQuota``, which names the quota, both numbers and who can raise it."""
    if limit is None or wanted <= limit:
        return
    raise OverQuota(
        f"That would be {wanted:,} {QUOTA_WORDS[quota]}; the quota {quota} of project {project!r} is {limit:,}.",
        remedy=f"Ask for less, or have an administrator of the farm raise it: PUT /v1/projects/{project}/quotas.",
        quota=quota,
        limit=limit,
        wanted=wanted,
    )


def cost_of_seconds(seconds: float, price_per_second: Decimal) -> Decimal:
    """What slot-seconds that are only estimated would cost: to the microsecond, like the ledger."""
    return Decimal(used_us(seconds * 1000)) * price_per_second / _MICROSECONDS


def plain(amount: Decimal) -> str:
    """An amount in JSON and CSV: digits, no exponent, no zeros at the end (``0.0125``)."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
