"""``/v1/licences``: what the farm has of each, set by its administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from db.licences import drop_licence, list_licences, set_licence
from jobs.errors import NotFound
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
    return Page(items=[LicenceView(name=row.name, capacity=row.capacity) for row in await list_licences(tx)])


@router.put("/{name}", name="set_licence", responses=problems(403))
async def put(name: LicenceName, change: LicenceChange, access: Access, tx: Tx, trail: Audit) -> LicenceView:
    """Add a licence, or change how many there are. A lower number holds for chunks to come."""
    had = {row.name: row.capacity for row in await list_licences(tx)}
    await set_licence(tx, name=name, capacity=change.capacity)
    trail.note_change(
        "licence",
        name,
        before={"capacity": had[name]} if name in had else {},
        after={"capacity": change.capacity},
    )
    return LicenceView(name=name, capacity=change.capacity)


@router.delete("/{name}", name="drop_licence", status_code=204, responses=problems(403))
async def delete(name: LicenceName, access: Access, tx: Tx) -> None:
    """Forget a licence. Jobs that ask for it wait until it is back."""
    if not await drop_licence(tx, name=name):
        raise NotFound(f"There is no licence {name!r}.", remedy="GET /v1/licences lists them.")
