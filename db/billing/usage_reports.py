"""Usage that a billing service outside is told: cut from the ledger once, and sent until it is known to be there.

Exactly once by three things. The transaction that cuts a report moves the mark behind the rows that are in it. The id
of the report is its identifier at the service, which counts one identifier once for as long as it remembers it. And
what may have arrived is not sent again by itself after that time: a person looks and tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from db._query import run
from db.dispatch.leadership import hold_epoch
from db.session import Database, Transaction
from jobs.errors import Conflict, NotFound
from jobs.invoicing import SETTLED_AFTER, ReportUnit, whole_units


@dataclass(frozen=True, slots=True, kw_only=True)
class DueReport:
    """To be sent now."""

    id: UUID
    project_id: UUID
    customer: str
    meter: str
    value: int
    until: datetime
    attempts: int
    sent_before: datetime | None
    """Since when an earlier attempt may have arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    id: UUID
    customer: str
    unit: ReportUnit
    meter: str
    value: int
    since: datetime
    until: datetime
    state: str
    attempts: int
    error: str | None
    replaces: UUID | None
    made_at: datetime
    ended_at: datetime | None


async def projects_to_report(tx: Transaction, *, limit: int) -> Sequence[UUID]:
    return (await run(tx, "projects_to_report", limit=limit, settled=SETTLED_AFTER)).scalars().all()


async def cut_reports(db: Database, *, project_id: UUID, meters: Mapping[ReportUnit, str], epoch: int) -> int:
    """Reports of the first hour, and the first day of storage, that stand in none; how many."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        profile = (await run(tx, "lock_reported", project_id=project_id)).one_or_none()
        if profile is None:  # no customer any more
            return 0
        made = 0
        until: datetime = profile.reported_until
        used = (
            await run(
                tx,
                "usage_to_report",
                project_id=project_id,
                since=until,
                settled=SETTLED_AFTER,
                stops_at=profile.stops_at,
            )
        ).one_or_none()
        if used is not None:
            until = used.until
            amounts = {
                ReportUnit.GPU_SECOND: used.gpu_us / 1_000_000,
                ReportUnit.CPU_SECOND: used.cpu_us / 1_000_000,
                ReportUnit.MICRO_COST: used.cost * 1_000_000,
            }
            made += await _cut(tx, project_id, profile.stripe_customer, meters, amounts, used.since, used.until)
        day: date = profile.reported_days
        stored = (
            await run(tx, "storage_to_report", project_id=project_id, after=day, stops_at=profile.stops_at)
        ).one_or_none()
        if stored is not None:
            day = stored.day
            amounts = {
                ReportUnit.GIGABYTE_HOUR: stored.byte_seconds / (3600 * 10**9),
                ReportUnit.MICRO_COST: stored.cost * 1_000_000,
            }
            made += await _cut(tx, project_id, profile.stripe_customer, meters, amounts, stored.since, stored.until)
        await run(tx, "move_reported", project_id=project_id, until=until, day=day)
        if used is None and stored is None and profile.stops_at is not None:
            await run(tx, "end_reporting", project_id=project_id, settled=SETTLED_AFTER)
        return made


async def end_old_reports(db: Database, *, remembered: timedelta, oldest: timedelta, epoch: int) -> int:
    """Give up on what must not be sent again, and on what is taken no more; how many."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        return len((await run(tx, "end_old_reports", remembered=remembered, oldest=oldest)).all())


async def claim_reports(db: Database, *, due_by: datetime, limit: int, lease: timedelta, epoch: int) -> list[DueReport]:
    """For one attempt each; nobody else sends them for ``lease``. ``due_by`` is of the database's clock."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        rows = (await run(tx, "claim_reports", due_by=due_by, limit=limit, lease=lease)).mappings().all()
    return [DueReport(**{**row, "value": int(row["value"])}) for row in rows]


async def finish_report(db: Database, report: DueReport, *, epoch: int) -> None:
    """It is there."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        await run(tx, "finish_report", id=report.id, attempts=report.attempts)


async def retry_report(
    db: Database, report: DueReport, *, error: str, pause: timedelta, may_be_there: bool, epoch: int
) -> None:
    """It was not taken, or nothing is known of it."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        await run(
            tx,
            "retry_report",
            id=report.id,
            attempts=report.attempts,
            error=error,
            pause=pause,
            arrived=None if may_be_there else False,
            sent_before=report.sent_before,
        )


async def reports_in_trouble(tx: Transaction) -> tuple[int, str | None]:
    """How many, and the project and the error of the oldest."""
    row = (await run(tx, "reports_in_trouble")).one()
    return row.reports, row.oldest


async def list_reports(
    tx: Transaction,
    *,
    project_id: UUID,
    before: tuple[datetime, UUID] | None = None,
    limit: int,
    id: UUID | None = None,
) -> list[ReportRow]:
    """The newest first, from behind one on."""
    rows = await run(
        tx,
        "list_reports",
        project_id=project_id,
        before_at=before and before[0],
        before_id=before and before[1],
        id=id,
        limit=limit,
    )
    return [
        ReportRow(**{**row, "value": int(row["value"]), "unit": ReportUnit(row["unit"])}) for row in rows.mappings()
    ]


async def resolve_report(tx: Transaction, *, project_id: UUID, report_id: UUID, arrived: bool) -> ReportRow:
    """What a person has found at the service: it is there, or the usage is reported anew.

    Raises ``NotFound``, and ``Conflict`` for a report that is not unclear.
    """
    known = await list_reports(tx, project_id=project_id, id=report_id, limit=1)
    if not known:
        raise NotFound("The project has no such report.", remedy="GET …/usage-reports lists them.")
    done = await run(tx, "resolve_report", id=report_id, project_id=project_id, arrived=arrived)
    if done.one_or_none() is None:
        raise Conflict(
            f"This report is {known[0].state}; only of an unclear one somebody has to say whether it arrived.",
            remedy="Nothing is to be done.",
        )
    if not arrived:
        await run(tx, "replace_report", id=report_id)
    return (await list_reports(tx, project_id=project_id, id=report_id, limit=1))[0]


async def _cut(
    tx: Transaction,
    project_id: UUID,
    customer: str,
    meters: Mapping[ReportUnit, str],
    amounts: Mapping[ReportUnit, Decimal],
    since: datetime,
    until: datetime,
) -> int:
    carried = {row.unit: row.rest for row in (await run(tx, "read_carry", project_id=project_id)).all()}
    made = 0
    for unit, amount in amounts.items():
        meter = meters.get(unit)
        if meter is None or not amount:
            continue
        value, rest = whole_units(amount, carried.get(unit.value, Decimal(0)))
        await run(tx, "write_carry", project_id=project_id, unit=unit, rest=rest)
        if value:
            await run(
                tx,
                "insert_usage_report",
                project_id=project_id,
                customer=customer,
                unit=unit,
                meter=meter,
                value=value,
                since=since,
                until=until,
            )
            made += 1
    return made
