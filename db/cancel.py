"""Ends a job that still has frames: by request, or because its model can never render."""

from __future__ import annotations

from uuid import UUID

from db._jobs import lock_job
from db._query import run
from db.dependencies import end_job
from db.session import Transaction
from db.settle import settle
from db.transitions import change_job
from jobs.states import EndReason, JobCommand, JobState


async def cancel_job(tx: Transaction, *, job_id: UUID) -> JobState:
    """Cancel: waiting work ends now, replicas are told to stop; ``canceled`` at once where nothing renders.

    Asked again, also when it is canceled, it changes nothing. ``Conflict`` once the job has ended otherwise.
    """
    job = await lock_job(tx, job_id)
    if job.state in (JobState.CANCELING, JobState.CANCELED):
        return job.state
    await change_job(tx, job_id=job_id, command=JobCommand.CANCEL)
    await run(tx, "cancel_waiting_work", job_id=job_id)  # waits for a claim under way, which then counts as running
    await run(tx, "count_canceled", job_id=job_id)
    await run(tx, "tell_cancel", job_id=job_id)
    return await settle(tx, job_id=job_id)


async def fail_job(tx: Transaction, *, job_id: UUID, reason: EndReason, message: str) -> JobState:
    """Fail the whole job now: what renders is stopped and its results are refused; the other frames are canceled."""
    await _stop_all(tx, job_id)
    return await end_job(tx, job_id=job_id, command=JobCommand.FAIL, reason=reason, message=message)


async def end_cancel(tx: Transaction, *, job_id: UUID, message: str) -> JobState:
    """End a job that is being canceled now, without waiting for the replicas that still hold some of it."""
    await _stop_all(tx, job_id)
    return await end_job(tx, job_id=job_id, command=JobCommand.CANCELED, message=message)


async def _stop_all(tx: Transaction, job_id: UUID) -> None:
    """Nothing of the job is under way any more, and every frame has its outcome."""
    await lock_job(tx, job_id)
    await run(tx, "cancel_waiting_work", job_id=job_id)
    await run(tx, "cancel_running_chunks", job_id=job_id)
    await run(tx, "count_canceled", job_id=job_id)
