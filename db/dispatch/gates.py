"""Frame-by-frame dependencies: frame n may be carved once frame n of the other job has a picture.

The ranges of such a job are *gated*: carving passes them by. This pass looks what the other job has by now, and turns
what is ready into ranges as any other's; a frame that can never come fails. A job is looked at again only after an
event of the other one, and at most ``_WINDOW`` positions ahead, so that a pass costs the same however long the job is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from db._frames import frame_range
from db._jobs import LockedJob, lock_job
from db._query import as_json, run
from db._reopened import Reopened, read_reopened
from db.dispatch.leadership import hold_epoch
from db.errors import DatabaseUnavailable, LostLeadership
from db.events import append_event
from db.listen import DISPATCH
from db.session import Database, Transaction
from db.settle import settle
from jobs.events import EventKind
from jobs.frames import FrameRange
from jobs.order import Order, ordinals_at, runs_of
from jobs.states import EndReason, FrameState, JobState

_log = structlog.get_logger(__name__)

_WINDOW = 4096
"""Positions of a job that one pass looks at: some milliseconds. What lies behind waits until those before have moved,
which matters only for two long jobs whose orders run against each other."""

_JOBS = 1000
"""Jobs that one call may look at, where its time allows; the others follow in the next."""

_REMEMBERED = 10_000
"""Jobs of which it is kept when they were looked at last."""

LookedAt = dict[UUID, float]
"""Job -> when it was looked at last, by the monotonic clock. Kept by the caller from call to call, so that jobs have
their turn where a call has not time for all; losing it costs only time."""

_EVENT_FRAMES = 1000
"""Failed frames that an event names."""


@dataclass(slots=True)
class _Verdicts:
    """What the other jobs say about frames of this one."""

    never: dict[int, str] = field(default_factory=dict)
    """ordinal -> why it cannot come"""
    waiting: set[int] = field(default_factory=set)
    seen: dict[UUID, int] = field(default_factory=dict)
    """other job -> its last event when it was asked"""


async def open_gates(
    db: Database, *, epoch: int, within: timedelta | None = None, looked_at: LookedAt | None = None
) -> int:
    """Let through what is ready; how many frames may be carved or have failed now.

    ``within``: no job but the first is looked at after that; what is left is asked for by a NOTIFY, and comes before
    what ``looked_at`` names. A job that trips it up is logged and left; it does not keep the others from theirs.
    """
    looked_at = {} if looked_at is None else looked_at
    until = math.inf if within is None else time.monotonic() + within.total_seconds()
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        await run(tx, "async_commit")  # it writes nothing but the lock on the leader's row
        candidates = (await run(tx, "jobs_to_let_through", limit=_JOBS)).scalars().all()
    if len(looked_at) > _REMEMBERED:
        for job_id in looked_at.keys() - set(candidates):
            del looked_at[job_id]
    moved = 0
    for number, job_id in enumerate(sorted(candidates, key=lambda job_id: looked_at.get(job_id, 0.0))):
        if number and time.monotonic() >= until:
            async with db.transaction() as tx:
                await run(tx, "notify", channel=DISPATCH, payload="gates")
            break
        looked_at[job_id] = time.monotonic()
        try:
            async with db.transaction() as tx:
                await hold_epoch(tx, epoch)
                moved += await _let_through(tx, job_id)
        except (LostLeadership, DatabaseUnavailable):
            raise
        except Exception:
            _log.exception("gate_failed", job_id=str(job_id))
    return moved


async def _let_through(tx: Transaction, job_id: UUID) -> int:
    job = await lock_job(tx, job_id)
    if job.state not in (JobState.QUEUED, JobState.RUNNING):
        return 0
    row = (await run(tx, "frame_job", job_id=job_id)).one()
    numbers, order = frame_range(row.frames), Order(row.hand_out)
    touched: list[int] = []
    runs: list[dict[str, object]] = []
    moved = 0
    looked_at = 0
    verdicts = _Verdicts()
    ranges: Sequence[Any] = (await run(tx, "gated_ranges", job_id=job_id)).all()
    for item in ranges:
        count = min(item.count, _WINDOW - looked_at)
        if count <= 0:
            break
        looked_at += count
        positions = range(item.first, item.first + count)
        ordinals = ordinals_at(order, job.total, item.first, count)
        done = await run(tx, "resolved_among", job_id=job_id, generation=item.generation, ordinals=ordinals)
        resolved = set(done.scalars())
        asked = [ordinal for ordinal in ordinals if ordinal not in resolved]
        found = await _ask(tx, job_id, {ordinal: numbers[ordinal] for ordinal in asked})
        verdicts.never |= found.never
        verdicts.seen = found.seen if not verdicts.seen else verdicts.seen  # the oldest look decides
        waits = [position for position, ordinal in zip(positions, ordinals, strict=True) if ordinal in found.waiting]
        ready = [
            position
            for position, ordinal in zip(positions, ordinals, strict=True)
            if ordinal not in resolved and ordinal not in found.waiting and ordinal not in found.never
        ]
        if len(waits) < count:
            moved += count - len(waits)
            touched.append(item.id)
            behind = range(item.first + count, item.first + item.count)
            runs += _runs([*waits, *behind], item.generation, gated=True)
            runs += _runs(ready, item.generation, gated=False)
    if touched:
        await run(
            tx, "split_gates", job_id=job_id, work_ids=touched, runs=as_json(runs), priority_rank=job.priority_rank
        )
        if verdicts.never:
            await _fail(tx, job, numbers, verdicts.never)
        await settle(tx, job_id=job_id)
        await run(tx, "notify", channel=DISPATCH, payload="job")
    else:  # nothing to do before something happens there
        on_jobs = list(verdicts.seen)
        await run(tx, "mark_seen", job_id=job_id, on_jobs=on_jobs, seqs=[verdicts.seen[other] for other in on_jobs])
    return moved


async def _ask(tx: Transaction, job_id: UUID, frames: dict[int, int]) -> _Verdicts:
    """What the jobs that this one depends on have of ``frames`` (ordinal here -> number in the scene)."""
    verdicts = _Verdicts()
    for other in (await run(tx, "frame_dependencies", job_id=job_id)).all():
        verdicts.seen[other.id] = other.event_seq  # read before its frames: what comes later is looked at again
        there = frame_range(other.frames)
        places: dict[int, int] = {}
        for ordinal, number in frames.items():
            if number in there:
                places[ordinal] = there.ordinal_of(number)
            else:
                verdicts.never[ordinal] = f"Job {other.id} ({other.name}) has no frame {number}."
        await _ask_one(tx, other, places, frames, verdicts)
    verdicts.waiting -= verdicts.never.keys()
    return verdicts


async def _ask_one(
    tx: Transaction, other: Any, places: dict[int, int], frames: dict[int, int], verdicts: _Verdicts
) -> None:
    if not places:
        return
    rows = (await run(tx, "pictures_among", job_id=other.id, ordinals=list(places.values()))).all()
    known = {row.ordinal: row for row in rows}
    reopened = await _still_open(tx, other, places.values())
    ended = JobState(other.state).is_terminal
    for ordinal, place in places.items():
        row = known.get(place)
        if row is not None and row.has_picture:
            continue
        again = row is not None and reopened(place, row.generation)
        if row is not None and not again:
            what = row.last
        elif ended:
            what = str(FrameState.CANCELED)
        else:
            verdicts.waiting.add(ordinal)
            continue
        was = "failed" if what == FrameState.FAILED else f"was {what}"
        verdicts.never[ordinal] = f"Frame {frames[ordinal]} of job {other.id} ({other.name}) {was}."


async def _still_open(tx: Transaction, other: Any, places: Collection[int]) -> Callable[[int, int], bool]:
    """(ordinal, one of ``places``; generation of its result) -> whether the other job renders that frame again."""
    if other.generation == 1:
        return lambda ordinal, generation: False
    reopened: Reopened = await read_reopened(
        tx,
        job_id=other.id,
        generation=other.generation,
        order=Order(other.hand_out),
        total=other.total,
        ordinals=places,
    )
    chunks = (await run(tx, "live_chunks", job_id=other.id)).all()
    live = {ordinal for row in chunks for ordinal in row.ordinals}
    return lambda ordinal, generation: ordinal in live or reopened.holds(ordinal, generation)


async def _fail(tx: Transaction, job: LockedJob, numbers: FrameRange, never: dict[int, str]) -> None:
    """These frames have their outcome: what they wait for cannot come."""
    reason = EndReason.DEPENDENCY_FAILED
    ordinals = sorted(never)
    await run(
        tx,
        "insert_results",
        job_id=job.id,
        generation=job.generation,
        ordinals=ordinals,
        frames=[numbers[ordinal] for ordinal in ordinals],
        messages=[never[ordinal] for ordinal in ordinals],
        state=FrameState.FAILED,
        reason=reason,
    )
    await run(tx, "fail_frames", job_id=job.id, frames=len(ordinals))
    await append_event(
        tx,
        job_id=job.id,
        kind=EventKind.FRAMES_FAILED,
        data={
            "frames": [
                {"ordinal": ordinal, "frame": numbers[ordinal], "reason": reason, "message": never[ordinal]}
                for ordinal in ordinals[:_EVENT_FRAMES]
            ],
            "count": len(ordinals),
            "counts": {**job.counts, "failed": job.failed + len(ordinals)},
        },
    )


def _runs(positions: Sequence[int], generation: int, *, gated: bool) -> list[dict[str, object]]:
    return [
        {"first": first, "count": count, "generation": generation, "gated": gated}
        for first, count in runs_of(positions)
    ]
