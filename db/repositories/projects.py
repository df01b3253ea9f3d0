"""Projects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select

from db._query import run
from db.listen import DISPATCH
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


async def get_project(tx: Transaction, *, project_id: UUID) -> ProjectRow | None:
    return await _one(tx, PROJECT.c.id == project_id)


async def list_projects(tx: Transaction) -> list[ProjectRow]:
    rows = await tx.execute(select(*_COLUMNS).order_by(PROJECT.c.slug))
    return [ProjectRow(**row) for row in rows.mappings()]


async def set_project_weight(tx: Transaction, *, slug: str, weight: int) -> bool:
    """Its share from the next plan on; what it has used already counts by the new weight too. False: there is none."""
    if (await run(tx, "set_project_weight", slug=slug, weight=weight)).one_or_none() is None:
        return False
    await run(tx, "notify", channel=DISPATCH, payload="project")
    return True


async def _one(tx: Transaction, condition: ColumnElement[bool]) -> ProjectRow | None:
    row = (await tx.execute(select(*_COLUMNS).where(condition))).mappings().one_or_none()
    return None if row is None else ProjectRow(**row)
