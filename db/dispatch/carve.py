"""Takes the next frames off a job's ranges, in its order of hand-out, past those that have their outcome already.

Where the job splits its frames, each wish gets one part. A frame is opened as a whole: the parts that no wish is left
for have no replica, and the planner places them like any chunk that came back.
"""

from __future__ import annotations

from collections import defaultdict, deque
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


_Positions = AsyncGenerator[tuple[int, int]]
"""(position, ordinal)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarvedChunk:
    job_id: UUID
    replica_id: UUID | None
    """None: a part that waits for the next plan."""
    first: int
    """Its first position; of use to people who read the queue."""
    ordinals: list[int]
    part: int | None = None
    parts: int | None = None


@dataclass(slots=True)
class _Left:
    """A range while it is carved."""

    id: int
    first: int
    count: int
    generation: int


async def carve(
    tx: Transaction, *, job: Any, ranges: Sequence[Any], wishes: Sequence[Carve]
) -> tuple[list[CarvedChunk], list[dict[str, int]]]:
    """Chunks for ``wishes`` in their order, and what is left of each range that was touched."""
    left = [_Left(row.id, row.first, row.count, row.generation) for row in ranges]
    before = {item.id: item.first for item in left}
    supply = _open_positions(tx, job, left, wanted=sum(wish.frames for wish in wishes))
    chunks = await (_whole(supply, job, wishes) if job.split_parts == 1 else _in_parts(supply, job, wishes))
    await supply.aclose()
    changed = [
        {"id": item.id, "first": item.first, "count": item.count} for item in left if item.first != before[item.id]
    ]
    return chunks, changed


async def _whole(supply: _Positions, job: Any, wishes: Sequence[Carve]) -> list[CarvedChunk]:
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
    return chunks


async def _in_parts(supply: _Positions, job: Any, wishes: Sequence[Carve]) -> list[CarvedChunk]:
    chunks: list[CarvedChunk] = []
    waiting = deque(wish.replica_id for wish in wishes)
    while waiting:
        try:
            position, ordinal = await anext(supply)
        except StopAsyncIteration:
            break
        chunks += [
            CarvedChunk(
                job_id=job.id,
                replica_id=waiting.popleft() if waiting else None,
                first=position,
                ordinals=[ordinal],
                part=part,
                parts=job.split_parts,
            )
            for part in range(job.split_parts)
        ]
    return chunks


async def _open_positions(tx: Transaction, job: Any, left: list[_Left], *, wanted: int) -> _Positions:
    """(position, ordinal) of frames without outcome; a position is off its range before it is handed on."""
    order = Order(job.hand_out)
    beyond = job.total if job.scouts is None else job.scouts  # the others wait for approval
    at_once = _LOOK_AHEAD if job.gaps else max(wanted, 1)  # a tick carves a frame or two of each of many jobs
    waiting = deque(left)
    while blocks := _next_blocks(waiting, order, job.total, beyond, at_once):
        resolved = await _resolved(tx, job, blocks) if job.gaps else {}
        for item, block in blocks:
            done = resolved.get(item.generation, frozenset())
            for ordinal in block:
                position = item.first
                item.first += 1
                item.count -= 1
                if ordinal not in done:
                    yield position, ordinal


def _next_blocks(
    waiting: deque[_Left], order: Order, total: int, beyond: int, at_once: int
) -> list[tuple[_Left, list[int]]]:
    """The ordinals that come next, ``at_once`` of all ranges together; a range that holds no more is taken out."""
    blocks: list[tuple[_Left, list[int]]] = []
    room = at_once
    while waiting and room:
        item = waiting[0]
        open_ = max(0, min(item.count, beyond - item.first))
        count = min(open_, room)
        if count:
            blocks.append((item, ordinals_at(order, total, item.first, count)))
            room -= count
        if count < open_:
            break
        waiting.popleft()
    return blocks


async def _resolved(tx: Transaction, job: Any, blocks: list[tuple[_Left, list[int]]]) -> dict[int, frozenset[int]]:
    """By generation: one look-up, however many ranges."""
    asked: dict[int, list[int]] = defaultdict(list)
    for item, block in blocks:
        asked[item.generation] += block
    done: dict[int, frozenset[int]] = {}
    for generation, ordinals in asked.items():
        found = await run(tx, "resolved_among", job_id=job.id, generation=generation, ordinals=ordinals)
        done[generation] = frozenset(found.scalars().all())
    return done
