"""Projects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select

from db.session import Transaction
from db.tables import PROJECT


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow:
    id: UUID
    slug: str
    name: str
    created_at: datetime


_COLUMNS = [PROJECT.c[name] for name in ProjectRow.__dataclass_fields__]


async def find_project(tx: Transaction, *, slug: str) -> ProjectRow | None:
    return await _one(tx, PROJECT.c.slug == slug)


async def get_project(tx: Transaction, *, project_id: UUID) -> ProjectRow | None:
    return await _one(tx, PROJECT.c.id == project_id)


async def list_projects(tx: Transaction) -> list[ProjectRow]:
    rows = await tx.execute(select(*_COLUMNS).order_by(PROJECT.c.slug))
    return [ProjectRow(**row) for row in rows.mappings()]


async def _one(tx: Transaction, condition: ColumnElement[bool]) -> ProjectRow | None:
    row = (await tx.execute(select(*_COLUMNS).where(condition))).mappings().one_or_none()
    return None if row is None else ProjectRow(**row)
