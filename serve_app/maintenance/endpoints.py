"""``/v1/maintenance``: whether the farm can be changed, and the switch."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Response

from db.edits import hold_edit
from db.maintenance import read_maintenance as read_row
from db.maintenance import set_maintenance as set_row
from db.session import Transaction
from jobs.access import Permission
from serve_app.conditional import CHANGES, READS, IfMatch, IfNoneMatch, answer, version_by_content
from serve_app.dependencies import Audit, Tx
from serve_app.maintenance.schemas import MaintenanceChange, MaintenanceView
from serve_app.openapi import problems
from serve_app.security import Access, Caller

router = APIRouter(prefix="/maintenance", tags=["farm"])


@router.get("", response_model=MaintenanceView, responses=READS)
async def read_maintenance(
    response: Response, access: Access, tx: Tx, if_none_match: IfNoneMatch = None
) -> MaintenanceView | Response:
    """Whether the farm is under maintenance, and why."""
    view = await _view(tx, access)
    return answer(view, version_by_content(view), response=response, if_none_match=if_none_match)


@router.put("", response_model=MaintenanceView, responses={**CHANGES, **problems(403)})
async def set_maintenance(
    change: MaintenanceChange, response: Response, access: Access, tx: Tx, trail: Audit, if_match: IfMatch = None
) -> MaintenanceView | Response:
    """Make the farm read-only, or end that.

    Meanwhile what changes something is answered with 503 `maintenance` and Retry-After; reading, event streams, logging
    in, and what operators tell workers go on. Frames that render finish. Work is handed out on, unless `drain` is set.
    """
    await hold_edit(tx, "maintenance")
    version_by_content(await _view(tx, access)).require(if_match)
    before = await read_row(tx)
    await set_row(tx, active=change.active, drain=change.drain, message=change.message, set_by=access.name)
    trail.note_change(
        "maintenance",
        "farm",
        before={name: getattr(before, name) for name in ("active", "drain", "message")},
        after=change.model_dump(),
    )
    view = await _view(tx, access)
    return answer(view, version_by_content(view), response=response)


async def _view(tx: Transaction, caller: Caller) -> MaintenanceView:
    view = MaintenanceView(**asdict(await read_row(tx)))
    return view if caller.may(Permission.FARM_OPERATE) else view.model_copy(update={"set_by": None})
