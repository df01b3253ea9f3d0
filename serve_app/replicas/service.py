"""Reads the live replicas. Anybody sees them; what they do, only who may read the project that they do it for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from db.repositories.attempts import list_attempts_of_replica
from db.repositories.jobs import JobLabel, jobs_among
from db.repositories.replicas import ReplicaRow, list_nodes, list_replicas
from db.session import Transaction
from db.workers import drain_replica, set_replica_disabled
from jobs.access import Permission
from jobs.errors import NotFound
from serve_app.paging import Page
from serve_app.replicas.schemas import Current, DrainNotice, ReplicaAttempt, ReplicaView, Resident, Sandbox
from serve_app.security import Caller
from serve_app.services import ApiServices

_BY_OPERATOR = "An operator drained it."
RESTARTED = "An operator restarted it."
"""Why a replica leaves that shall be replaced, where nobody says more."""


async def list_live(tx: Transaction, *, caller: Caller, services: ApiServices) -> Page[ReplicaView]:
    """Replicas with a recent beat."""
    return Page(items=await _views(tx, await read_live(tx, services), caller=caller))


async def read(tx: Transaction, *, caller: Caller, services: ApiServices, replica_id: UUID) -> ReplicaView:
    """One live replica. Raises ``NotFound``."""
    views = await _views(tx, await read_live(tx, services, replica_id=replica_id), caller=caller)
    if not views:
        raise _unknown(replica_id)
    return views[0]


async def attempts(tx: Transaction, *, caller: Caller, replica_id: UUID, limit: int) -> Page[ReplicaAttempt]:
    """Its last tries, newest first, at frames of jobs that the caller may read."""
    if not caller.may(Permission.PROJECT_READ):
        return Page(items=[])
    rows = await list_attempts_of_replica(
        tx, replica_id=replica_id, project_id=None if caller.sees_all else caller.project_id, limit=limit
    )
    return Page(
        items=[
            ReplicaAttempt(
                job=row.job_id,
                job_name=row.job_name,
                project=row.project,
                frame=row.frame,
                outcome=row.outcome,
                message=row.message,
                started_at=row.started_at,
                ended_at=row.ended_at,
            )
            for row in rows
        ]
    )


async def drain(tx: Transaction, *, replica_id: UUID, notice: DrainNotice) -> None:
    """Raises ``NotFound`` for a replica that is gone."""
    if not await drain_replica(tx, replica_id=replica_id, reason=notice.reason or _BY_OPERATOR, within=_within(notice)):
        raise _unknown(replica_id)


async def set_disabled(tx: Transaction, *, replica_id: UUID, disabled: bool, reason: str | None = None) -> None:
    """Raises ``NotFound`` for a replica that is gone."""
    if not await set_replica_disabled(tx, replica_id=replica_id, disabled=disabled, reason=reason):
        raise _unknown(replica_id)


async def standing_of(tx: Transaction, *, services: ApiServices, replica_id: UUID) -> dict[str, object]:
    """What an operator may change of a replica; empty for one that is gone."""
    return {
        name: getattr(row, name)
        for row in await read_live(tx, services, replica_id=replica_id)
        for name in ("drain", "drain_reason", "drain_by", "disabled", "disabled_reason")
    }


def _within(notice: DrainNotice) -> timedelta | None:
    return None if notice.within_s is None else timedelta(seconds=notice.within_s)


def _unknown(replica_id: UUID) -> NotFound:
    return NotFound(f"There is no live replica {replica_id}.", remedy="GET /v1/replicas lists them.")


async def read_live(tx: Transaction, services: ApiServices, *, replica_id: UUID | None = None) -> list[ReplicaRow]:
    """Rows of replicas whose last beat is young enough; with ``replica_id`` that one alone."""
    longest_s = services.settings.replica_timeout.total_seconds()
    return [row for row in await list_replicas(tx, replica_id=replica_id) if row.silent_s <= longest_s]


async def _views(tx: Transaction, rows: Sequence[ReplicaRow], *, caller: Caller) -> list[ReplicaView]:
    """A fixed number of statements, however many replicas are busy."""
    busy = {job_id for row in rows if (job_id := _job_of(row.current))}
    own: Mapping[UUID, JobLabel] = {}
    if caller.may(Permission.PROJECT_READ):
        own = await jobs_among(tx, project_id=None if caller.sees_all else caller.project_id, job_ids=busy)
    off = {(row.cluster_id, row.name) for row in await list_nodes(tx) if row.disabled}
    return [_view_of(row, caller=caller, own=own, off=off) for row in rows]


def _view_of(
    row: ReplicaRow, *, caller: Caller, own: Mapping[UUID, JobLabel], off: set[tuple[str, str]]
) -> ReplicaView:
    is_reader = caller.may(Permission.PROJECT_READ)
    residents = [
        Resident(digest=str(one["digest"]), size_bytes=int(one.get("bytes") or 0), vram_bytes=one.get("vram_bytes"))
        for one in row.residents
        if caller.sees_all or (is_reader and str(one.get("project_id")) == str(caller.project_id))
    ]
    return ReplicaView(
        id=row.id,
        state=row.state,
        draining=row.drain,
        drain_reason=row.drain_reason,
        drain_by=row.drain_by,
        disabled=row.disabled or (row.cluster_id, row.node) in off,
        disabled_reason=row.disabled_reason,
        frames=row.frames,
        failures=row.failures,
        pool=row.pool,
        node=row.node,
        cluster=row.cluster_id,
        device_class=row.device_class,
        labels=row.labels,
        engines=row.engines,
        residents=residents,
        current=_current_of(row.current, own),
        sandbox=_sandbox_of(row.current),
        started_at=row.started_at,
        beat_at=row.beat_at,
    )


def _job_of(current: dict[str, Any] | None) -> UUID | None:
    return UUID(str(current["job_id"])) if current and current.get("job_id") else None


def _sandbox_of(current: dict[str, Any] | None) -> Sandbox | None:
    told = (current or {}).get("sandbox")
    return None if told is None else Sandbox(level=told["level"], missing=told["missing"])


def _current_of(current: dict[str, Any] | None, own: Mapping[UUID, JobLabel]) -> Current | None:
    job_id = _job_of(current)
    if current is None or job_id is None:
        return None
    if job_id not in own:
        return Current()
    return Current(
        job=job_id,
        job_name=own[job_id].name,
        project=own[job_id].project,
        frame=current.get("frame"),
        part=current.get("part"),
        parts=current.get("parts"),
        fraction=current.get("fraction"),
        detail=current.get("detail") or None,
    )
