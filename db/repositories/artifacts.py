"""Output files of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    any_,
    bindparam,
    exists,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.selectable import NamedFromClause

from db.repositories.filters import ALWAYS, Span, name_holds, within
from db.session import Transaction
from db.tables import ARTIFACT, MODEL, PROJECT

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
    deleted_at: datetime | None
    """When it expired: its file is gone, or will be soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesAround:
    """What the names of a job's files may take from beside the job."""

    project: str
    """Its slug."""
    model: str
    probe: dict[str, Any] | None


async def names_around(tx: Transaction, *, project_id: UUID, model_id: UUID) -> NamesAround | None:
    """None: there is no such model in the project."""
    query = (
        select(PROJECT.c.slug.label("project"), MODEL.c.name.label("model"), MODEL.c.probe)
        .join(PROJECT, PROJECT.c.id == MODEL.c.project_id)
        .where(MODEL.c.id == model_id, MODEL.c.project_id == project_id)
    )
    row = (await tx.execute(query)).mappings().one_or_none()
    return None if row is None else NamesAround(**row)


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
    name_part: str | None = None,
    created: Span = ALWAYS,
    regenerated: bool = True,
    present: bool = False,
) -> list[ArtifactRow]:
    """Oldest first; ``after`` is (created_at, id) of the last one of the page before.

    Of a frame that was rendered again, and of a film that was made again, only the newest files; a job of one
    generation (``regenerated=False``) has no others, and looking for them costs a lookup for each file. ``present``:
    only those that have not expired.
    """
    query = _of_job(job_id, name_part=name_part, created=created, regenerated=regenerated)
    if present:
        query = query.where(ARTIFACT.c.deleted_at.is_(None))
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


async def list_along_frames(
    tx: Transaction,
    *,
    job_id: UUID,
    first: int,
    last: int,
    limit: int,
    after: tuple[int, datetime, UUID] | None = None,
    kinds: Sequence[str] | None = None,
    name_part: str | None = None,
    created: Span = ALWAYS,
    regenerated: bool = True,
) -> list[ArtifactRow]:
    """Files of the frames from ordinal ``first`` to ``last``, in their order; costs what these hold, wherever they lie.

    ``after`` is (ordinal, created_at, id) of the last one of the page before.
    """
    places = (ARTIFACT.c.ordinal, ARTIFACT.c.created_at, ARTIFACT.c.id)
    if after is not None:
        first = max(first, after[0])
    query = _of_job(job_id, name_part=name_part, created=created, regenerated=regenerated)
    query = query.where(ARTIFACT.c.ordinal.between(first, last))
    if kinds:
        query = query.where(ARTIFACT.c.kind.in_([str(kind) for kind in kinds]))
    if after is not None:
        query = query.where(tuple_(*places) > after)
    return await _read(tx, query.order_by(*places).limit(limit))


async def frame_artifacts(
    tx: Transaction, *, job_id: UUID, ordinals: Sequence[int] | None = None, kinds: Sequence[str] = ("frame",)
) -> list[ArtifactRow]:
    """Pictures of these frames (None: of all), in the order of the range; the newest generation of each, without what
    has expired."""
    query = select(ARTIFACT).where(
        ARTIFACT.c.job_id == job_id,
        ARTIFACT.c.kind.in_([str(kind) for kind in kinds]),
        ARTIFACT.c.ordinal.is_not(None),
        ARTIFACT.c.deleted_at.is_(None),
    )
    if ordinals is not None:
        one_value = bindparam("ordinals", list(ordinals), type_=ARRAY(Integer))  # a statement takes 65,535 values
        query = query.where(ARTIFACT.c.ordinal == any_(one_value))
    rows = await tx.execute(query.order_by(ARTIFACT.c.ordinal, ARTIFACT.c.generation, ARTIFACT.c.created_at))
    found = [ArtifactRow(**row) for row in rows.mappings()]
    newest = {row.ordinal: row.generation for row in found}
    return [row for row in found if row.generation == newest[row.ordinal]]


def _of_job(job_id: UUID, *, name_part: str | None, created: Span, regenerated: bool) -> Select[Any]:
    query = select(ARTIFACT).where(ARTIFACT.c.job_id == job_id, *within(ARTIFACT.c.created_at, created))
    if name_part is not None:
        query = query.where(name_holds(ARTIFACT.c.name, name_part))
    return query.where(~_has_newer(ARTIFACT.alias("newer"))) if regenerated else query


async def _read(tx: Transaction, query: Select[Any]) -> list[ArtifactRow]:
    return [ArtifactRow(**row) for row in (await tx.execute(query)).mappings()]


def _has_newer(newer: NamedFromClause) -> ColumnElement[bool]:
    """Files of a later generation stand for this one: of its frame the picture, of the job the same kind of file."""
    of_frame = exists().where(
        newer.c.job_id == ARTIFACT.c.job_id,
        newer.c.ordinal == ARTIFACT.c.ordinal,
        newer.c.kind == "frame",
        newer.c.generation > ARTIFACT.c.generation,
    )
    of_job = exists().where(
        newer.c.job_id == ARTIFACT.c.job_id,
        newer.c.ordinal.is_(None),
        newer.c.kind == ARTIFACT.c.kind,
        newer.c.generation > ARTIFACT.c.generation,
    )
    return or_(of_frame, and_(ARTIFACT.c.ordinal.is_(None), of_job))
