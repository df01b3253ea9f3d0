"""Frames as people see them: the outcome if there is one, else the state of the work row that holds the frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from db._frames import frame_range
from db._query import run
from db._reopened import Reopened, read_reopened
from db.repositories.jobs import JobRow
from db.session import Transaction
from jobs.order import Order
from jobs.states import EndReason, FrameState, JobState, WorkKind, WorkState

_BLOCK = 10_000
"""Frames looked at in one query where the states asked for are not those of results."""

_OF_RESULTS = frozenset({FrameState.COMMITTED, FrameState.REUSED, FrameState.FAILED, FrameState.SKIPPED})
"""States that every frame which has them has a result row for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRow:
    ordinal: int
    frame: int
    state: FrameState
    end_reason: EndReason | None = None
    message: str | None = None
    attempt_id: UUID | None = None
    replica_id: UUID | None = None
    """Who rendered it, or renders it."""
    render_ms: float | None = None
    warm: bool | None = None
    parts: int | None = None
    """Of a split frame that is under way: its parts, and how many of them are rendered."""
    parts_done: int | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Live:
    """A frame that rows of the queue hold."""

    state: FrameState
    replica_id: UUID | None = None
    """Who renders it; of a split frame, one of those who do."""
    parts: int | None = None
    parts_done: int | None = None


async def list_frames(
    tx: Transaction, *, job: JobRow, first: int = 0, limit: int, states: Iterable[FrameState] | None = None
) -> list[FrameRow]:
    """Up to ``limit`` frames from ordinal ``first`` on, in the order of the range; only those in ``states``."""
    wanted = frozenset(states) if states else frozenset(FrameState)
    reopened = await _reopened(tx, job)
    if wanted <= _OF_RESULTS and (job.generation == 1 or job.state.is_terminal):
        rows = await _results(tx, job, first, job.total, limit, states=sorted(wanted))
        return [_with_result(row) for row in rows]
    live = await _live(tx, job)
    found: list[FrameRow] = []
    block = limit if states is None else max(limit, _BLOCK)
    while first < job.total and len(found) < limit:
        beyond = min(first + block, job.total)
        found += [row for row in await _stretch(tx, job, live, reopened, first, beyond) if row.state in wanted]
        first = beyond
    return found[:limit]


async def get_frame(tx: Transaction, *, job: JobRow, ordinal: int) -> FrameRow:
    """The frame at this place of the range; ``IndexError`` if there is none."""
    if not 0 <= ordinal < job.total:
        raise IndexError(ordinal)
    [row] = await _stretch(tx, job, await _live(tx, job), await _reopened(tx, job), ordinal, ordinal + 1)
    return row


async def _stretch(
    tx: Transaction, job: JobRow, live: dict[int, _Live], reopened: Reopened, first: int, beyond: int
) -> list[FrameRow]:
    results = {row.ordinal: row for row in await _results(tx, job, first, beyond, beyond - first)}
    numbers = frame_range(job.spec["frames"])
    ended = job.state.is_terminal or job.state is JobState.CANCELING
    rows = []
    for ordinal in range(first, beyond):
        result = None if ordinal in live else results.get(ordinal)
        if result is not None and not reopened.holds(ordinal, result.generation):
            rows.append(_with_result(result))
            continue
        held = live.get(ordinal) or _Live(state=FrameState.CANCELED if ended else FrameState.QUEUED)
        # A canceled frame has no row of its own: a million of them end with their job.
        reason = job.end_reason or EndReason.USER_CANCEL if held.state is FrameState.CANCELED else None
        rows.append(
            FrameRow(
                ordinal=ordinal,
                frame=numbers[ordinal],
                state=held.state,
                end_reason=reason,
                replica_id=held.replica_id,
                parts=held.parts,
                parts_done=held.parts_done,
            )
        )
    return rows


async def _results(
    tx: Transaction, job: JobRow, first: int, beyond: int, limit: int, states: Sequence[FrameState] | None = None
) -> Sequence[Any]:
    done = await run(
        tx,
        "frames_with_result",
        job_id=job.id,
        first=first,
        beyond=beyond,
        states=None if states is None else [str(state) for state in states],
        limit=limit,
    )
    return done.all()


async def _reopened(tx: Transaction, job: JobRow) -> Reopened:
    order = Order(job.spec["order"])
    return await read_reopened(tx, job_id=job.id, generation=job.generation, order=order, total=job.total)


async def _live(tx: Transaction, job: JobRow) -> dict[int, _Live]:
    """Frames that a row holds. The first of a rendering chunk renders; the others of it wait their turn."""
    if job.state.is_terminal:
        return {}
    live: dict[int, _Live] = {}
    split: dict[int, list[Any]] = defaultdict(list)
    for row in (await run(tx, "live_chunks", job_id=job.id)).all():
        if row.kind != WorkKind.CHUNK:
            split[row.ordinals[0]].append(row)
            continue
        for place, ordinal in enumerate(row.ordinals):
            state = FrameState(row.state)
            if state is FrameState.RENDERING and place > 0:
                state = FrameState.LEASED
            live[ordinal] = _Live(state=state, replica_id=row.replica_id)
    if job.state is JobState.CANCELING:
        return live  # no part can make a frame any more: the cancel has counted every split one
    return live | {ordinal: _split_frame(rows) for ordinal, rows in split.items()}


def _split_frame(rows: list[Any]) -> _Live:
    """Of the rows that are left of a split frame: it renders while any part does or has, and while it is merged."""
    parts = rows[0].parts
    waiting = sum(row.kind == WorkKind.PART for row in rows)
    active = [row for row in rows if row.kind == WorkKind.PART and row.state == WorkState.RENDERING]
    if active or waiting < parts:
        state = FrameState.RENDERING
    elif any(row.state == WorkState.LEASED for row in rows):
        state = FrameState.LEASED
    else:
        state = FrameState.QUEUED
    replica_id = active[0].replica_id if active else None
    return _Live(state=state, replica_id=replica_id, parts=parts, parts_done=parts - waiting)


def _with_result(row: Any) -> FrameRow:
    return FrameRow(
        ordinal=row.ordinal,
        frame=row.frame,
        state=FrameState(row.state),
        end_reason=EndReason(row.end_reason),
        message=row.message,
        attempt_id=row.attempt_id,
        replica_id=row.replica_id,
        render_ms=row.render_ms,
        warm=row.warm,
        at=row.at,
    )
