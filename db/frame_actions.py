"""Retry, requeue and skip: a person changes what becomes of frames, of a job that lives or of one that has ended.

All at once or not at all, under the job's lock. Results are history and stay: a frame that is rendered again goes on
a range of a new generation, behind which its older results do not count.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from db._frames import frame_range
from db._jobs import LockedJob, lock_job
from db._query import as_json, run
from db._reopened import Reopened, read_reopened
from db.billing.quotas import require_frames_in_quotas
from db.control import require_time_left
from db.dependencies import hold_dependencies, state_to_retry_in
from db.events import append_event
from db.listen import DISPATCH
from db.session import Transaction
from db.settle import settle
from db.transitions import change_job
from jobs.errors import Conflict
from jobs.events import EventKind
from jobs.frame_actions import FRAME_ACTIONS, Effect, FrameAction, refuse_frames
from jobs.frames import FrameRange
from jobs.order import Order, position_of, runs_of
from jobs.states import EndReason, FrameState, JobCommand, JobState, next_state, refusal

_EVENT_FRAMES = 1000
"""Frames that an event names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FramesChanged:
    """What an action did."""

    changed: int
    """Frames that were something else before."""
    state: JobState


@dataclass(slots=True)
class _Frames:
    """Ordinals by the state that they are in, of all that the action names."""

    by_state: dict[FrameState, list[int]] = field(default_factory=lambda: defaultdict(list))
    without_result: list[int] = field(default_factory=list)
    """Of a job that has ended: canceled with it, without a row of their own; of the whole job."""
    chunks: list[int] = field(default_factory=list)
    """Chunks that wait and hold some of them."""


async def retry_job(tx: Transaction, *, job_id: UUID, ordinals: Sequence[int] | None = None) -> FramesChanged:
    """A job that failed or was canceled gets a new generation: its frames without a picture are rendered, and its
    outputs made again. With ``ordinals`` only these; what else has no picture stays as it ended.

    ``Conflict`` in another state, where a deadline has passed, or where a job that it waits for has failed itself.
    """
    await hold_dependencies(tx, job_id=job_id)
    next_state((await lock_job(tx, job_id)).state, JobCommand.RETRY)
    return await act_on_frames(tx, job_id=job_id, action=FrameAction.RETRY, ordinals=ordinals)


async def act_on_frames(
    tx: Transaction, *, job_id: UUID, action: FrameAction, ordinals: Sequence[int] | None
) -> FramesChanged:
    """Do ``action`` to these frames (None: to all), as ``jobs.frame_actions`` says; ``Conflict`` changes nothing.

    ``OverQuota`` where the project may not have so many more frames queued.
    """
    await hold_dependencies(tx, job_id=job_id)
    job = await lock_job(tx, job_id)
    if job.state is JobState.CANCELING:
        raise refusal(job.state, str(action))
    row = (await run(tx, "frame_job", job_id=job_id)).one()
    numbers, order = frame_range(row.frames), Order(row.hand_out)
    frames = await _look(tx, job, order, ordinals)
    # Lists as long as the job are gone through in threads: the process answers others meanwhile.
    reopen, skip = await asyncio.to_thread(_decide, action, frames, numbers)
    changed = sum(map(len, reopen.values())) + sum(map(len, skip.values()))
    if not changed and not (action is FrameAction.RETRY and ordinals is None and job.state.is_terminal):
        if action is FrameAction.RETRY:
            raise Conflict(
                "None of these frames has failed or was canceled.",
                remedy="requeue renders frames again that have their picture.",
                state=str(job.state),
                allowed=[str(FrameAction.REQUEUE), str(FrameAction.SKIP)],
            )
        return FramesChanged(changed=0, state=job.state)
    if reopen:
        await require_frames_in_quotas(tx, project_id=job.project_id, frames=sum(map(len, reopen.values())))
    await _open_job(tx, job, reopens=bool(reopen))
    raised = bool(reopen) or job.state.is_terminal or any(state is not FrameState.QUEUED for state in skip)
    generation = job.generation + raised
    await _count(tx, job, generation, reopen, skip)
    if reopen:
        reopened = await asyncio.to_thread(_all_of, reopen)
        await _reopen(tx, job, generation, order, reopened)
        await _tell(tx, job_id, EventKind.FRAMES_REQUEUED, numbers, reopened, generation)
    if skip:
        skipped = await asyncio.to_thread(_all_of, skip)
        await _insert(tx, job_id, generation, numbers, skipped, FrameState.SKIPPED, EndReason.USER_SKIP)
        await run(tx, "take_frames_out", work_ids=frames.chunks, ordinals=skipped)
        await _tell(tx, job_id, EventKind.FRAMES_SKIPPED, numbers, skipped, generation)
    left_out = await asyncio.to_thread(_without, frames.without_result, (*reopen.values(), *skip.values()))
    if left_out:
        await _insert(tx, job_id, generation, numbers, left_out, FrameState.CANCELED, EndReason.USER_CANCEL)
    if len(left_out) < len(frames.without_result):  # others may have rendered them since
        await run(tx, "reuse_looked", job_id=job_id, beyond=0)
    await run(tx, "notify", channel=DISPATCH, payload="job")
    return FramesChanged(changed=changed, state=await settle(tx, job_id=job_id))


async def _look(tx: Transaction, job: LockedJob, order: Order, ordinals: Sequence[int] | None) -> _Frames:
    """The state of each named frame, with every chunk under lock: a claim under way counts as done."""
    chunks = (await run(tx, "lock_live_chunks", job_id=job.id)).all()
    reopened = await read_reopened(tx, job_id=job.id, generation=job.generation, order=order, total=job.total)
    everything = ordinals is None or job.state.is_terminal
    rows = (await run(tx, "last_results", job_id=job.id, ordinals=None if everything else list(ordinals or ()))).all()
    return await asyncio.to_thread(_sort_out, job, ordinals, chunks, reopened, rows)


def _sort_out(
    job: LockedJob, ordinals: Sequence[int] | None, chunks: Sequence[Any], reopened: Reopened, results: Sequence[Any]
) -> _Frames:
    wanted: set[int] | range = range(job.total) if ordinals is None else set(ordinals)
    frames = _Frames()
    held: set[int] = set()
    for row in chunks:
        state = FrameState.QUEUED if row.state == "queued" and row.kind == "chunk" else FrameState(row.state)
        if row.kind != "chunk" and state is FrameState.QUEUED:
            state = FrameState.RENDERING  # some of its parts may be there already
        inside = [ordinal for ordinal in row.ordinals if ordinal in wanted]
        held.update(inside)
        if inside:
            frames.by_state[state] += inside
            if state is FrameState.QUEUED:
                frames.chunks.append(row.id)
    resolved: set[int] = set()
    for row in results:
        for ordinal in row.ordinals:
            if ordinal in held or reopened.holds(ordinal, row.generation):
                continue
            resolved.add(ordinal)
            if ordinal in wanted:
                frames.by_state[FrameState(row.state)].append(ordinal)
    if job.state.is_terminal:
        frames.without_result = [ordinal for ordinal in range(job.total) if ordinal not in resolved]
        ended = [ordinal for ordinal in frames.without_result if ordinal in wanted]
        if ended:
            frames.by_state[FrameState.CANCELED] += ended
    else:
        waiting = [ordinal for ordinal in wanted if ordinal not in held and ordinal not in resolved]
        if waiting:
            frames.by_state[FrameState.QUEUED] += waiting
    return frames


def _decide(
    action: FrameAction, frames: _Frames, numbers: FrameRange
) -> tuple[dict[FrameState, list[int]], dict[FrameState, list[int]]]:
    """(to render, to skip), each by the state before. ``Conflict`` for the first state that refuses."""
    reopen: dict[FrameState, list[int]] = {}
    skip: dict[FrameState, list[int]] = {}
    for state, ordinals in frames.by_state.items():
        match FRAME_ACTIONS[action].get(state):
            case None:
                named = [numbers[ordinal] for ordinal in sorted(ordinals)[:_EVENT_FRAMES]]
                raise refuse_frames(action, state, named, len(ordinals))
            case Effect.REOPEN:
                reopen[state] = ordinals
            case Effect.SKIP:
                skip[state] = ordinals
            case Effect.NOTHING:
                pass
    return reopen, skip


async def _open_job(tx: Transaction, job: LockedJob, *, reopens: bool) -> None:
    """Bring the job into a state in which frames can be rendered."""
    if job.state in (JobState.FAILED, JobState.CANCELED):
        target = await state_to_retry_in(tx, job=job)
        await require_time_left(tx, job=job)
        await change_job(tx, job_id=job.id, command=JobCommand.RETRY)
        if target is JobState.BLOCKED:
            await change_job(tx, job_id=job.id, command=JobCommand.BLOCK)
    elif job.state is JobState.SUCCEEDED or (reopens and job.state in (JobState.FINISHING, JobState.AWAITING_APPROVAL)):
        if job.state is JobState.SUCCEEDED:
            await require_time_left(tx, job=job)
        await change_job(tx, job_id=job.id, command=JobCommand.REQUEUE)
        await run(tx, "cancel_films", job_id=job.id)


async def _count(
    tx: Transaction,
    job: LockedJob,
    generation: int,
    reopen: dict[FrameState, list[int]],
    skip: dict[FrameState, list[int]],
) -> None:
    changes = dict.fromkeys(("committed", "reused", "failed", "canceled", "skipped"), 0)
    for state, ordinals in (*reopen.items(), *skip.items()):
        if state is not FrameState.QUEUED:
            changes[str(state)] -= len(ordinals)
    changes["skipped"] += sum(map(len, skip.values()))
    await run(tx, "change_counts", job_id=job.id, generation=generation, **changes)


async def _reopen(tx: Transaction, job: LockedJob, generation: int, order: Order, ordinals: list[int]) -> None:
    runs = await asyncio.to_thread(_position_runs, order, job.total, ordinals)
    await run(
        tx,
        "insert_ranges",
        job_id=job.id,
        generation=generation,
        priority_rank=job.priority_rank,
        runs=runs,
    )
    await run(tx, "look_again", job_id=job.id)


def _position_runs(order: Order, total: int, ordinals: list[int]) -> str:
    positions = sorted(position_of(order, total, ordinal) for ordinal in ordinals)
    return as_json([{"first": first, "count": count} for first, count in runs_of(positions)])


async def _insert(
    tx: Transaction,
    job_id: UUID,
    generation: int,
    numbers: FrameRange,
    ordinals: list[int],
    state: FrameState,
    reason: EndReason,
) -> None:
    """``ordinals`` are sorted; the database counts them out of runs."""
    runs = await asyncio.to_thread(_result_runs, numbers, ordinals)
    await run(tx, "insert_result_runs", job_id=job_id, generation=generation, runs=runs, state=state, reason=reason)


def _result_runs(numbers: FrameRange, ordinals: list[int]) -> str:
    return as_json(
        [
            {"ordinal": ordinal, "frame": stretch.first, "count": stretch.count, "step": stretch.step}
            for ordinal, stretch in numbers.stretches(runs_of(ordinals))
        ]
    )


async def _tell(
    tx: Transaction, job_id: UUID, kind: EventKind, numbers: FrameRange, ordinals: list[int], generation: int
) -> None:
    job = await lock_job(tx, job_id)  # the counts as they are now
    shown = ordinals[:_EVENT_FRAMES]
    data = {
        "frames": [{"ordinal": ordinal, "frame": numbers[ordinal]} for ordinal in shown],
        "count": len(ordinals),
        "counts": job.counts,
        "generation": generation,
    }
    await append_event(tx, job_id=job_id, kind=kind, data=data)


def _without(ordinals: list[int], others: Iterable[list[int]]) -> list[int]:
    return sorted({*ordinals}.difference(*others))


def _all_of(groups: dict[FrameState, list[int]]) -> list[int]:
    return sorted(_flat(groups.values()))


def _flat(lists: Iterable[list[int]]) -> Iterable[int]:
    for one in lists:
        yield from one
