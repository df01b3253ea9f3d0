"""Replicas as an operator sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from db._query import run
from db.session import Transaction
from db.tables import REPLICA

_HIDDEN = {"disabled", "frames", "failures"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaRow:
    id: UUID
    cluster_id: str
    pool: str
    node: str
    serve_id: str
    labels: dict[str, str]
    engines: dict[str, str]
    device_class: str
    residents: list[dict[str, Any]]
    state: str
    drain: bool
    current: dict[str, Any] | None
    started_at: datetime
    beat_at: datetime
    gone_at: datetime | None
    silent_s: float
    """Seconds since its last beat, by the database's clock."""


async def list_replicas(
    tx: Transaction, *, cluster_id: str | None = None, include_gone: bool = False
) -> list[ReplicaRow]:
    """By pool, node and age."""
    silent_s = func.extract("epoch", func.now() - REPLICA.c.beat_at).label("silent_s")
    query = select(*(column for column in REPLICA.c if column.name not in _HIDDEN), silent_s)
    if cluster_id is not None:
        query = query.where(REPLICA.c.cluster_id == cluster_id)
    if not include_gone:
        query = query.where(REPLICA.c.state != "gone")
    order = (REPLICA.c.pool, REPLICA.c.node, REPLICA.c.started_at, REPLICA.c.id)
    rows = await tx.execute(query.order_by(*order))
    return [ReplicaRow(**{**row, "silent_s": float(row["silent_s"])}) for row in rows.mappings()]


async def drain_replica(tx: Transaction, *, replica_id: UUID) -> bool:
    """Tell a replica to finish its frame and give the rest back; False: it is gone or unknown."""
    return (await run(tx, "drain_replica", replica_id=replica_id)).one_or_none() is not None
