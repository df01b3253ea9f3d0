"""The ledger as a stream of CSV or JSON Lines: a page of rows in memory, and no transaction while a client reads."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from db.billing.prices import currency_of_farm
from db.billing.reports import StorageDay, UsageRow, storage_days, usage_rows
from db.session import Database
from jobs.billing import plain
from serve_app.billing.service import seconds
from serve_app.csv_cells import cell

_PAGE = 2000
"""Rows read at once: about 1 MB."""

COLUMNS = (
    "kind",
    "at",
    "job",
    "frame",
    "generation",
    "part",
    "attempt",
    "pool",
    "gpu_seconds",
    "cpu_seconds",
    "stored_bytes",
    "byte_seconds",
    "bytes_sent",
    "price_version",
    "cost",
    "currency",
)


class ExportFormat(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"

    @property
    def media_type(self) -> str:
        return "text/csv" if self is ExportFormat.CSV else "application/jsonl"


async def export_lines(
    database: Database, *, project_id: UUID, since: datetime, until: datetime, format: ExportFormat
) -> AsyncIterator[str]:
    """A header in CSV; then what jobs used, and what was stored on each day of the time that is over."""
    write = _csv_line if format is ExportFormat.CSV else _json_line
    if format is ExportFormat.CSV:
        yield _csv_line(dict(zip(COLUMNS, COLUMNS, strict=True)))
    async with database.transaction() as tx:
        currency = await currency_of_farm(tx)
        first = since.astimezone(UTC)
        begins = first.date() if first == first.replace(hour=0, minute=0, second=0, microsecond=0) else None
        stored = await storage_days(
            tx,
            project_id=project_id,
            since=begins or first.date() + timedelta(days=1),
            until=until.astimezone(UTC).date() - timedelta(days=1),
        )
    after: UsageRow | None = None
    while True:
        async with database.transaction() as tx:
            rows = await usage_rows(tx, project_id=project_id, since=since, until=until, after=after, limit=_PAGE)
        if rows:
            yield "".join(write(_of_job(row, currency)) for row in rows)
        if len(rows) < _PAGE:
            break
        after = rows[-1]
    for day in stored:
        yield write(_of_storage(day, currency))


def _of_job(row: UsageRow, currency: str | None) -> dict[str, object]:
    return {
        "kind": row.kind,
        "at": row.at.isoformat(),
        "job": str(row.job_id),
        "frame": row.frame,
        "generation": row.generation,
        "part": row.part if row.kind == "part" else None,
        "attempt": row.attempt_id and str(row.attempt_id),
        "pool": row.pool,
        "gpu_seconds": seconds(row.gpu_us),
        "cpu_seconds": seconds(row.cpu_us),
        "stored_bytes": row.stored_bytes,
        "price_version": row.price_version,
        "cost": plain(row.cost),
        "currency": currency,
    }


def _of_storage(row: StorageDay, currency: str | None) -> dict[str, object]:
    return {
        "kind": "storage",
        "at": row.day.isoformat(),
        "byte_seconds": plain(row.byte_seconds),
        "bytes_sent": row.bytes_sent,
        "price_version": row.price_version,
        "cost": plain(row.cost),
        "currency": currency,
    }


def _csv_line(values: Mapping[str, object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([_cell(values.get(name)) for name in COLUMNS])
    return line.getvalue()


def _cell(value: object) -> object:
    if value is None:
        return ""
    return cell(value) if isinstance(value, str) else value


def _json_line(values: Mapping[str, object]) -> str:
    return json.dumps({name: value for name, value in values.items() if value is not None}) + "\n"
