"""Takes the next frames off a job's ranges, in its order of hand-out, past those that have their outcome already."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from db._query import run
from db.session import Transaction
from jobs.order import Order, ordinals_at
from jobs.planning import Carve

_LOOK_AHEAD = 4096
"""Positions looked at in one query where reused frames must be skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarvedChunk:
    job_id: UUID
    replica_id: UUID
    first: int
    """Its first position; of use to people who read the queue."""
    ordinals: list[int]


@dataclass(slots=True)
class _Left:
    """A range while it is carved."""

    id: int
    first: int
    count: int


async def carve(
    tx: Transaction, *, job: Any, ranges: Sequence[Any], wishes: Sequence[Carve]
) -> tuple[list[CarvedChunk], list[dict[str, int]]]:
    """Chunks for ``wishes`` in their order, and what is left of each range that was touched."""
    left = [_Left(row.id, row.first, row.count) for row in ranges]
    before = {item.id: item.first for item in left}
    supply = _open_positions(tx, job, left, sum(wish.frames for wish in wishes))
    chunks: list[CarvedChunk] = []
    for wish in wishes:
        positions: list[tuple[int, int]] = []
        while len(positions) < wish.frames:
            try:
                positions.append(await anext(supply))
            except StopAsyncIteration:
                break
        if not positions:
            break
        chunks.append(
            CarvedChunk(
                job_id=job.id,
                replica_id=wish.replica_id,
                first=positions[0][0],
                ordinals=[ordinal for _, ordinal in positions],
            )
        )
    await supply.aclose()
    changed = [
        {"id": item.id, "first": item.first, "count": item.count} for item in left if item.first != before[item.id]
    ]
    return chunks, changed


async def _open_positions(tx: Transaction, job: Any, left: list[_Left], wanted: int) -> AsyncGenerator[tuple[int, int]]:
    """(position, ordinal) of frames without outcome; a position is off its range before it is handed on."""
    order = Order(job.hand_out)
    look_ahead = _LOOK_AHEAD if job.gaps else wanted
    for item in left:
        while item.count:
            block = ordinals_at(order, job.total, item.first, min(item.count, look_ahead))
            resolved = await _resolved(tx, job, block) if job.gaps else frozenset[int]()
            for ordinal in block:
                position = item.first
                item.first += 1
                item.count -= 1
                if ordinal not in resolved:
                    yield position, ordinal


async def _resolved(tx: Transaction, job: Any, ordinals: list[int]) -> frozenset[int]:
    done = await run(tx, "resolved_among", job_id=job.id, generation=job.generation, ordinals=ordinals)
    return frozenset(done.scalars().all())
