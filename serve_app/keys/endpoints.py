"""``/v1/keys`` of a project, ``/v1/farm/keys`` of the whole farm. A key never grants more than its maker has."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter

from db import keys
from db.keys import KeyRow
from db.session import Transaction
from jobs.access import Role
from jobs.errors import NotFound
from serve_app.audit.trail import Trail
from serve_app.dependencies import Audit, PageQuery, Services, Tx
from serve_app.keys.schemas import KeyView, MadeKey, NewFarmKey, NewProjectKey
from serve_app.keys.service import facts_of_key, require_room, require_within, view_of_key
from serve_app.openapi import problems
from serve_app.paging import Page, PageRequest, cursor_of
from serve_app.security import Access, Caller

router = APIRouter(prefix="/keys", tags=["access"])
farm_router = APIRouter(prefix="/farm/keys", tags=["access"])


@router.get("")
async def list_keys(access: Access, tx: Tx, page: PageQuery) -> Page[KeyView]:
    """The keys of the project, newest first, without their secrets."""
    rows = await keys.list_keys(tx, project_id=access.project_id, limit=page.limit + 1, after=page.after_moment())
    return _page_of(rows, page)


@router.post("", status_code=201, responses=problems(409))
async def create_key(asked: NewProjectKey, access: Access, tx: Tx, services: Services, trail: Audit) -> MadeKey:
    """A key for a program that works in this project. The answer is the only time that its secret is shown. 409
    `too-many-keys` where the project has as many as the farm allows."""
    require_within(access, asked.role, asked.scopes)
    await require_room(tx, services.settings, project_id=access.project_id)
    return await _make(tx, access, trail, asked, role=asked.role, project_id=access.project_id)


@router.delete("/{key_id}", status_code=204)
async def revoke_key(key_id: UUID, access: Access, tx: Tx, trail: Audit) -> None:
    """End a key now."""
    await _revoke(tx, trail, key_id, project_id=access.project_id)


@farm_router.get("")
async def list_farm_keys(access: Access, tx: Tx, page: PageQuery) -> Page[KeyView]:
    """The keys of the whole farm, newest first, without their secrets."""
    rows = await keys.list_keys(tx, project_id=None, limit=page.limit + 1, after=page.after_moment())
    return _page_of(rows, page)


@farm_router.post("", status_code=201)
async def create_farm_key(asked: NewFarmKey, access: Access, tx: Tx, trail: Audit) -> MadeKey:
    """A key of the whole farm."""
    return await _make(tx, access, trail, asked, role=asked.role, project_id=None)


@farm_router.delete("/{key_id}", status_code=204)
async def revoke_farm_key(key_id: UUID, access: Access, tx: Tx, trail: Audit) -> None:
    """End a key of the whole farm now; the one of this request too."""
    await _revoke(tx, trail, key_id, project_id=None)


def _page_of(rows: Sequence[KeyRow], page: PageRequest) -> Page[KeyView]:
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return Page(
        items=[view_of_key(row) for row in shown],
        next_cursor=cursor_of(shown[-1].created_at.isoformat(), shown[-1].id) if more else None,
    )


async def _make(
    tx: Transaction,
    caller: Caller,
    trail: Trail,
    asked: NewProjectKey | NewFarmKey,
    *,
    role: Role,
    project_id: UUID | None,
) -> MadeKey:
    require_within(caller, role, asked.scopes)
    made = await keys.create_key(
        tx,
        project_id=project_id,
        name=asked.name,
        role=role,
        scopes=asked.scopes,
        expires_at=asked.expires_at,
        created_by=caller.name,
    )
    row = await keys.find_key(tx, key_id=made.id)
    assert row is not None
    trail.note("key", made.id, after=facts_of_key(row))
    return MadeKey(**view_of_key(row).model_dump(), key=made.key)


async def _revoke(tx: Transaction, trail: Trail, key_id: UUID, *, project_id: UUID | None) -> None:
    row = await keys.find_key(tx, key_id=key_id)
    if row is None or row.project_id != project_id or not await keys.revoke_key(tx, key_id=key_id):
        raise NotFound("There is no such key, or it was revoked.", remedy="The list of keys names those that live.")
    trail.note("key", key_id, before=facts_of_key(row))
