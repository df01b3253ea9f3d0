"""``/v1/maintenance``: whether the farm can be changed, and the switch."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from db.maintenance import read_maintenance as read_row
from db.maintenance import set_maintenance as set_row
from db.session import Transaction
from jobs.access import Permission
from serve_app.dependencies import Audit, Tx
from serve_app.maintenance.schemas import MaintenanceChange, MaintenanceView
from serve_app.openapi import problems
from serve_app.security import Access, Caller

router = APIRouter(prefix="/maintenance", tags=["farm"])


@router.get("")
async def read_maintenance(access: Access, tx: Tx) -> MaintenanceView:
    """Whether the farm is under maintenance, and why."""
    return await _view(tx, access)


@router.put("", responses=problems(403))
async def set_maintenance(change: MaintenanceChange, access: Access, tx: Tx, trail: Audit) -> MaintenanceView:
    """Make the farm read-only, or end that.

    Meanwhile what changes something is answered with 503 `maintenance` and Retry-After; reading, event streams, logging
    in, and what operators tell workers go on. Frames that render finish. Work is handed out on, unless `drain` is set.
    """
    before = await read_row(tx)
    await set_row(tx, active=change.active, drain=change.drain, message=change.message, set_by=access.name)
    trail.note_change(
        "maintenance",
        "farm",
        before={name: getattr(before, name) for name in ("active", "drain", "message")},
        after=change.model_dump(),
    )
    return await _view(tx, access)


async def _view(tx: Transaction, caller: Caller) -> MaintenanceView:
    view = MaintenanceView(**asdict(await read_row(tx)))
    return view if caller.may(Permission.FARM_OPERATE) else view.model_copy(update={"set_by": None})
