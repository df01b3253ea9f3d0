"""The verdict: takes a job as far as its frames and required outputs allow.

Whoever writes the last outcome calls it under the job's lock, so a job ends without the leader; the leader's sweep
calls it again for jobs whose last writer died.
"""

from __future__ import annotations

from uuid import UUID

from db._jobs import LockedJob, lock_job
from db._query import run
from db.dependencies import end_job
from db.listen import DISPATCH
from db.session import Transaction
from db.transitions import change_job
from jobs.order import Order, ordinals_at
from jobs.spec import JobSpec
from jobs.states import EndReason, JobCommand, JobState

VIDEO = "video"
CONTACT_SHEET = "contact_sheet"
PREVIEW = "preview"

_MAY_FINISH = (JobState.BLOCKED, JobState.QUEUED, JobState.RUNNING, JobState.PAUSED, JobState.AWAITING_APPROVAL)


async def settle(tx: Transaction, *, job_id: UUID) -> JobState:
    """The job's state after everything that follows from its rows."""
    job = await lock_job(tx, job_id)
    state = job.state
    if state is JobState.CANCELING:
        active = (await run(tx, "count_active_chunks", job_id=job_id)).scalar_one()
        return state if active else await end_job(tx, job_id=job_id, command=JobCommand.CANCELED)
    if state in _MAY_FINISH and job.resolved == job.total:
        await run(tx, "close_ranges", job_id=job_id)
        state = await change_job(tx, job_id=job_id, command=JobCommand.FINISH)
    elif state is JobState.RUNNING and job.scouting and await _is_scouted(tx, job):
        state = await change_job(tx, job_id=job_id, command=JobCommand.SCOUTED)
    if state is JobState.FINISHING:
        state = await _end(tx, job)
    return state


async def _end(tx: Transaction, job: LockedJob) -> JobState:
    """Every frame has its outcome: fail, or make what the job asks for of them, or succeed."""
    if job.failed:
        first = (await run(tx, "first_failure", job_id=job.id)).one()
        return await end_job(
            tx,
            job_id=job.id,
            command=JobCommand.FAIL,
            reason=EndReason(first.end_reason),
            message=f"{job.failed} of {job.total} frames failed; the first was frame {first.frame}: {first.message}",
        )
    if job.canceled:
        await change_job(tx, job_id=job.id, command=JobCommand.CANCEL)
        return await end_job(
            tx,
            job_id=job.id,
            command=JobCommand.CANCELED,
            message=f"{job.canceled} of {job.total} frames were canceled before, and left out when it was tried again.",
        )
    made = (await run(tx, "outputs_of_job", job_id=job.id, generation=job.generation)).all()
    if not made:  # they are queued together
        spec = JobSpec.model_validate((await run(tx, "job_spec", job_id=job.id)).scalar_one())
        tasks = _outputs_of(spec) if job.committed + job.reused else []  # none where every frame was skipped
        if not tasks:
            return await end_job(tx, job_id=job.id, command=JobCommand.SUCCEED)
        for task in tasks:
            await add_post(tx, job=job, task=task, ordinals=None)
        return JobState.FINISHING
    failed = next((output for output in made if output.state == "failed"), None)
    if failed is not None:
        return await end_job(
            tx,
            job_id=job.id,
            command=JobCommand.FAIL,
            reason=EndReason.BAD_OUTPUT,
            message=f"All frames are there, but the {failed.task.replace('_', ' ')} could not be made: {failed.error}",
        )
    if all(output.state == "done" for output in made):
        return await end_job(tx, job_id=job.id, command=JobCommand.SUCCEED)
    return JobState.FINISHING


def _outputs_of(spec: JobSpec) -> list[str]:
    """Tasks that the job is not done without."""
    wanted = {VIDEO: spec.video, CONTACT_SHEET: spec.outputs.contact_sheet}
    return [task for task, output in wanted.items() if output is not None]


async def _is_scouted(tx: Transaction, job: LockedJob) -> bool:
    """Every scout frame has its outcome: no chunk is under way, and no position before the bound is open."""
    row = (await run(tx, "scouts_of", job_id=job.id)).one()
    if row.scouts is None or row.has_chunks:
        return False
    # as many ranges hold at least as many positions
    near = {"job_ids": [job.id], "generations": [job.generation], "limits": [row.scouts]}
    for item in (await run(tx, "read_ranges", **near)).all():
        count = min(item.count, row.scouts - item.first)
        if count > 0:
            ordinals = ordinals_at(Order(row.hand_out), row.total, item.first, count)
            done = await run(tx, "resolved_among", job_id=job.id, generation=item.generation, ordinals=ordinals)
            if len(done.all()) < count:
                return False
    return True


async def add_post(tx: Transaction, *, job: LockedJob, task: str, ordinals: list[int] | None) -> None:
    """Queue a step behind the frames; an output of the whole job once per generation."""
    await run(
        tx,
        "insert_post",
        job_id=job.id,
        generation=job.generation,
        task=task,
        ordinals=ordinals,
        priority_rank=job.priority_rank,
        data=None,
    )
    await run(tx, "notify", channel=DISPATCH, payload="post")
