"""Replicas as an operator sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from db._query import run
from db.session import Transaction
from db.tables import NODE, REPLICA


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
    drain_reason: str | None
    drain_by: datetime | None
    disabled: bool
    disabled_reason: str | None
    frames: int
    failures: int
    ray_node: str | None
    current: dict[str, Any] | None
    started_at: datetime
    beat_at: datetime
    gone_at: datetime | None
    silent_s: float
    """Seconds since its last beat, by the database's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRow:
    cluster_id: str
    name: str
    disabled: bool
    reason: str | None
    updated_at: datetime
    disabled_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRow:
    """What replicas of one kind offer to jobs."""

    labels: dict[str, str]
    engines: dict[str, str]
    device_class: str


async def list_kinds(tx: Transaction) -> list[KindRow]:
    """The kinds of replicas that take work."""
    return [KindRow(**row) for row in (await run(tx, "accepting_kinds")).mappings()]


async def list_nodes(tx: Transaction) -> list[NodeRow]:
    """Machines that somebody has said something about."""
    rows = await tx.execute(select(NODE).order_by(NODE.c.cluster_id, NODE.c.name))
    return [NodeRow(**row) for row in rows.mappings()]


async def list_replicas(
    tx: Transaction, *, cluster_id: str | None = None, replica_id: UUID | None = None, include_gone: bool = False
) -> list[ReplicaRow]:
    """By pool, node and age; with ``replica_id`` that one alone."""
    silent_s = func.extract("epoch", func.now() - REPLICA.c.beat_at).label("silent_s")
    query = select(*(column for column in REPLICA.c if column.name in ReplicaRow.__dataclass_fields__), silent_s)
    if cluster_id is not None:
        query = query.where(REPLICA.c.cluster_id == cluster_id)
    if replica_id is not None:
        query = query.where(REPLICA.c.id == replica_id)
    if not include_gone:
        query = query.where(REPLICA.c.state != "gone")
    order = (REPLICA.c.pool, REPLICA.c.node, REPLICA.c.started_at, REPLICA.c.id)
    rows = await tx.execute(query.order_by(*order))
    return [ReplicaRow(**{**row, "silent_s": float(row["silent_s"])}) for row in rows.mappings()]


async def are_all_stopped(tx: Transaction) -> bool:
    """Whether replicas are up and each of them is disabled or drains."""
    return bool((await run(tx, "all_stopped")).scalar_one())


async def trouble_of_job(tx: Transaction, *, job_id: UUID) -> str | None:
    """What keeps rendered frames of this job from storage, in a replica's words; None: nothing that is known."""
    query = (
        select(REPLICA.c.current["trouble"].astext)
        .where(
            REPLICA.c.state != "gone",
            REPLICA.c.current["job_id"].astext == str(job_id),
            REPLICA.c.current.has_key("trouble"),
        )
        .limit(1)
    )
    return (await tx.execute(query)).scalar_one_or_none()
