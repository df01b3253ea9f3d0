"""A job starts: it is pinned to an engine version and device class, and takes what is rendered already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from db._frames import frame_range
from db._jobs import LockedJob, lock_job
from db._query import run, storable
from db.cancel import fail_job
from db.dispatch.leadership import hold_epoch
from db.events import append_event
from db.session import Database, Transaction
from db.settle import settle
from db.transitions import change_job
from jobs.events import EventKind
from jobs.frames import FrameRange
from jobs.states import EndReason, JobCommand, JobState

_EVENT_FRAMES = 1000
"""Reused frames that an event names; a feed line of a million frames helps nobody."""


MOST_SOURCES = 1000
"""Earlier jobs that are looked into, the newest first."""

_SOURCES_AT_ONCE = 16
"""Earlier jobs in one statement, which reads as many keys as it has jobs times frames."""

_Pair = tuple[int, int, UUID, int]
"""Our ordinal, the frame's number, the job that has it, its ordinal there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reused:
    """What one look-up came to."""

    taken: int
    done: bool
    """Every frame of the job has been looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobToPin:
    id: UUID
    spec: dict[str, Any]
    model_digest: str
    traceparent: str | None = None
    """W3C trace context of its request."""


async def jobs_to_pin(db: Database, *, job_ids: Sequence[UUID]) -> list[JobToPin]:
    """Those of ``job_ids`` that are still queued, the most urgent first."""
    async with db.transaction() as tx:
        rows = (await run(tx, "jobs_to_pin", job_ids=list(job_ids))).mappings().all()
    return [JobToPin(**row) for row in rows]


async def refuse_job(db: Database, *, job_id: UUID, message: str, epoch: int) -> None:
    """A queued job that cannot start fails, and says why; nothing happens to one that left the queue meanwhile."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        if (await lock_job(tx, job_id)).state is JobState.QUEUED:
            await fail_job(tx, job_id=job_id, reason=EndReason.INFRA, message=storable(message))


async def pin_job(
    db: Database,
    *,
    job_id: UUID,
    engine_version: str,
    device_class: str,
    render_key: str,
    epoch: int,
    start: bool = True,
) -> float | None:
    """Queued to running; with ``start=False`` it is pinned and stays queued, to look for reuse first.

    Nothing happens to a job that was canceled or paused meanwhile, and one for which the project's quota has no room
    stays queued. Returns the seconds since its submit where it has started now for the first time.
    """
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        job = await lock_job(tx, job_id)
        if job.state is not JobState.QUEUED:
            return None
        pinned = await run(
            tx,
            "pin_job",
            job_id=job_id,
            engine_version=engine_version,
            device_class=device_class,
            render_key=render_key,
        )
        if start:
            await run(tx, "lock_job_quota", project_id=job.project_id)
            room = await run(tx, "has_room_for_job", project_id=job.project_id)
            if room.scalar_one_or_none() is False:
                return None
            await change_job(tx, job_id=job_id, command=JobCommand.START)
            if job.scouting:
                await settle(tx, job_id=job_id)  # every scout may have been reused while it was queued
        waited_s: float | None = pinned.scalar_one()
    return waited_s if start else None


async def reuse_frames(db: Database, *, job_id: UUID, epoch: int, limit: int) -> Reused:
    """Look up the next ``limit`` frames of a job among what this project rendered from the same inputs, and take those.

    How far it has looked stands on the job's row, so that whoever leads goes on from there; ask again until ``done``.
    One call costs the same wherever it looks. Frames that a chunk holds are left to it.
    """
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        job = await lock_job(tx, job_id)
        row = (await run(tx, "reuse_cursor", job_id=job_id)).one()
        first, beyond = row.reuse_next, min(row.reuse_next + limit, job.total)
        if job.state not in (JobState.QUEUED, JobState.RUNNING) or not row.wanted or first >= beyond:
            return Reused(taken=0, done=True)
        found = (await run(tx, "reuse_sources", job_id=job_id, limit=MOST_SOURCES)).all()
        if not found:
            beyond = job.total
        taken = 0
        frames: list[dict[str, int]] = []
        mine = frame_range(row.frames)
        wanted = {mine[ordinal]: ordinal for ordinal in range(first, beyond)} if found else {}
        await run(tx, "no_nested_loops")
        batches = [
            [pair for source in some for pair in _pairs(wanted, source.id, frame_range(source.frames))]
            for some in _batched(found, _SOURCES_AT_ONCE)
        ]
        if len(batches) > 1:
            batches = await _only_newest(tx, batches)
        for pairs in batches:
            if not pairs:
                continue
            answer = await _take(tx, job, pairs)
            taken += answer.taken
            frames += answer.frames[: _EVENT_FRAMES - len(frames)]
        await run(tx, "reuse_looked", job_id=job_id, beyond=beyond)
        if taken:
            counts = {**job.counts, "reused": job.reused + taken}
            await append_event(
                tx,
                job_id=job_id,
                kind=EventKind.FRAMES_REUSED,
                data={"frames": frames, "count": taken, "counts": counts},
            )
            await settle(tx, job_id=job_id)
        return Reused(taken=taken, done=beyond >= job.total)


async def _only_newest(tx: Transaction, batches: list[list[_Pair]]) -> list[list[_Pair]]:
    """Of the pairs of several statements those that lead to the newest picture of their frame."""
    best: dict[int, tuple[datetime, UUID]] = {}
    for pairs in batches:
        if not pairs:
            continue
        ordinals, _, source_jobs, source_ordinals = zip(*pairs, strict=True)
        found = await run(
            tx,
            "newest_pictures",
            ordinals=list(ordinals),
            source_jobs=list(source_jobs),
            source_ordinals=list(source_ordinals),
            sources=list(dict.fromkeys(source_jobs)),
        )
        for row in found.all():
            if row.ordinal not in best or row.at > best[row.ordinal][0]:
                best[row.ordinal] = (row.at, row.source_job)
    chosen = {ordinal: source_job for ordinal, (_, source_job) in best.items()}
    return [[pair for pair in pairs if chosen.get(pair[0]) == pair[2]] for pairs in batches]


async def _take(tx: Transaction, job: LockedJob, pairs: list[_Pair]) -> Any:
    ordinals, frames, source_jobs, source_ordinals = zip(*pairs, strict=True)
    done = await run(
        tx,
        "reuse_frames",
        job_id=job.id,
        generation=job.generation,
        ordinals=list(ordinals),
        frames=list(frames),
        source_jobs=list(source_jobs),
        source_ordinals=list(source_ordinals),
        sources=list(dict.fromkeys(source_jobs)),
        listed=_EVENT_FRAMES,
    )
    return done.one()


def _pairs(wanted: Mapping[int, int], source_id: UUID, frames: FrameRange) -> Iterator[_Pair]:
    """Which of the wanted frames (number to ordinal) the source has, and where; the shorter side is walked."""
    start = 0
    for stretch in frames.runs:
        numbers = stretch.frames()
        if len(numbers) <= len(wanted):
            for place, number in enumerate(numbers, start):
                if number in wanted:
                    yield wanted[number], number, source_id, place
        else:
            for number, ordinal in wanted.items():
                if number in numbers:
                    yield ordinal, number, source_id, start + numbers.index(number)
        start += stretch.count


def _batched(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[first : first + size] for first in range(0, len(items), size))
