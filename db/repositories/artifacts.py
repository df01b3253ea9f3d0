"""Output files of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, literal_column, select, tuple_

from db.session import Transaction
from db.tables import ARTIFACT

_NOT_FRAME = ARTIFACT.c.kind != literal_column("'frame'")
"""Written out, as the condition of a partial index must be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRow:
    id: UUID
    project_id: UUID
    job_id: UUID
    ordinal: int | None
    """None: of the whole job."""
    generation: int
    kind: str
    name: str
    storage_key: str
    size_bytes: int
    sha256: str
    media_type: str
    width: int | None
    height: int | None
    created_at: datetime


async def get_artifact(tx: Transaction, *, artifact_id: UUID, project_id: UUID) -> ArtifactRow | None:
    query = select(ARTIFACT).where(ARTIFACT.c.id == artifact_id, ARTIFACT.c.project_id == project_id)
    row = (await tx.execute(query)).mappings().one_or_none()
    return None if row is None else ArtifactRow(**row)


async def list_artifacts(
    tx: Transaction,
    *,
    job_id: UUID,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
    kinds: Sequence[str] | None = None,
    ordinal: int | None = None,
) -> list[ArtifactRow]:
    """Oldest first; ``after`` is (created_at, id) of the last one of the page before."""
    query = select(ARTIFACT).where(ARTIFACT.c.job_id == job_id)
    if ordinal is not None:
        query = query.where(ARTIFACT.c.ordinal == ordinal)
    if after is not None:
        query = query.where(tuple_(ARTIFACT.c.created_at, ARTIFACT.c.id) > after)
    query = query.order_by(ARTIFACT.c.created_at, ARTIFACT.c.id).limit(limit)
    if not kinds:
        return await _read(tx, query)
    found: list[ArtifactRow] = []
    for kind in {str(kind) for kind in kinds}:  # one at a time: each is a stretch of an index
        of_kind = query.where(ARTIFACT.c.kind == kind)
        found += await _read(tx, of_kind if kind == "frame" else of_kind.where(_NOT_FRAME))
    return sorted(found, key=lambda row: (row.created_at, row.id))[:limit]


async def frame_artifacts(
    tx: Transaction, *, job_id: UUID, ordinals: Sequence[int] | None = None, kinds: Sequence[str] = ("frame",)
) -> list[ArtifactRow]:
    """Pictures of these frames (None: of all), in the order of the range; the newest generation of each."""
    query = select(ARTIFACT).where(
        ARTIFACT.c.job_id == job_id, ARTIFACT.c.kind.in_([str(kind) for kind in kinds]), ARTIFACT.c.ordinal.is_not(None)
    )
    if ordinals is not None:
        query = query.where(ARTIFACT.c.ordinal.in_(list(ordinals)))
    rows = await tx.execute(query.order_by(ARTIFACT.c.ordinal, ARTIFACT.c.generation, ARTIFACT.c.created_at))
    found = [ArtifactRow(**row) for row in rows.mappings()]
    newest = {row.ordinal: row.generation for row in found}
    return [row for row in found if row.generation == newest[row.ordinal]]


async def _read(tx: Transaction, query: Select[Any]) -> list[ArtifactRow]:
    return [ArtifactRow(**row) for row in (await tx.execute(query)).mappings()]
