"""Frames as people see them: the outcome if there is one, else the state of the work row that holds the frame."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any
from uuid import UUID

from db._frames import frame_range
from db._query import run
from db._reopened import Reopened, read_reopened
from db.repositories.jobs import JobRow
from db.session import Transaction
from jobs.order import Order, runs_at
from jobs.states import EndReason, FrameState, JobState, WorkKind, WorkState

_BLOCK = 10_000
"""Frames looked at in one query where resolved ones lie between those that are not carved."""

_OF_RESULTS = frozenset(state for state in FrameState if state.is_terminal)
"""States that a result row may give a frame."""

_OF_QUEUE = frozenset({FrameState.QUEUED, FrameState.LEASED, FrameState.RENDERING})
"""States that a frame may have in a row of the queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveProgress:
    """Where a frame that renders stood when its replica last said so."""

    fraction: float
    detail: str | None = None
    done: int | None = None
    total: int | None = None
    unit: str | None = None
    eta_seconds: float | None = None
    preview: int | None = None
    """Number of the newest picture of it, from 1."""
    preview_key: str | None = None
    """Where that is in storage."""


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
    progress: LiveProgress | None = None
    """None: it does not render, or has not been told of; of a split frame, the mean over its parts."""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFrame:
    """A frame that rows of the queue hold."""

    state: FrameState
    replica_id: UUID | None = None
    """Who renders it; of a split frame, one of those who do."""
    parts: int | None = None
    parts_done: int | None = None
    progress: LiveProgress | None = None


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


def live_of(job: JobRow, rows: Iterable[Any]) -> dict[int, LiveFrame]:
    """Which frames rows of the queue hold. The first of a rendering chunk renders, or is on its way to storage.

    Of the others the one that is told of renders, and the rest wait their turn. ``rows``: of ``live_frames.sql``.
    """
    live: dict[int, LiveFrame] = {}
    split: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        if row.kind != WorkKind.CHUNK:
            split[row.ordinal].append(row)
            continue
        state = FrameState(row.state)
        if state is FrameState.RENDERING and row.place > 1 and row.progress is None:
            state = FrameState.LEASED
        live[row.ordinal] = LiveFrame(state=state, replica_id=row.replica_id, progress=_progress_of(row.progress))
    if job.state is JobState.CANCELING:
        return live  # no part can make a frame any more: the cancel has counted every split one
    return live | {ordinal: _split_frame(rows) for ordinal, rows in split.items()}


def has_ended(job: JobRow) -> bool:
    """Whether a frame without outcome that no row holds is canceled."""
    return job.state.is_terminal or job.state is JobState.CANCELING


async def _candidates(tx: Transaction, job: JobRow, wanted: frozenset[FrameState], first: int, limit: int) -> list[int]:
    """The next ordinals that may be in one of these states; none that is has been left out before the last of them.

    A frame that is rendered again is among those of its last result, and among those of the row that it waits on.
    """
    near = {"job_id": job.id, "first": first, "limit": limit}
    sources: list[list[int]] = []
    for state in wanted & _OF_RESULTS:
        if state is FrameState.COMMITTED:
            sources.append(await _ordinals(tx, "committed_from", **near))
        else:
            sources.append(await _ordinals(tx, "resolved_from", state=state, **near))
    # Parts of a job that is being canceled may still render: their frame is canceled all the same.
    if wanted & (_OF_QUEUE | {FrameState.CANCELED}) and not job.state.is_terminal:
        sources.append(await _ordinals(tx, "held_from", **near))
    if FrameState.QUEUED in wanted and not has_ended(job):
        sources += await _uncarved(tx, job, "open_ranges", first, limit)
    if FrameState.CANCELED in wanted and has_ended(job):
        sources.append(await _ordinals(tx, "canceled_from", **near))
        sources += await _uncarved(tx, job, "canceled_ranges", first, limit)
    # A source that gave all that was asked for may have more behind its last one: nothing beyond that is known yet.
    beyond = min((source[-1] for source in sources if len(source) == limit), default=job.total)
    return sorted({ordinal for source in sources for ordinal in source if ordinal <= beyond})


async def _ordinals(tx: Transaction, name: str, **parameters: object) -> list[int]:
    return list((await run(tx, name, **parameters)).scalars().all())


async def _uncarved(tx: Transaction, job: JobRow, name: str, first: int, limit: int) -> list[list[int]]:
    """For each generation the next ordinals of the positions that its range rows still hold, resolved ones passed over.

    The ranges of one generation do not meet; a frame may be on those of several.
    """
    order = Order(job.spec["order"])
    stretches: dict[int, list[range]] = defaultdict(list)
    for row in (await run(tx, name, job_id=job.id)).all():
        stretches[row.generation] += runs_at(order, job.total, row.first, min(row.count, job.total - row.first))
    return [
        # Once the job has ended, any result counts.
        await _unresolved(tx, job, 1 if has_ended(job) else generation, runs, first, limit)
        for generation, runs in stretches.items()
    ]


async def _unresolved(
    tx: Transaction, job: JobRow, generation: int, stretches: list[range], first: int, limit: int
) -> list[int]:
    """The next ordinals of these stretches without a result of ``generation`` or a later one."""
    upward = [stretch if stretch.step > 0 else stretch[::-1] for stretch in stretches]
    upward.sort(key=lambda stretch: stretch[0])
    supply = chain.from_iterable(
        stretch[bisect_left(stretch, first) :] for stretch in upward if stretch and stretch[-1] >= first
    )
    if not job.reused + job.skipped and job.generation == 1:
        return list(islice(supply, limit))
    found: list[int] = []
    while len(found) < limit and (block := list(islice(supply, max(limit, _BLOCK)))):
        named = {"job_id": job.id, "generation": generation, "ordinals": block}
        resolved = frozenset(await _ordinals(tx, "resolved_among", **named))
        found += [ordinal for ordinal in block if ordinal not in resolved]
    return found[:limit]


async def _rows_of(tx: Transaction, job: JobRow, ordinals: Sequence[int]) -> list[FrameRow]:
    """These frames with the state that each has."""
    named = list(ordinals)
    reopened = await _reopened(tx, job, named)
    of_job = {"job_id": job.id, "ordinals": named}
    done = await run(tx, "frames_with_result", **of_job)
    results = {row.ordinal: row for row in done.all()}
    live = {} if job.state.is_terminal else live_of(job, (await run(tx, "live_frames.some", **of_job)).all())
    numbers = frame_range(job.spec["frames"])
    rows = []
    for ordinal in ordinals:
        result = None if ordinal in live else results.get(ordinal)
        if result is not None and not reopened.holds(ordinal, result.generation):
            rows.append(_with_result(result))
            continue
        held = live.get(ordinal) or LiveFrame(state=FrameState.CANCELED if has_ended(job) else FrameState.QUEUED)
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
                progress=held.progress,
            )
        )
    return rows


async def _reopened(tx: Transaction, job: JobRow, ordinals: Sequence[int]) -> Reopened:
    order = Order(job.spec["order"])
    return await read_reopened(
        tx, job_id=job.id, generation=job.generation, order=order, total=job.total, ordinals=ordinals
    )


def _split_frame(rows: list[Any]) -> LiveFrame:
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
    return LiveFrame(
        state=state,
        replica_id=replica_id,
        parts=parts,
        parts_done=parts - waiting,
        progress=_progress_of_parts(parts, parts - waiting, [_progress_of(row.progress) for row in active]),
    )


def _progress_of(current: dict[str, Any] | None) -> LiveProgress | None:
    """``current``: of the replica's row, where it is about this very frame."""
    if current is None:
        return None
    return LiveProgress(
        fraction=current["fraction"],
        detail=current.get("detail") or None,
        done=current.get("done"),
        total=current.get("total"),
        unit=current.get("unit"),
        eta_seconds=current.get("eta_seconds"),
        preview=current.get("preview"),
        preview_key=current.get("preview_key"),
    )


def _progress_of_parts(parts: int, done: int, active: list[LiveProgress | None]) -> LiveProgress | None:
    """Of the whole frame: a part that is done counts for one, one that is not told of for nothing."""
    told = [one.fraction for one in active if one is not None]
    return LiveProgress(fraction=(done + sum(told)) / parts) if done or told else None


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
