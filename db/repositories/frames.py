"""Frames as people see them: the outcome if there is one, else the state of the work row that holds the frame."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any
from uuid import UUID

from db._frames import frame_range
from db._query import run
from db.repositories.jobs import JobRow
from db.session import Transaction
from jobs.order import Order, runs_at
from jobs.states import EndReason, FrameState, JobState

_BLOCK = 10_000
"""Frames looked at in one query where reused ones lie between those that are not carved."""

_OF_RESULTS = frozenset(state for state in FrameState if state.is_terminal)
"""States that a result row may give a frame."""

_OF_CHUNKS = frozenset({FrameState.QUEUED, FrameState.LEASED, FrameState.RENDERING})
"""States that a frame may have in a chunk."""


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
    at: datetime | None = None


async def list_frames(
    tx: Transaction, *, job: JobRow, first: int = 0, limit: int, states: Iterable[FrameState] | None = None
) -> list[FrameRow]:
    """Up to ``limit`` frames from ordinal ``first`` on, in the order of the range; only those in ``states``.

    Costs what the page costs, wherever it lies: each state is found through an index, or from the few rows of the
    queue that stand for all frames without outcome.
    """
    if not states:
        return await _rows_of(tx, job, range(first, min(first + limit, job.total)))
    wanted = frozenset(states)
    found: list[FrameRow] = []
    while len(found) < limit and first < job.total:
        candidates = await _candidates(tx, job, wanted, first, limit)
        if not candidates:
            break
        found += [row for row in await _rows_of(tx, job, candidates) if row.state in wanted]
        first = candidates[-1] + 1
    return found[:limit]


async def get_frame(tx: Transaction, *, job: JobRow, ordinal: int) -> FrameRow:
    """The frame at this place of the range; ``IndexError`` if there is none."""
    if not 0 <= ordinal < job.total:
        raise IndexError(ordinal)
    [row] = await _rows_of(tx, job, [ordinal])
    return row


async def _candidates(tx: Transaction, job: JobRow, wanted: frozenset[FrameState], first: int, limit: int) -> list[int]:
    """The next ordinals that may be in one of these states; none that is has been left out before the last of them."""
    near = {"job_id": job.id, "first": first, "limit": limit}
    sources: list[list[int]] = []
    for state in wanted & _OF_RESULTS:
        if state is FrameState.COMMITTED:
            sources.append(await _ordinals(tx, "committed_from", **near))
        else:
            sources.append(await _ordinals(tx, "resolved_from", state=state, **near))
    if wanted & _OF_CHUNKS and not job.state.is_terminal:
        sources.append(await _ordinals(tx, "held_from", **near))
    if FrameState.QUEUED in wanted and not _has_ended(job):
        sources.append(await _uncarved(tx, job, "open_ranges", first, limit))
    if FrameState.CANCELED in wanted and _has_ended(job):
        sources.append(await _ordinals(tx, "canceled_from", **near))
        sources.append(await _uncarved(tx, job, "canceled_ranges", first, limit))
    # A source that gave all that was asked for may have more behind its last one: nothing beyond that is known yet.
    beyond = min((source[-1] for source in sources if len(source) == limit), default=job.total)
    return sorted({ordinal for source in sources for ordinal in source if ordinal <= beyond})


async def _ordinals(tx: Transaction, name: str, **parameters: object) -> list[int]:
    return list((await run(tx, name, **parameters)).scalars().all())


async def _uncarved(tx: Transaction, job: JobRow, name: str, first: int, limit: int) -> list[int]:
    """The next ordinals of the positions that the job's range rows still hold, reused frames passed over."""
    order = Order(job.spec.get("order", Order.SCOUT))
    stretches = [
        stretch
        for row in (await run(tx, name, job_id=job.id)).all()
        for stretch in runs_at(order, job.total, row.first, min(row.count, job.total - row.first))
    ]
    upward = [stretch if stretch.step > 0 else stretch[::-1] for stretch in stretches]
    upward.sort(key=lambda stretch: stretch[0])
    supply = chain.from_iterable(
        stretch[bisect_left(stretch, first) :] for stretch in upward if stretch and stretch[-1] >= first
    )
    if not job.reused + job.skipped:
        return list(islice(supply, limit))
    found: list[int] = []
    while len(found) < limit and (block := list(islice(supply, max(limit, _BLOCK)))):
        named = {"job_id": job.id, "generation": job.generation, "ordinals": block}
        resolved = frozenset(await _ordinals(tx, "resolved_among", **named))
        found += [ordinal for ordinal in block if ordinal not in resolved]
    return found[:limit]


async def _rows_of(tx: Transaction, job: JobRow, ordinals: Sequence[int]) -> list[FrameRow]:
    """These frames with the state that each has."""
    named = list(ordinals)
    done = await run(tx, "frames_with_result", job_id=job.id, generation=job.generation, ordinals=named)
    results = {row.ordinal: row for row in done.all()}
    live = {} if job.state.is_terminal else await _live(tx, job, named)
    numbers = frame_range(job.spec["frames"])
    rows = []
    for ordinal in ordinals:
        if ordinal in results:
            rows.append(_with_result(results[ordinal]))
            continue
        otherwise = FrameState.CANCELED if _has_ended(job) else FrameState.QUEUED
        state, replica_id = live.get(ordinal, (otherwise, None))
        # A canceled frame has no row of its own: a million of them end with their job.
        reason = job.end_reason or EndReason.USER_CANCEL if state is FrameState.CANCELED else None
        rows.append(
            FrameRow(ordinal=ordinal, frame=numbers[ordinal], state=state, end_reason=reason, replica_id=replica_id)
        )
    return rows


async def _live(tx: Transaction, job: JobRow, ordinals: list[int]) -> dict[int, tuple[FrameState, UUID | None]]:
    """Which of these a chunk holds. The first of a rendering chunk renders; the others of it wait their turn."""
    live: dict[int, tuple[FrameState, UUID | None]] = {}
    for row in (await run(tx, "live_frames", job_id=job.id, ordinals=ordinals)).all():
        state = FrameState(row.state)
        if state is FrameState.RENDERING and row.place > 1:
            state = FrameState.LEASED
        live[row.ordinal] = (state, row.replica_id)
    return live


def _has_ended(job: JobRow) -> bool:
    """Whether a frame without outcome that no chunk holds is canceled."""
    return job.state.is_terminal or job.state is JobState.CANCELING


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
