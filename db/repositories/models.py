"""Registered model versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, tuple_, update

from db.session import Transaction
from db.tables import MODEL


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    id: UUID
    project_id: UUID
    name: str
    kind: str
    digest: str
    manifest: dict[str, Any]
    state: str
    probe: dict[str, Any] | None
    problem: dict[str, Any] | None
    keep_warm: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelName:
    """What identifies a model and what renders it; ``get_model`` has the rest."""

    id: UUID
    project_id: UUID
    kind: str
    digest: str


async def get_model(tx: Transaction, *, model_id: UUID, project_id: UUID | None = None) -> ModelRow | None:
    """Without a project: whosever it is, for the farm itself."""
    query = select(MODEL).where(MODEL.c.id == model_id)
    if project_id is not None:
        query = query.where(MODEL.c.project_id == project_id)
    row = (await tx.execute(query)).mappings().one_or_none()
    return None if row is None else ModelRow(**row)


async def list_models(
    tx: Transaction,
    *,
    project_id: UUID,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
    states: Sequence[str] | None = None,
) -> list[ModelRow]:
    """Newest first; ``after`` is (created_at, id) of the last one of the page before."""
    query = select(MODEL).where(MODEL.c.project_id == project_id)
    if states:
        query = query.where(MODEL.c.state.in_([str(state) for state in states]))
    if after is not None:
        query = query.where(tuple_(MODEL.c.created_at, MODEL.c.id) < after)
    rows = await tx.execute(query.order_by(MODEL.c.created_at.desc(), MODEL.c.id.desc()).limit(limit))
    return [ModelRow(**row) for row in rows.mappings()]


async def set_keep_warm(tx: Transaction, *, project_id: UUID, model_id: UUID, keep: bool) -> None:
    """Whether replicas with nothing to do shall load it."""
    mine = (MODEL.c.id == model_id) & (MODEL.c.project_id == project_id)
    await tx.execute(update(MODEL).where(mine).values(keep_warm=keep, updated_at=func.now()))


async def models_to_keep_warm(tx: Transaction, *, limit: int) -> list[ModelName]:
    """Of all projects, oldest first; without those that cannot be rendered."""
    query = select(MODEL.c.id, MODEL.c.project_id, MODEL.c.kind, MODEL.c.digest)
    query = query.where(MODEL.c.keep_warm, MODEL.c.state == "ready").order_by(MODEL.c.created_at, MODEL.c.id)
    return [ModelName(**row) for row in (await tx.execute(query.limit(limit))).mappings()]
