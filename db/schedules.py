"""Schedules of machines, and what the loop that keeps them sees of the machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from db._query import as_json, run
from db.dispatch.leadership import hold_epoch
from db.session import Database, Transaction
from db.workers import DisabledBy, drain_node, set_node_disabled
from jobs.schedules import Rest, Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    name: str
    schedule: Schedule
    set_by: str
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineRow:
    """A machine with live replicas."""

    name: str
    disabled: bool
    disabled_by: str
    reason: str | None
    labels: Sequence[dict[str, str]]
    """Of its replicas."""
    quiet_s: float | None
    """Seconds since somebody used it last; None: no replica has told."""
    drains: bool
    """All its replicas leave."""


async def list_schedules(tx: Transaction) -> list[ScheduleRow]:
    """By name."""
    return [
        ScheduleRow(
            name=row.name,
            schedule=Schedule.model_validate(row.schedule),
            set_by=row.set_by,
            updated_at=row.updated_at,
        )
        for row in await run(tx, "list_schedules")
    ]


async def set_schedule(tx: Transaction, *, name: str, schedule: Schedule, set_by: str) -> None:
    """Make one, or replace it. It holds from the next tick of the loop."""
    await run(tx, "set_schedule", name=name, schedule=as_json(schedule.model_dump(mode="json")), set_by=set_by)


async def drop_schedule(tx: Transaction, *, name: str) -> bool:
    """Forget one; what it has disabled is enabled by the loop. False: there is none of this name."""
    return (await run(tx, "drop_schedule", name=name)).one_or_none() is not None


async def list_machines(tx: Transaction, *, cluster_id: str, timeout: timedelta) -> list[MachineRow]:
    """Those with a replica whose last beat is younger than ``timeout``, by name."""
    rows = await run(tx, "machines_with_replicas", cluster_id=cluster_id, timeout=timeout)
    return [MachineRow(**row) for row in rows.mappings()]


async def let_rest(db: Database, *, cluster_id: str, name: str, rest: Rest, epoch: int) -> bool:
    """Disable a machine for its schedule; with ``give_back`` its replicas give back what they render, and end. False:
    an operator was faster."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        if rest.give_back:
            told = await drain_node(
                tx,
                cluster_id=cluster_id,
                name=name,
                reason=rest.reason,
                within=timedelta(0),
                by=DisabledBy.SCHEDULE,
            )
            return told is not None
        return await set_node_disabled(
            tx, cluster_id=cluster_id, name=name, disabled=True, reason=rest.reason, by=DisabledBy.SCHEDULE
        )


async def let_render(db: Database, *, cluster_id: str, name: str, epoch: int) -> bool:
    """Enable a machine that its schedule had disabled. False: an operator has disabled it since."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        return await set_node_disabled(tx, cluster_id=cluster_id, name=name, disabled=False, by=DisabledBy.SCHEDULE)
