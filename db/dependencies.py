"""Jobs that wait for jobs: what a submit may name, and what the end of a job does to those that wait for it.

A dependent is unblocked or failed in the transaction that ends what it waits for, under its own lock; the leader's
sweep (``db.dispatch.dependents``) does the same for what that transaction left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from uuid import UUID

from db._jobs import LockedJob
from db._query import as_json, run
from db.session import Transaction
from db.transitions import change_job
from jobs.errors import Conflict, InvalidInput
from jobs.spec import Dependency
from jobs.states import REOPENING, EndReason, JobCommand, JobState, may_ask_for

_CASCADE = 200
"""Jobs that one end takes along in its transaction; a longer chain is the sweep's."""

_LOST = (JobState.FAILED, JobState.CANCELED)


async def check_dependencies(tx: Transaction, *, project_id: UUID, wanted: Sequence[Dependency]) -> JobState:
    """The state that a new job with these dependencies begins in; they cannot end before the transaction does.

    Raises ``InvalidInput`` for a job that is not there, ``Conflict`` for one that has failed or was canceled.
    """
    if not wanted:
        return JobState.QUEUED
    ids = [dependency.job for dependency in wanted]
    if len(set(ids)) < len(ids):
        raise InvalidInput(
            "depends_on names a job twice.", field="depends_on", remedy="Name each job once, by job or by frame."
        )
    rows = (await run(tx, "share_dependencies", job_ids=ids, project_id=project_id)).all()
    missing = sorted(str(job_id) for job_id in set(ids) - {row.id for row in rows})
    if missing:
        raise InvalidInput(
            f"depends_on names {len(missing)} jobs that this project does not have.",
            field="depends_on",
            remedy="Submit what comes first before what waits for it, and name it by its id.",
            missing=missing,
        )
    states = {row.id: JobState(row.state) for row in rows}
    for row in rows:
        if states[row.id] in _LOST:
            raise Conflict(
                f"Job {row.id} ({row.name}), which this one would wait for, has {_verdict(states[row.id])}.",
                remedy=f"Retry that job first (POST /v1/jobs/{row.id}/retry), or leave it out of depends_on.",
                job=str(row.id),
                dependency_state=row.state,
            )
    waits = any(item.by == "job" and states[item.job] is not JobState.SUCCEEDED for item in wanted)
    return JobState.BLOCKED if waits else JobState.QUEUED


async def insert_dependencies(tx: Transaction, *, job_id: UUID, wanted: Sequence[Dependency]) -> None:
    """The rows of a job that was just inserted."""
    if wanted:
        rows = [{"id": dependency.job, "kind": dependency.by} for dependency in wanted]
        await run(tx, "insert_dependencies", job_id=job_id, dependencies=as_json(rows))


async def end_job(
    tx: Transaction, *, job_id: UUID, command: JobCommand, reason: EndReason | None = None, message: str | None = None
) -> JobState:
    """Take a job to a terminal state, and along with it what waits for it. Its frames have their outcome."""
    state = await change_job(tx, job_id=job_id, command=command, reason=reason, message=message)
    await release_dependents(tx, job_id=job_id)
    return state


async def release_dependents(tx: Transaction, *, job_id: UUID) -> None:
    """Look at the blocked jobs that wait for this one, which has just ended; a failure goes on to their own."""
    ended = deque([job_id])
    looked_at = 0
    while ended and looked_at < _CASCADE:
        for dependent in (await run(tx, "lock_blocked_dependents", job_id=ended.popleft())).scalars().all():
            looked_at += 1
            if await follow_dependencies(tx, job_id=dependent) is JobState.FAILED:
                ended.append(dependent)


async def follow_dependencies(tx: Transaction, *, job_id: UUID) -> JobState:
    """What the jobs that a blocked one waits for mean for it: it goes on, fails, or stays. Needs its lock."""
    others = [row for row in (await run(tx, "dependencies_of", job_id=job_id)).all() if row.kind == "job"]
    for row in others:
        if row.state in _LOST:
            await run(tx, "cancel_waiting_work", job_id=job_id)
            await run(tx, "count_canceled", job_id=job_id)
            return await change_job(
                tx,
                job_id=job_id,
                command=JobCommand.FAIL,
                reason=EndReason.DEPENDENCY_FAILED,
                message=f"Job {row.id} ({row.name}), which it waits for, has {_verdict(JobState(row.state))}.",
            )
    if all(row.state == JobState.SUCCEEDED for row in others):
        return await change_job(tx, job_id=job_id, command=JobCommand.UNBLOCK)
    return JobState.BLOCKED


async def hold_dependencies(tx: Transaction, *, job_id: UUID) -> None:
    """Keep the jobs that this one waits for from ending until the transaction does. Before the job itself is locked:
    one that ended in between would look for blocked jobs, not find this one yet, and leave it blocked."""
    await run(tx, "share_dependencies_of", job_id=job_id)


async def state_to_retry_in(tx: Transaction, *, job: LockedJob) -> JobState:
    """``blocked`` where a job that is tried again has to wait, ``queued`` where not.

    ``Conflict`` where it would fail again at once, because a job that it waits for has not been tried again itself.
    Needs ``hold_dependencies``.
    """
    others = [row for row in (await run(tx, "dependencies_of", job_id=job.id)).all() if row.kind == "job"]
    for row in others:
        if row.state in _LOST:
            raise Conflict(
                f"Job {row.id} ({row.name}), which it waits for, has {_verdict(JobState(row.state))}.",
                remedy=f"Retry that job first: POST /v1/jobs/{row.id}/retry.",
                state=str(job.state),
                allowed=may_ask_for(job.state, but_not=REOPENING),
                job=str(row.id),
                dependency_state=row.state,
            )
    ready = all(row.state == JobState.SUCCEEDED for row in others)
    return JobState.QUEUED if ready else JobState.BLOCKED


def _verdict(state: JobState) -> str:
    return "been canceled" if state is JobState.CANCELED else "failed"
