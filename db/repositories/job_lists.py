"""Jobs of a project as lists: filtered, in an order, from where the page before ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, literal_column, select, tuple_

from db._query import run
from db.repositories.filters import Span, name_holds, within
from db.repositories.jobs import JOB_COLUMNS, JobRow, job_of, whole_jobs
from db.session import Transaction
from db.tables import JOB


class JobSort(StrEnum):
    """What a list goes by; a leading minus: the other way round."""

    NEWEST = "-created_at"
    OLDEST = "created_at"
    LAST_ENDED = "-ended_at"
    FIRST_ENDED = "ended_at"
    NAME = "name"
    NAME_BACKWARDS = "-name"

    @property
    def column(self) -> str:
        return self.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.startswith("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """What a job must be to be listed; None and empty: anything. Several tags: it has all of them."""

    states: Sequence[str] = ()
    pipeline: str | None = None
    model_id: UUID | None = None
    name_part: str | None = None
    """Somewhere in the name, in upper or lower case."""
    tags: Sequence[str] = ()
    show: str | None = None
    shot: str | None = None
    submitted_by: str | None = None
    created: Span = field(default_factory=Span)
    ended: Span = field(default_factory=Span)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """Jobs of one show, one shot, or one tag."""

    name: str
    shots: int
    jobs: int
    live: int
    """Not ended."""
    failed: int
    last_created_at: datetime


ANY_JOB = JobFilter()


async def list_jobs(
    tx: Transaction,
    *,
    project_id: UUID,
    limit: int,
    wanted: JobFilter = ANY_JOB,
    sort: JobSort = JobSort.NEWEST,
    after: tuple[datetime | str, UUID] | None = None,
) -> list[JobRow]:
    """``after``: of the last one of the page before, what ``sort`` goes by and its id. By ``ended_at``: only jobs that
    have ended."""
    rows = await tx.execute(page_of_jobs(project_id=project_id, limit=limit, wanted=wanted, sort=sort, after=after))
    return [job_of(row) for row in rows.mappings()]


def page_of_jobs(
    *,
    project_id: UUID,
    limit: int,
    wanted: JobFilter,
    sort: JobSort,
    after: tuple[datetime | str, UUID] | None,
) -> Select[Any]:
    """The statement of a page. The rows of the page are chosen first: what belongs to each is read for these alone."""
    key = JOB.c[sort.column]
    page = select(*JOB_COLUMNS).where(JOB.c.project_id == project_id, *_conditions(wanted))
    if sort.column == "ended_at":
        page = page.where(key.is_not(None))
    if after is not None:
        place = tuple_(key, JOB.c.id)
        page = page.where(place < after if sort.is_descending else place > after)
    chosen = page.order_by(*_order(key, JOB.c.id, sort)).limit(limit).subquery("page")
    return whole_jobs(chosen).order_by(*_order(chosen.c[sort.column], chosen.c.id, sort))


async def list_shows(tx: Transaction, *, project_id: UUID, after: str | None, limit: int) -> list[GroupRow]:
    """By name, behind ``after``."""
    rows = await run(tx, "list_shows", project_id=project_id, after=after, limit=limit)
    return [GroupRow(**row) for row in rows.mappings()]


async def list_shots(tx: Transaction, *, project_id: UUID, show: str, after: str | None, limit: int) -> list[GroupRow]:
    """Of one show, by name, behind ``after``."""
    rows = await run(tx, "list_shots", project_id=project_id, show=show, after=after, limit=limit)
    return [GroupRow(**row, shots=1) for row in rows.mappings()]


async def list_tags(tx: Transaction, *, project_id: UUID, after: str | None, limit: int) -> list[GroupRow]:
    """By name, behind ``after``."""
    rows = await run(tx, "list_tags", project_id=project_id, after=after, limit=limit)
    return [GroupRow(**row, shots=0) for row in rows.mappings()]


def _conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    found = [*within(JOB.c.created_at, wanted.created), *within(JOB.c.ended_at, wanted.ended)]
    states = sorted({str(state) for state in wanted.states})
    if states:  # one alone is a stretch of an index in the list's own order
        found.append(JOB.c.state == states[0] if len(states) == 1 else JOB.c.state.in_(states))
    if wanted.pipeline is not None:  # written as the index has it
        found.append(JOB.c.spec.op("->>")(literal_column("'pipeline'")) == wanted.pipeline)
    for column, value in (
        (JOB.c.model_id, wanted.model_id),
        (JOB.c.show, wanted.show),
        (JOB.c.shot, wanted.shot),
        (JOB.c.submitted_by, wanted.submitted_by),
    ):
        if value is not None:
            found.append(column == value)
    if wanted.tags:
        found.append(JOB.c.tags.contains(list(wanted.tags)))
    if wanted.name_part is not None:
        found.append(name_holds(JOB.c.name, wanted.name_part))
    return found


def _order(key: ColumnElement[Any], job_id: ColumnElement[Any], sort: JobSort) -> tuple[ColumnElement[Any], ...]:
    return (key.desc(), job_id.desc()) if sort.is_descending else (key.asc(), job_id.asc())
