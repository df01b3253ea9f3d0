"""Reads the live replicas; what they do for other projects is shown to the farm's administrators alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from db.repositories.jobs import get_job
from db.repositories.replicas import ReplicaRow, list_replicas
from db.session import Transaction
from serve_app.paging import Page
from serve_app.replicas.schemas import Current, ReplicaView, Resident
from serve_app.security import Caller
from serve_app.services import ApiServices


async def list_live(tx: Transaction, *, caller: Caller, services: ApiServices) -> Page[ReplicaView]:
    """Replicas with a recent beat."""
    rows = await read_live(tx, services)
    own = {job_id for row in rows if (job_id := _job_of(row.current)) and await _is_own(tx, caller, job_id)}
    return Page(items=[_view_of(row, caller=caller, own=own) for row in rows])


async def read_live(tx: Transaction, services: ApiServices) -> list[ReplicaRow]:
    """Rows of replicas whose last beat is young enough."""
    longest_s = services.settings.replica_timeout.total_seconds()
    return [row for row in await list_replicas(tx) if row.silent_s <= longest_s]


async def _is_own(tx: Transaction, caller: Caller, job_id: UUID) -> bool:
    return caller.is_admin or await get_job(tx, project_id=caller.project_id, job_id=job_id) is not None


def _view_of(row: ReplicaRow, *, caller: Caller, own: set[UUID]) -> ReplicaView:
    residents = [
        Resident(digest=str(one["digest"]), size_bytes=int(one.get("bytes") or 0))
        for one in row.residents
        if caller.is_admin or str(one.get("project_id")) == str(caller.project_id)
    ]
    return ReplicaView(
        id=row.id,
        state=row.state,
        draining=row.drain,
        pool=row.pool,
        node=row.node,
        cluster=row.cluster_id,
        device_class=row.device_class,
        labels=row.labels,
        engines=row.engines,
        residents=residents,
        current=_current_of(row.current, own),
        started_at=row.started_at,
        beat_at=row.beat_at,
    )


def _job_of(current: dict[str, Any] | None) -> UUID | None:
    return UUID(str(current["job_id"])) if current and current.get("job_id") else None


def _current_of(current: dict[str, Any] | None, own: set[UUID]) -> Current | None:
    job_id = _job_of(current)
    if current is None or job_id is None:
        return None
    if job_id not in own:
        return Current()
    return Current(
        job=job_id,
        frame=current.get("frame"),
        part=current.get("part"),
        parts=current.get("parts"),
        fraction=current.get("fraction"),
        detail=current.get("detail") or None,
    )
