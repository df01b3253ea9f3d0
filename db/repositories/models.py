"""Registered model versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, tuple_, update

from db.repositories.filters import ALWAYS, Span, name_holds, within
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


async def get_model(
    tx: Transaction, *, model_id: UUID, project_id: UUID | None = None, hold: bool = False
) -> ModelRow | None:
    """Without a project: whosever it is, for the farm itself. ``hold``: keep other writers off until the transaction
    ends."""
    query = select(MODEL).where(MODEL.c.id == model_id)
    if hold:
        query = query.with_for_update(key_share=True)
    if project_id is not None:
        query = query.where(MODEL.c.project_id == project_id)
    row = (await tx.execute(query)).mappings().one_or_none()
    return None if row is None else ModelRow(**row)


async def model_state(tx: Transaction, *, project_id: UUID, model_id: UUID) -> str | None:
    """Without its manifest, which may be long; None: it is not the project's."""
    query = select(MODEL.c.state).where(MODEL.c.id == model_id, MODEL.c.project_id == project_id)
    state: str | None = (await tx.execute(query)).scalar_one_or_none()
    return state


async def list_models(
    tx: Transaction,
    *,
    project_id: UUID,
    limit: int,
    after: tuple[datetime | str, UUID] | None = None,
    states: Sequence[str] | None = None,
    kinds: Sequence[str] | None = None,
    name_part: str | None = None,
    created: Span = ALWAYS,
    by_name: bool = False,
) -> list[ModelRow]:
    """Newest first, or ``by_name``; ``after`` is what it goes by, and the id, of the last one of the page before."""
    query = select(MODEL).where(MODEL.c.project_id == project_id, *within(MODEL.c.created_at, created))
    if states:
        query = query.where(MODEL.c.state.in_([str(state) for state in states]))
    if kinds:
        query = query.where(MODEL.c.kind.in_([str(kind) for kind in kinds]))
    if name_part is not None:
        query = query.where(name_holds(MODEL.c.name, name_part))
    if by_name:
        place = tuple_(MODEL.c.name, MODEL.c.id)
        query = query.order_by(MODEL.c.name, MODEL.c.id)
        query = query if after is None else query.where(place > after)
    else:
        place = tuple_(MODEL.c.created_at, MODEL.c.id)
        query = query.order_by(MODEL.c.created_at.desc(), MODEL.c.id.desc())
        query = query if after is None else query.where(place < after)
    return [ModelRow(**row) for row in (await tx.execute(query.limit(limit))).mappings()]


async def set_keep_warm(tx: Transaction, *, project_id: UUID, model_id: UUID, keep: bool) -> None:
    """Whether replicas with nothing to do shall load it."""
    mine = (MODEL.c.id == model_id) & (MODEL.c.project_id == project_id)
    await tx.execute(update(MODEL).where(mine).values(keep_warm=keep, updated_at=func.now()))


async def models_to_keep_warm(tx: Transaction, *, limit: int) -> list[ModelName]:
    """Of all projects, oldest first; without those that cannot be rendered."""
    query = select(MODEL.c.id, MODEL.c.project_id, MODEL.c.kind, MODEL.c.digest)
    query = query.where(MODEL.c.keep_warm, MODEL.c.state == "ready").order_by(MODEL.c.created_at, MODEL.c.id)
    return [ModelName(**row) for row in (await tx.execute(query.limit(limit))).mappings()]
