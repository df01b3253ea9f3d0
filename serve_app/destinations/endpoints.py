"""``/v1/projects/{slug}/destinations``: buckets that files of jobs are delivered to."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from db import destinations
from db.edits import hold_edit
from serve_app.conditional import CHANGES, ENDS, READS, IfMatch, IfNoneMatch, answer
from serve_app.dependencies import Audit, PageQuery, Services, Tx, Unit
from serve_app.destinations import service
from serve_app.destinations.schemas import (
    DestinationChange,
    DestinationKey,
    DestinationTest,
    DestinationView,
    NewDestination,
)
from serve_app.destinations.versions import version_of
from serve_app.openapi import problems
from serve_app.paging import Page, PageRequest, cursor_of
from serve_app.security import Access

router = APIRouter(prefix="/projects/{slug}/destinations", tags=["delivery"])

Slug = Annotated[str, Path(max_length=63)]


@router.get("")
async def list_destinations(slug: Slug, access: Access, tx: Tx, page: PageQuery) -> Page[DestinationView]:
    """The project's buckets, oldest first, without their secret keys."""
    rows = await destinations.list_destinations(
        tx, project_id=access.project_id, limit=page.limit + 1, after=_after(page)
    )
    shown = rows[: page.limit]
    more = len(rows) > len(shown)
    return Page(
        items=[service.view_of(row) for row in shown],
        next_cursor=cursor_of(shown[-1].created_at.isoformat(), shown[-1].id) if more else None,
    )


@router.post("", status_code=201, responses=problems(409))
async def create_destination(
    slug: Slug, new: NewDestination, access: Access, tx: Tx, services: Services, trail: Audit
) -> DestinationView:
    """Name a bucket and a key for it. Nothing is sent there yet: `:test` tries it."""
    row = await services.destinations.create(tx, new, project_id=access.project_id, created_by=access.name)
    trail.note("destination", row.id, after=service.facts_of(row))
    return service.view_of(row)


@router.get("/{destination_id}", response_model=DestinationView, responses=READS)
async def read_destination(
    slug: Slug, destination_id: UUID, response: Response, access: Access, tx: Tx, if_none_match: IfNoneMatch = None
) -> DestinationView | Response:
    """One destination, without its secret key."""
    row = await destinations.require_destination(tx, project_id=access.project_id, destination_id=destination_id)
    return answer(service.view_of(row), version_of(row), response=response, if_none_match=if_none_match)


@router.patch("/{destination_id}", response_model=DestinationView, responses={**CHANGES, **problems(409)})
async def change_destination(
    slug: Slug,
    destination_id: UUID,
    change: DestinationChange,
    response: Response,
    access: Access,
    tx: Tx,
    services: Services,
    trail: Audit,
    if_match: IfMatch = None,
) -> DestinationView | Response:
    """Change where files go from now on; what was delivered stays where it is."""
    await hold_edit(tx, "destination", destination_id)
    row = await destinations.require_destination(tx, project_id=access.project_id, destination_id=destination_id)
    version_of(row).require(if_match)
    before, after = await services.destinations.change(
        tx, change, project_id=access.project_id, destination_id=destination_id
    )
    trail.note_change("destination", destination_id, before=service.facts_of(before), after=service.facts_of(after))
    return answer(service.view_of(after), version_of(after), response=response)


@router.put("/{destination_id}/key")
async def set_destination_key(
    slug: Slug,
    destination_id: UUID,
    key: DestinationKey,
    access: Access,
    tx: Tx,
    services: Services,
    trail: Audit,
) -> DestinationView:
    """Replace the key of the bucket. What waits is tried with it at once."""
    await hold_edit(tx, "destination", destination_id)
    row = await services.destinations.set_key(tx, key, project_id=access.project_id, destination_id=destination_id)
    trail.note("destination", destination_id, after={"access_key_id": row.access_key_id})
    return service.view_of(row)


@router.delete("/{destination_id}", status_code=204, responses=ENDS)
async def delete_destination(
    slug: Slug, destination_id: UUID, access: Access, tx: Tx, trail: Audit, if_match: IfMatch = None
) -> None:
    """End it, with its key. What waits for it is given up; what was delivered stays."""
    await hold_edit(tx, "destination", destination_id)
    row = await destinations.require_destination(tx, project_id=access.project_id, destination_id=destination_id)
    version_of(row).require(if_match)
    await destinations.delete_destination(tx, project_id=access.project_id, destination_id=destination_id)
    trail.note("destination", destination_id, before=service.facts_of(row))


@router.post("/{destination_id}:test", responses=problems(409, 429))
async def test_destination(
    slug: Slug, destination_id: UUID, access: Access, unit: Unit, services: Services, trail: Audit
) -> DestinationTest:
    """Write a small object below the prefix and delete it again; `destination-refused` says what failed."""
    trail.note("destination", destination_id)
    return await services.destinations.test(unit, project_id=access.project_id, destination_id=destination_id)


def _after(page: PageRequest) -> tuple[datetime, UUID] | None:
    parts = page.after(datetime.fromisoformat, UUID)
    return None if parts is None else (datetime.fromisoformat(parts[0]), UUID(parts[1]))
