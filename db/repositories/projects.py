"""Projects."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from db._query import run
from db.listen import DISPATCH
from db.repositories.filters import name_holds
from db.session import Transaction
from db.tables import PROJECT


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow:
    id: UUID
    slug: str
    name: str
    weight: int
    """Share of the farm, beside the other projects'."""
    created_at: datetime


_COLUMNS = [PROJECT.c[name] for name in ProjectRow.__dataclass_fields__]


async def find_project(tx: Transaction, *, slug: str) -> ProjectRow | None:
    return await _one(tx, PROJECT.c.slug == slug)


async def get_project(tx: Transaction, *, project_id: UUID, hold: bool = False) -> ProjectRow | None:
    """``hold``: keep other writers off until the transaction ends."""
    return await _one(tx, PROJECT.c.id == project_id, hold=hold)


async def list_projects(
    tx: Transaction,
    *,
    only: Collection[UUID] | None = None,
    name_part: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> list[ProjectRow]:
    """By slug, behind ``after``; ``only`` those named. ``name_part``: somewhere in the name or the slug."""
    query = select(*_COLUMNS).order_by(PROJECT.c.slug).limit(limit)
    if only is not None:
        query = query.where(PROJECT.c.id.in_(only))
    if name_part is not None:
        query = query.where(or_(name_holds(PROJECT.c.name, name_part), name_holds(PROJECT.c.slug, name_part)))
    if after is not None:
        query = query.where(PROJECT.c.slug > after)
    return [ProjectRow(**row) for row in (await tx.execute(query)).mappings()]


async def create_project(tx: Transaction, *, slug: str, name: str, weight: int) -> ProjectRow | None:
    """None where the slug is taken."""
    row = await tx.execute(
        insert(PROJECT)
        .values(
            id=uuid4(), slug=slug, name=name, weight=weight, charged_s=0.0, created_at=func.now(), charged_at=func.now()
        )
        .on_conflict_do_nothing(index_elements=["slug"])
        .returning(*_COLUMNS)
    )
    made = row.mappings().one_or_none()
    return None if made is None else ProjectRow(**made)


async def change_project(tx: Transaction, *, project_id: UUID, changes: Mapping[str, Any]) -> None:
    """Set ``name`` or ``weight``: its share from the next plan on; what it has used already counts by the new one
    too."""
    if not changes:
        return
    await tx.execute(update(PROJECT).where(PROJECT.c.id == project_id).values(**changes))
    await run(tx, "notify", channel=DISPATCH, payload="project")


async def _one(tx: Transaction, condition: ColumnElement[bool], *, hold: bool = False) -> ProjectRow | None:
    query = select(*_COLUMNS).where(condition)
    row = (await tx.execute(query.with_for_update(key_share=True) if hold else query)).mappings().one_or_none()
    return None if row is None else ProjectRow(**row)
