"""``/v1/schedules``: weekly hours of machines, and *only when idle* for workstations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path

from db.schedules import ScheduleRow, drop_schedule, set_schedule
from db.schedules import list_schedules as list_rows
from jobs.errors import NotFound
from jobs.schedules import Schedule, rest_of
from serve_app.dependencies import Audit, Tx
from serve_app.openapi import problems
from serve_app.paging import Page
from serve_app.schedules.schemas import ScheduleView
from serve_app.security import Access

router = APIRouter(prefix="/schedules", tags=["farm"])

ScheduleName = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9._-]{0,62}$", description="Of your choice.")]


@router.get("", responses=problems(403))
async def list_schedules(access: Access, tx: Tx) -> Page[ScheduleView]:
    """All schedules, by name. `GET /v1/nodes` tells which machines rest now, and why."""
    return Page(items=[_view(row) for row in await list_rows(tx)])


@router.put("/{name}", name="set_schedule", responses=problems(403))
async def put(name: ScheduleName, schedule: Schedule, access: Access, tx: Tx, trail: Audit) -> ScheduleView:
    """Make a schedule, or replace it. A machine that several are for renders when all of them allow it."""
    had = {row.name: row.schedule.model_dump(mode="json") for row in await list_rows(tx)}
    await set_schedule(tx, name=name, schedule=schedule, set_by=access.name)
    trail.note_change("schedule", name, before=had.get(name, {}), after=schedule.model_dump(mode="json"))
    return next(_view(row) for row in await list_rows(tx) if row.name == name)


@router.delete("/{name}", name="drop_schedule", status_code=204, responses=problems(403))
async def delete(name: ScheduleName, access: Access, tx: Tx, trail: Audit) -> None:
    """Forget a schedule. Machines that it keeps from rendering go on within seconds."""
    if not await drop_schedule(tx, name=name):
        raise NotFound(f"There is no schedule {name!r}.", remedy="GET /v1/schedules lists them.")
    trail.note("schedule", name)


def _view(row: ScheduleRow) -> ScheduleView:
    hours = row.schedule.model_copy(update={"only_when_idle_min": None})
    return ScheduleView(
        **row.schedule.model_dump(),
        name=row.name,
        set_by=row.set_by,
        updated_at=row.updated_at,
        open=rest_of([(row.name, hours)], now=datetime.now(UTC), quiet=timedelta(0)) is None,
    )
