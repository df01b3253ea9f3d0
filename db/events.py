"""The feed: an event is written in the transaction that made it true, numbered per job without a gap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from db._query import as_json, run
from db.session import Transaction
from db.tables import EVENT
from jobs.events import EventKind


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    id: int
    seq: int
    kind: EventKind
    data: dict[str, Any]
    at: datetime


async def append_event(tx: Transaction, *, job_id: UUID, kind: EventKind, data: Mapping[str, object]) -> int:
    """Write the job's next event and wake the feeds at commit; returns its sequence number."""
    done = await run(tx, "append_event", job_id=job_id, kind=str(kind), data=as_json(data))
    return int(done.one()[0])


async def append_model_event(tx: Transaction, *, model_id: UUID, kind: EventKind, data: Mapping[str, object]) -> None:
    """The same for a model, which has no numbered feed of its own."""
    await run(tx, "append_model_event", model_id=model_id, kind=str(kind), data=as_json(data))


async def append_project_event(
    tx: Transaction, *, project_id: UUID, kind: EventKind, data: Mapping[str, object]
) -> None:
    """The same for what happened to a project itself."""
    await run(tx, "append_project_event", project_id=project_id, kind=str(kind), data=as_json(data))


async def read_events(tx: Transaction, *, job_id: UUID, after_seq: int, limit: int) -> list[EventRow]:
    """Events behind ``after_seq`` (0: from the start), oldest first."""
    rows = await tx.execute(
        select(EVENT.c.id, EVENT.c.seq, EVENT.c.kind, EVENT.c.data, EVENT.c.at)
        .where(EVENT.c.job_id == job_id, EVENT.c.seq > after_seq)
        .order_by(EVENT.c.seq)
        .limit(limit)
    )
    return [EventRow(id=row.id, seq=row.seq, kind=EventKind(row.kind), data=row.data, at=row.at) for row in rows.all()]
