"""Reads the usage ledger: sums by day, job or pool, and its rows for an export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from db._query import run
from db.session import Transaction
from jobs.billing import UsageGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSum:
    """What was used under one key: a day, a job or a pool."""

    key: date | UUID | str
    frames: int
    gpu_us: int
    cpu_us: int
    stored_bytes: int
    wasted_us: int
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageDay:
    """What was stored on a day that is over."""

    day: date
    byte_seconds: Decimal
    bytes_sent: int
    price_version: int | None
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """One row of the ledger."""

    kind: str
    job_id: UUID
    number: int
    generation: int
    part: int
    frame: int | None
    attempt_id: UUID | None
    pool: str
    gpu_us: int
    cpu_us: int
    stored_bytes: int
    price_version: int | None
    cost: Decimal
    at: datetime


async def usage_by(
    tx: Transaction, group: UsageGroup, *, project_id: UUID, since: date, until: date, after: str | None, limit: int
) -> list[UsageSum]:
    """Sums from ``since`` to ``until``, both included, in the order of their keys, from behind ``after`` on."""
    rows = await run(tx, f"usage_by_{group}", project_id=project_id, since=since, until=until, after=after, limit=limit)
    return [UsageSum(**row) for row in rows.mappings()]


async def storage_days(tx: Transaction, *, project_id: UUID, since: date, until: date) -> list[StorageDay]:
    """Days that are over, from ``since`` to ``until``, both included."""
    rows = await run(tx, "storage_by_day", project_id=project_id, since=since, until=until)
    return [StorageDay(**row) for row in rows.mappings()]


async def usage_rows(
    tx: Transaction, *, project_id: UUID, since: datetime, until: datetime, after: UsageRow | None, limit: int
) -> Sequence[UsageRow]:
    """Rows of the ledger from ``since`` to before ``until``, in the order in which they were written."""
    rows = await run(
        tx,
        "export_usage",
        project_id=project_id,
        since=since,
        until=until,
        after_at=after and after.at,
        after_job=after and after.job_id,
        after_number=after.number if after else 0,
        after_generation=after.generation if after else 0,
        after_part=after.part if after else 0,
        after_kind=after.kind if after else "",
        limit=limit,
    )
    return [UsageRow(**row) for row in rows.mappings()]
