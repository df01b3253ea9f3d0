"""Work that its owner will not finish returns to the queue, or ends with its job. Also what the rescuer does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from db._frames import frames_of_job
from db._query import run, storable
from db.events import append_event
from db.listen import DISPATCH
from db.queue._work import LockedWork, lock_work
from db.queue.blame import count_failure
from db.session import Database, Transaction
from db.settle import settle
from jobs.events import EventKind
from jobs.limits import FarmLimits
from jobs.states import EndReason, Fault, JobState, WorkKind, WorkState

_FIRST_PAUSE = timedelta(seconds=2)
"""Before the third attempt that a machine spoiled; doubles. The first retry is at once: most such faults are single."""
_LONGEST_PAUSE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class CutShort:
    """A try that its replica ended in the middle, for a cause outside of it."""

    ordinal: int
    attempt_id: UUID
    message: str | None = None
    """What cut it short, for people."""
    log: str | None = None
    """The end of what the engine printed."""


async def release_chunk(
    db: Database, *, work_id: int, fence: int, reason: EndReason, cut: CutShort | None = None
) -> bool:
    """Give the rest of a chunk back, charged to nobody; False: it is not ours any more.

    ``cut``: the frame that was rendering. Its attempt is recorded under ``reason`` and spends nothing, so that a frame
    that was taken away is told apart from one that was never tried.
    """
    async with db.transaction() as tx:
        work = await lock_work(tx, work_id)
        if work is None or not work.is_held_under(fence):
            return False
        if cut is not None and cut.ordinal in work.ordinals:
            await _record_cut(tx, work, cut, reason)
        await give_back(tx, work, reason=reason, limits=None)
        await run(tx, "notify", channel=DISPATCH, payload="chunk")
        return True


async def release_canceled(
    db: Database,
    *,
    work_id: int,
    fence: int,
    cut: CutShort | None = None,
) -> bool:
    """The engine has stopped for a cancel: the chunk ends, and the job with it where this was the last one.

    The attempt that was cut short is recorded when it is named. False: the chunk is not ours, or its job goes on.
    """
    async with db.transaction() as tx:
        work = await lock_work(tx, work_id)
        if work is None or not work.is_held_under(fence) or work.job.state is not JobState.CANCELING:
            return False
        if cut is not None and cut.ordinal in work.ordinals:
            await _record_cut(tx, work, cut, EndReason.USER_CANCEL)
        await end_with_job(tx, work)
        await run(tx, "notify", channel=DISPATCH, payload="chunk")
        return True


async def mark_gone(
    db: Database, *, replica_id: UUID, reason: EndReason = EndReason.INTERRUPTED, limits: FarmLimits | None = None
) -> None:
    """A replica leaves: all its work is free at once.

    A replica that says so itself was interrupted, which costs nothing. Whoever found it dead passes ``WORKER_LOST``
    and the limits, so that a frame that kills its workers does not do so for ever.
    """
    async with db.transaction() as tx:
        await run(tx, "set_replica_gone", replica_id=replica_id)
        await run(tx, "unassign_from_replicas", replica_ids=[replica_id])
        held = (await run(tx, "held_by_replica", replica_id=replica_id)).all()
        await run(tx, "notify", channel=DISPATCH, payload="replica")
    for row in held:  # a transaction each: one job under lock at a time
        async with db.transaction() as tx:
            work = await lock_work(tx, row.id)
            if work is not None and work.is_leased and work.replica_id == replica_id:
                await give_back(tx, work, reason=reason, limits=limits)
                await run(tx, "notify", channel=DISPATCH, payload="chunk")


async def give_back(tx: Transaction, work: LockedWork, *, reason: EndReason, limits: FarmLimits | None) -> None:
    """Requeue a leased chunk under the next fence, or end it with its job. Needs both locks.

    With a reason that is the worker's fault, and limits, the frame that was being rendered is charged: it becomes a
    chunk of its own, and fails once it has cost as many workers as the limits allow.
    """
    if work.job.state is JobState.CANCELING or work.job.state.is_terminal:
        await end_with_job(tx, work)
        return
    ordinals = list(work.ordinals)
    if reason.facts.fault is Fault.WORKER and limits is not None and work.state is WorkState.RENDERING:
        suspect = ordinals.pop(0)
        await run(tx, "take_frame_out", work_id=work.id, ordinal=suspect)
        await _charge(tx, work, ordinal=suspect, reason=reason, limits=limits)
    if ordinals:
        await run(tx, "requeue_chunk", work_id=work.id)
    await append_event(
        tx,
        job_id=work.job.id,
        kind=EventKind.CHUNK_REQUEUED,
        data={"ordinals": work.ordinals, "reason": reason, "replica": work.replica_id, **part_of_event(work)},
    )
    if not ordinals:
        await settle(tx, job_id=work.job.id)


async def _charge(tx: Transaction, work: LockedWork, *, ordinal: int, reason: EndReason, limits: FarmLimits) -> None:
    """One more worker was lost with this frame."""
    attempt_id = uuid4()  # the worker took the id of its attempt with it
    await record_attempt(
        tx, work, ordinal=ordinal, attempt_id=attempt_id, reason=reason, message=reason.facts.words, log=None
    )
    await count_failure(tx, work, reason=reason, limits=limits)
    spent = work.failures(Fault.WORKER) + 1
    ceiling = limits.ceiling(Fault.WORKER, work.tries_allowed)
    if ceiling is not None and spent >= ceiling:
        await fail_for_good(tx, work, ordinal=ordinal, attempt_id=attempt_id, reason=reason, message=reason.facts.words)
    else:
        await requeue_frame(tx, work, ordinal=ordinal, fault=Fault.WORKER)


async def _record_cut(tx: Transaction, work: LockedWork, cut: CutShort, reason: EndReason) -> None:
    await record_attempt(
        tx,
        work,
        ordinal=cut.ordinal,
        attempt_id=cut.attempt_id,
        reason=reason,
        message=storable(cut.message) if cut.message else reason.facts.words,
        log=storable(cut.log) if cut.log else None,
    )


async def end_with_job(tx: Transaction, work: LockedWork) -> None:
    """The row ends because its job does, which ends too where this was its last one. Needs both locks."""
    await run(tx, "cancel_chunk", work_id=work.id)
    if work.job.state is JobState.CANCELING:
        await run(tx, "count_canceled_frames", job_id=work.job.id, ordinals=work.frames_it_ends)
        await settle(tx, job_id=work.job.id)


async def record_attempt(
    tx: Transaction,
    work: LockedWork,
    *,
    ordinal: int,
    attempt_id: UUID,
    reason: EndReason,
    message: str | None,
    log: str | None,
) -> None:
    """History: one try of one frame has ended."""
    await run(
        tx,
        "insert_attempt",
        attempt_id=attempt_id,
        job_id=work.job.id,
        ordinal=ordinal,
        generation=work.generation,
        work_id=work.id,
        fence=work.fence,
        replica_id=_renderer(work),
        started_at=work.updated_at if work.state is WorkState.RENDERING else None,
        outcome=reason,
        message=message,
        log=log,
    )


async def requeue_frame(tx: Transaction, work: LockedWork, *, ordinal: int, fault: Fault) -> None:
    """The frame becomes a chunk of its own that remembers what it has cost, and where it failed.

    A part becomes the same part in a new row.
    """
    spent = work.failures(fault) + 1
    avoid = list(work.avoid)
    if fault is not Fault.INTERRUPTION and work.replica_id is not None and work.replica_id not in avoid:
        avoid.append(work.replica_id)
    await run(
        tx,
        "requeue_frame",
        job_id=work.job.id,
        kind=work.kind,
        part=work.part,
        parts=work.parts,
        generation=work.generation,
        ordinal=ordinal,
        tries=work.tries + (fault is Fault.TASK),
        worker_failures=work.worker_failures + (fault is Fault.WORKER),
        resource_failures=work.resource_failures + (fault is Fault.RESOURCE),
        avoid=avoid,
        pause=_pause(spent) if fault in (Fault.WORKER, Fault.RESOURCE) else timedelta(0),
        priority_rank=work.job.priority_rank,
    )


async def fail_for_good(
    tx: Transaction, work: LockedWork, *, ordinal: int, attempt_id: UUID, reason: EndReason, message: str
) -> None:
    """The frame's result is that it failed. The caller takes it out of its chunk and settles the job.

    The other parts of a split frame end here.
    """
    if work.kind is not WorkKind.CHUNK:
        await cancel_parts(tx, job_id=work.job.id, generation=work.generation, ordinal=ordinal)
    frame = (await frames_of_job(tx, work.job.id))[ordinal]
    await run(
        tx,
        "insert_failed_result",
        job_id=work.job.id,
        ordinal=ordinal,
        generation=work.generation,
        frame=frame,
        reason=reason,
        message=message,
        attempt_id=attempt_id,
        replica_id=_renderer(work),
    )
    await append_event(
        tx,
        job_id=work.job.id,
        kind=EventKind.FRAMES_FAILED,
        data={
            "frames": [{"ordinal": ordinal, "frame": frame, "reason": reason, "message": message}],
            "counts": {**work.job.counts, "failed": work.job.failed + 1},
        },
    )


async def cancel_parts(tx: Transaction, *, job_id: UUID, generation: int, ordinal: int) -> None:
    """End the live parts and the merge of a split frame that has its outcome otherwise. Needs the job's lock."""
    await run(tx, "cancel_frame_parts", job_id=job_id, generation=generation, ordinal=ordinal)


def part_of_event(work: LockedWork) -> dict[str, int | None]:
    """What an event says beside the ordinal of a split frame."""
    return {"part": work.part, "parts": work.parts} if work.kind is WorkKind.PART else {}


def _renderer(work: LockedWork) -> UUID | None:
    """A merge is leased to the leader, which is no replica."""
    return None if work.kind is WorkKind.MERGE else work.replica_id


def _pause(spent: int) -> timedelta:
    if spent < 2:
        return timedelta(0)
    return min(_FIRST_PAUSE * (1 << min(spent - 2, 5)), _LONGEST_PAUSE)
