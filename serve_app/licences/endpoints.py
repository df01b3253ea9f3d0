"""``/v1/licences``: what the farm has of each, set by its administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from db.edits import hold_edit
from db.licences import LicenceRow, drop_licence, list_licences, set_licence
from db.session import Transaction
from jobs.errors import NotFound
from serve_app.conditional import (
    CHANGES,
    ENDS,
    READS,
    IfMatch,
    IfNoneMatch,
    answer,
    require_there,
    version_by_content,
)
from serve_app.dependencies import Audit, Tx
from serve_app.licences.schemas import LicenceChange, LicenceView
from serve_app.openapi import problems
from serve_app.paging import Page
from serve_app.security import Access

router = APIRouter(prefix="/licences", tags=["farm"])

LicenceName = Annotated[
    str, Path(pattern="^[a-z0-9][a-z0-9._-]{0,62}$", description="As the `licences` of a job name it.")
]


@router.get("", name="list_licences")
async def list_all(access: Access, tx: Tx) -> Page[LicenceView]:
    """The licences that a job may ask for, by name."""
    return Page(items=[_view(row) for row in await list_licences(tx)])


@router.get("/{name}", name="read_licence", response_model=LicenceView, responses=READS)
async def read(
    name: LicenceName, response: Response, access: Access, tx: Tx, if_none_match: IfNoneMatch = None
) -> LicenceView | Response:
    """One licence."""
    view = _view(await _find(tx, name) or _none(name))
    return answer(view, version_by_content(view), response=response, if_none_match=if_none_match)


@router.put("/{name}", name="set_licence", response_model=LicenceView, responses={**CHANGES, **problems(403)})
async def put(
    name: LicenceName,
    change: LicenceChange,
    response: Response,
    access: Access,
    tx: Tx,
    trail: Audit,
    if_match: IfMatch = None,
) -> LicenceView | Response:
    """Add a licence, or change how many there are. A lower number holds for chunks to come."""
    await hold_edit(tx, "licence", name)
    had = await _find(tx, name)
    require_there(version_by_content(_view(had)) if had else None, if_match)
    await set_licence(tx, name=name, capacity=change.capacity)
    trail.note_change(
        "licence", name, before={"capacity": had.capacity} if had else {}, after={"capacity": change.capacity}
    )
    view = LicenceView(name=name, capacity=change.capacity)
    return answer(view, version_by_content(view), response=response)


@router.delete("/{name}", name="drop_licence", status_code=204, responses={**ENDS, **problems(403)})
async def delete(name: LicenceName, access: Access, tx: Tx, if_match: IfMatch = None) -> None:
    """Forget a licence. Jobs that ask for it wait until it is back."""
    await hold_edit(tx, "licence", name)
    version_by_content(_view(await _find(tx, name) or _none(name))).require(if_match)
    await drop_licence(tx, name=name)


async def _find(tx: Transaction, name: str) -> LicenceRow | None:
    return next((row for row in await list_licences(tx) if row.name == name), None)


def _view(row: LicenceRow) -> LicenceView:
    return LicenceView(name=row.name, capacity=row.capacity)


def _none(name: str) -> LicenceRow:
    raise NotFound(f"There is no licence {name!r}.", remedy="GET /v1/licences lists them.")
