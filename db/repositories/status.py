"""What the whole farm does, in a few counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from db._query import run
from db.session import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderRow:
    role: str
    cluster_id: str
    leads: bool
    """Its reign has not expired, by the database's clock."""
    left_s: float
    """Seconds until it does; negative: since it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """Jobs of one class that have not ended."""

    priority_rank: int
    waiting: int
    """Queued, or blocked by another job."""
    running: int
    held: int
    """Paused, or waiting for a person."""
    frames: int
    """Frames without an outcome, of jobs that may be given out."""
    oldest_s: float | None
    """Age of the oldest queued job; None: none is queued."""


async def read_leaders(tx: Transaction) -> list[LeaderRow]:
    """Reigns of the last day, by role and cluster."""
    return [LeaderRow(**row) for row in (await run(tx, "read_leaders")).mappings()]


async def count_replicas(tx: Transaction, *, timeout: timedelta) -> Mapping[str, int]:
    """State → replicas with a beat younger than ``timeout``."""
    rows = await run(tx, "count_replicas", timeout=timeout)
    return {row["state"]: row["replicas"] for row in rows.mappings()}


async def count_queue(tx: Transaction) -> list[QueueRow]:
    """By class, the most urgent first. Costs a look at each job that has not ended."""
    rows = (await run(tx, "count_queue")).mappings()
    return [QueueRow(**{**row, "frames": row["frames"] or 0}) for row in rows]
