"""What waits in the queue, for what and for whom, over all projects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from db._query import run
from db.session import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitRow:
    """Jobs of one class that wait for one reason."""

    priority_rank: int
    reason: str
    jobs: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRow:
    cluster_id: str
    name: str
    desired: int | None
    """Slots that the last plan could use; None: it has planned for no such pool."""
    replicas: int
    accepting: int
    """Of them, those that take new work."""
    busy: int
    draining: int
    disabled: int
    classes: Sequence[Mapping[str, Any]]
    """Chunks by class: priority_rank, running, staged, oldest_staged_s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectQueueRow:
    slug: str
    weight: int
    used_s: float
    """Slot-seconds times the pool's weight, the older ones forgiven, as the planner counts them."""
    waiting: int
    running: int
    held: int
    frames: int
    """Without an outcome, of jobs that may be given out."""
    oldest_s: float | None
    chunks: int
    """At replicas now."""
    stopped: str | None
    """Why nothing of it starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQueueRow:
    """Work that no replica does: probes of models, merges, films and previews."""

    kind: str
    waiting: int
    running: int
    oldest_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmBlockRow:
    """What one machine has cost one job."""

    job_id: UUID
    job_name: str
    project: str
    node: str
    pipeline: str
    failures: int
    blocked_at: datetime | None


async def count_waits(tx: Transaction) -> list[WaitRow]:
    """By class, the most frequent reason first."""
    return [WaitRow(**row) for row in (await run(tx, "count_waits")).mappings()]


async def queue_of_pools(tx: Transaction, *, timeout: timedelta) -> list[PoolRow]:
    """Pools that have replicas with a beat younger than ``timeout``, or that were planned for."""
    return [PoolRow(**row) for row in (await run(tx, "queue_of_pools", timeout=timeout)).mappings()]


async def queue_of_projects(tx: Transaction, *, half_life: timedelta, limit: int) -> list[ProjectQueueRow]:
    """Projects with jobs that have not ended; who is owed most comes first."""
    rows = await run(tx, "queue_of_projects", half_life=half_life, limit=limit)
    return [ProjectQueueRow(**row) for row in rows.mappings()]


async def queue_of_tasks(tx: Transaction) -> list[TaskQueueRow]:
    return [TaskQueueRow(**row) for row in (await run(tx, "queue_of_tasks")).mappings()]


async def list_farm_blocks(
    tx: Transaction, *, node: str | None = None, blocked_only: bool = False, limit: int
) -> list[FarmBlockRow]:
    """Of jobs that have not ended, in all projects."""
    rows = await run(tx, "all_blocks", node=node, blocked_only=blocked_only, limit=limit)
    return [FarmBlockRow(**row) for row in rows.mappings()]


async def jobs_with_blocks(tx: Transaction, *, node: str, limit: int) -> list[UUID]:
    """Jobs that have failed on the machine and have not ended, in the order in which they are to be locked."""
    return list((await run(tx, "jobs_with_blocks", node=node, limit=limit)).scalars())
