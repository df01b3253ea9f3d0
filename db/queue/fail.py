"""An attempt has failed: the frame is tried again elsewhere, or its failure is final."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from db._query import run, storable
from db.cancel import fail_job
from db.events import append_event
from db.listen import DISPATCH
from db.queue._work import LockedWork, lock_work
from db.queue.blame import count_failure
from db.queue.give_back import fail_for_good, part_of_event, record_attempt, requeue_frame
from db.session import Database, Transaction
from db.settle import settle
from jobs.events import EventKind
from jobs.limits import FarmLimits
from jobs.states import EndReason, JobState, WorkKind

_LOG_LIMIT = 64 * 1024
"""Characters of an engine's output that an attempt keeps: its end, where the reason stands."""


class FailOutcome(StrEnum):
    RETRIED = "retried"
    """The frame is back in the queue, as a chunk of its own."""
    FAILED = "failed"
    """The frame (for ``model_invalid``: the job) has failed for good."""
    CANCELED = "canceled"
    """Its job is being canceled, so the frame ended with it."""
    SUPERSEDED = "superseded"
    """The chunk is not ours any more; nothing was written."""


async def fail_frame(
    db: Database,
    *,
    work_id: int,
    fence: int,
    replica_id: UUID,
    ordinal: int,
    frame: int,
    attempt_id: UUID,
    reason: EndReason,
    message: str,
    log: str | None,
    limits: FarmLimits,
) -> FailOutcome:
    """Record the attempt and decide; the frame leaves the chunk, whose other frames go on.

    Of a split frame only the part that failed is tried again, up to the ceilings of a frame; once it has failed for
    good, so has the frame, and its other parts end.
    """
    message = storable(message)
    async with db.transaction() as tx:
        work = await lock_work(tx, work_id)
        if work is None or work.kind not in (WorkKind.CHUNK, WorkKind.PART):
            return FailOutcome.SUPERSEDED
        if not work.is_held_under(fence) or work.job.state.is_terminal or ordinal not in work.ordinals:
            return await _answer_again(tx, work, ordinal, attempt_id)
        await record_attempt(
            tx,
            work,
            ordinal=ordinal,
            attempt_id=attempt_id,
            reason=reason,
            message=message,
            log=storable(log[-_LOG_LIMIT:]) if log else None,
        )
        await count_failure(tx, work, reason=reason, limits=limits)
        await run(tx, "take_frame_out", work_id=work.id, ordinal=ordinal)
        outcome = await _decide(tx, work, ordinal, frame, attempt_id, reason, message, limits)
        await run(tx, "notify", channel=DISPATCH, payload="chunk")
        return outcome


async def _decide(
    tx: Transaction,
    work: LockedWork,
    ordinal: int,
    frame: int,
    attempt_id: UUID,
    reason: EndReason,
    message: str,
    limits: FarmLimits,
) -> FailOutcome:
    if work.job.state is JobState.CANCELING:
        held = [ordinal] if work.kind is WorkKind.CHUNK else []  # a split frame was counted when its job was canceled
        await run(tx, "count_canceled_frames", job_id=work.job.id, ordinals=held)
        await run(
            tx,
            "leave_canceled",
            job_id=work.job.id,
            kind=work.kind,
            part=work.part,
            parts=work.parts,
            generation=work.generation,
            ordinal=ordinal,
            priority_rank=work.job.priority_rank,
        )
        await settle(tx, job_id=work.job.id)
        return FailOutcome.CANCELED
    fault = reason.facts.fault
    spent = work.failures(fault) + 1
    ceiling = limits.ceiling(fault, work.tries_allowed)
    if reason.facts.retryable and (ceiling is None or spent < ceiling):
        await requeue_frame(tx, work, ordinal=ordinal, fault=fault)
        await append_event(
            tx,
            job_id=work.job.id,
            kind=EventKind.FRAME_RETRIED,
            data={
                "ordinal": ordinal,
                "frame": frame,
                "reason": reason,
                "message": message,
                "tries": spent,
                **part_of_event(work),
            },
        )
        return FailOutcome.RETRIED
    await fail_for_good(tx, work, ordinal=ordinal, attempt_id=attempt_id, reason=reason, message=message)
    if reason is EndReason.MODEL_INVALID:
        await fail_job(tx, job_id=work.job.id, reason=reason, message=message)
    else:
        await settle(tx, job_id=work.job.id)
    return FailOutcome.FAILED


async def _answer_again(tx: Transaction, work: LockedWork, ordinal: int, attempt_id: UUID) -> FailOutcome:
    """The same report a second time (its answer got lost) is answered from what the first one did."""
    known = await run(tx, "outcome_of_attempt", attempt_id=attempt_id, work_id=work.id, ordinal=ordinal)
    row = known.one_or_none()
    if row is None:
        return FailOutcome.SUPERSEDED
    if row.failed:
        return FailOutcome.FAILED
    return FailOutcome.CANCELED if row.canceled else FailOutcome.RETRIED
