"""Jobs as people see them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, Float, FromClause, RowMapping, Select, bindparam, cast, func, select

from db._query import run
from db.session import Transaction
from db.tables import JOB, MODEL, PROJECT, WORK
from jobs.spec import PriorityClass
from jobs.states import EndReason, JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    id: UUID
    project_id: UUID
    model_id: UUID
    model_digest: str
    fps: float | None
    """Of the scene, as its probe read it."""
    name: str
    spec: dict[str, Any]
    state: JobState
    end_reason: EndReason | None
    message: str | None
    priority_rank: int
    """0 starts first; may differ from the spec's, which says what was asked for."""
    weight: int
    total: int
    split_parts: int
    """Parts of each frame; 1: frames are rendered whole."""
    committed: int
    reused: int
    failed: int
    canceled: int
    skipped: int
    generation: int
    engine_version: str | None
    device_class: str | None
    render_key: str | None
    wait_reason: str | None
    """As the planner saw it last, for a job that is queued or running (``jobs.planning.WaitReason``)."""
    event_seq: int
    render_ms_sum: float
    render_count: int
    warm_count: int
    cold_count: int
    max_replicas: int | None
    scouts: int | None
    approved_at: datetime | None
    start_before: datetime | None
    finish_before: datetime | None
    cloned_from: UUID | None
    tags: list[str]
    show: str | None
    shot: str | None
    submitted_by: str | None
    """For people: who asked for it."""
    destination_id: UUID | None
    """Where its files are delivered, as settled when it was submitted."""
    charged_ms: float
    suspects: int
    """Frames with a flag."""
    expires_at: datetime | None
    outputs_expired_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    running_since: datetime | None
    """When it last began to run, also after a pause, an approval or a retry."""
    renders_before: int
    """``render_count`` at that time."""
    ended_at: datetime | None
    rendering_on: int
    """Replicas that render frames or parts of it now."""

    @property
    def priority(self) -> PriorityClass:
        return list(PriorityClass)[self.priority_rank]

    @property
    def resolved(self) -> int:
        """Frames that have their outcome."""
        return self.committed + self.reused + self.failed + self.canceled + self.skipped


JOB_COLUMNS = [column for column in JOB.c if column.name in JobRow.__dataclass_fields__]
"""What a ``JobRow`` takes from the job's own row."""


async def get_job(tx: Transaction, *, job_id: UUID, project_id: UUID | None = None) -> JobRow | None:
    """Without a project: whosever it is, for the farm itself."""
    query = whole_jobs().where(JOB.c.id == job_id)
    if project_id is not None:
        query = query.where(JOB.c.project_id == project_id)
    row = (await tx.execute(query)).mappings().one_or_none()
    return None if row is None else job_of(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLabel:
    """What people know a job by."""

    name: str
    project: str
    """Slug."""


async def jobs_among(tx: Transaction, *, project_id: UUID | None, job_ids: Collection[UUID]) -> dict[UUID, JobLabel]:
    """Those of ``job_ids`` that are the project's; None: whosever they are."""
    if not job_ids:
        return {}
    query = select(JOB.c.id, JOB.c.name, PROJECT.c.slug).join(PROJECT, PROJECT.c.id == JOB.c.project_id)
    query = query.where(JOB.c.id.in_(job_ids))
    if project_id is not None:
        query = query.where(JOB.c.project_id == project_id)
    return {row.id: JobLabel(name=row.name, project=row.slug) for row in (await tx.execute(query)).all()}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedRow:
    """Tries of open frames that ended without a picture, and how the newest of them ended."""

    tries: int
    reason: EndReason
    message: str | None


async def retried_of_job(tx: Transaction, *, job_id: UUID) -> RetriedRow | None:
    """None: no open frame has been tried before."""
    row = (await run(tx, "retried_of_job", job_id=job_id)).one()
    if not row.tries:
        return None
    return RetriedRow(tries=row.tries, reason=EndReason(row.reason), message=row.message)


async def has_ended(tx: Transaction, *, job_id: UUID) -> bool:
    """Whether nothing more will come of the job unless it is retried; also of one that is not there (any more)."""
    state = (await tx.execute(select(JOB.c.state).where(JOB.c.id == job_id))).scalar_one_or_none()
    return state is None or JobState(state).is_terminal


def whole_jobs(source: FromClause = JOB) -> Select[Any]:
    """Rows for ``job_of``; ``source`` has the columns of ``JOB_COLUMNS``."""
    # Written out in the statement: a plan kept for any values would not use the partial index of live work.
    kinds: BindParameter[Any] = bindparam("kinds", ["chunk", "part"], expanding=True, literal_execute=True)
    state: BindParameter[Any] = bindparam("rendering", "rendering", literal_execute=True)
    columns = [source.c[column.name] for column in JOB_COLUMNS]
    fps = cast(MODEL.c.probe["fps"].astext, Float).label("fps")
    replicas = (
        select(func.count(WORK.c.replica_id.distinct()))
        .where(WORK.c.job_id == source.c.id, WORK.c.kind.in_(kinds), WORK.c.state == state)
        .scalar_subquery()
        .label("rendering_on")
    )
    return select(*columns, MODEL.c.digest.label("model_digest"), fps, replicas).join_from(
        source, MODEL, MODEL.c.id == source.c.model_id
    )


def job_of(row: RowMapping) -> JobRow:
    """A row of ``whole_jobs``."""
    reason = row["end_reason"]
    return JobRow(
        **{**row, "state": JobState(row["state"]), "end_reason": None if reason is None else EndReason(reason)}
    )
