"""``/v1/schedules``: weekly hours of machines, and *only when idle* for workstations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Response

from db.edits import hold_edit
from db.schedules import ScheduleRow, drop_schedule, set_schedule
from db.schedules import list_schedules as list_rows
from db.session import Transaction
from jobs.errors import NotFound
from jobs.schedules import Schedule, rest_of
from serve_app.conditional import (
    CHANGES,
    ENDS,
    READS,
    IfMatch,
    IfNoneMatch,
    Version,
    answer,
    digest_of,
    require_there,
)
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


@router.get("/{name}", response_model=ScheduleView, responses={**READS, **problems(403)})
async def read_schedule(
    name: ScheduleName, response: Response, access: Access, tx: Tx, if_none_match: IfNoneMatch = None
) -> ScheduleView | Response:
    """One schedule."""
    row = await _find(tx, name) or _none(name)
    return answer(_view(row), _version_of(row), response=response, if_none_match=if_none_match)


@router.put("/{name}", name="set_schedule", response_model=ScheduleView, responses={**CHANGES, **problems(403)})
async def put(
    name: ScheduleName,
    schedule: Schedule,
    response: Response,
    access: Access,
    tx: Tx,
    trail: Audit,
    if_match: IfMatch = None,
) -> ScheduleView | Response:
    """Make a schedule, or replace it. A machine that several are for renders when all of them allow it."""
    await hold_edit(tx, "schedule", name)
    had = await _find(tx, name)
    require_there(_version_of(had) if had else None, if_match)
    await set_schedule(tx, name=name, schedule=schedule, set_by=access.name)
    before = had.schedule.model_dump(mode="json") if had else {}
    trail.note_change("schedule", name, before=before, after=schedule.model_dump(mode="json"))
    row = await _find(tx, name) or _none(name)
    return answer(_view(row), _version_of(row), response=response)


@router.delete("/{name}", name="drop_schedule", status_code=204, responses={**ENDS, **problems(403)})
async def delete(name: ScheduleName, access: Access, tx: Tx, trail: Audit, if_match: IfMatch = None) -> None:
    """Forget a schedule. Machines that it keeps from rendering go on within seconds."""
    await hold_edit(tx, "schedule", name)
    _version_of(await _find(tx, name) or _none(name)).require(if_match)
    await drop_schedule(tx, name=name)
    trail.note("schedule", name)


async def _find(tx: Transaction, name: str) -> ScheduleRow | None:
    return next((row for row in await list_rows(tx) if row.name == name), None)


def _none(name: str) -> ScheduleRow:
    raise NotFound(f"There is no schedule {name!r}.", remedy="GET /v1/schedules lists them.")


def _version_of(row: ScheduleRow) -> Version:
    return Version(digest_of(f"{row.updated_at} {row.schedule.model_dump_json()}"), str(_view(row).open))


def _view(row: ScheduleRow) -> ScheduleView:
    hours = row.schedule.model_copy(update={"only_when_idle_min": None})
    return ScheduleView(
        **row.schedule.model_dump(),
        name=row.name,
        set_by=row.set_by,
        updated_at=row.updated_at,
        open=rest_of([(row.name, hours)], now=datetime.now(UTC), quiet=timedelta(0)) is None,
    )
