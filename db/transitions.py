"""The one function that changes a job's state, and writes the event of it in the same transaction."""

from __future__ import annotations

from uuid import UUID

from db._jobs import lock_job
from db._query import run
from db.events import append_event
from db.listen import DISPATCH
from db.session import Transaction
from jobs.events import EventKind
from jobs.states import EndReason, JobCommand, JobState, next_state

_NATURAL_REASON = {JobState.SUCCEEDED: EndReason.OK, JobState.CANCELED: EndReason.USER_CANCEL}


async def change_job(
    tx: Transaction, *, job_id: UUID, command: JobCommand, reason: EndReason | None = None, message: str | None = None
) -> JobState:
    """Lock the job and take it where ``command`` leads; ``Conflict`` where the table does not allow it.

    A terminal state needs a reason (succeeded and canceled have theirs), and every frame must have its outcome:
    ``db.cancel`` ends a job that still has frames.
    """
    job = await lock_job(tx, job_id)
    state = next_state(job.state, command)
    if state.is_terminal:
        reason = reason or _NATURAL_REASON.get(state)
        if reason is None:
            raise ValueError(f"A job that is {state} needs an end reason.")
    else:
        reason = None
    await run(
        tx,
        "set_job_state",
        job_id=job_id,
        state=str(state),
        end_reason=reason,
        message=message,
        terminal=state.is_terminal,
    )
    if state is JobState.PAUSED:
        await run(tx, "unassign_queued", job_id=job_id)
    data: dict[str, object] = {"state": state, "from": job.state, "counts": job.counts}
    if reason is not None:
        data["end_reason"] = reason
    if message is not None:
        data["message"] = message
    await append_event(tx, job_id=job_id, kind=EventKind.JOB_STATE, data=data)
    await run(tx, "notify", channel=DISPATCH, payload="job")
    return state
