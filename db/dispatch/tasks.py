"""Probes, merges and the steps behind the frames: rows that a Ray task executes, fenced like chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from db._query import as_json, run, storable
from db.dispatch.leadership import hold_epoch
from db.dispatch.merges import merge_failed
from db.events import append_event, append_model_event
from db.flags import record_looks
from db.listen import DISPATCH
from db.queue._work import LockedWork, lock_work
from db.queue.commit import NewArtifact, artifact_row
from db.session import Database, Transaction
from db.settle import settle
from jobs.billing import TASK_POOL, used_us
from jobs.events import EventKind
from jobs.limits import FarmLimits
from jobs.states import EndReason, JobState, WorkKind, WorkState
from jobs.suspects import Look

_TRIES = 3
"""Attempts of a task that fail by themselves."""
_PAUSE = timedelta(seconds=2)
"""Before a failed task is tried again, times its tries."""

_FIRST_OUTAGE_PAUSE = timedelta(seconds=2)
"""Before a task that met an outage is tried again; doubles with each outage that the task meets."""
_LONGEST_OUTAGE_PAUSE = timedelta(seconds=30)
"""How late a film may notice that storage is back; each try costs some seconds of CPU to start its process."""

_REFUSING = (JobState.CANCELING, JobState.CANCELED)
"""A preview may come after its job has succeeded; nothing comes after a cancel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedTask:
    work_id: int
    fence: int
    kind: WorkKind
    task: str | None
    """Of a post row: preview, video, contact_sheet or step."""
    project_id: UUID
    job_id: UUID | None
    model_id: UUID | None
    ordinals: list[int] | None
    """Of a preview or a step: its frames; of a merge: its frame."""
    data: dict[str, Any] | None
    generation: int
    tries: int = 0
    total: int = 1
    """Frames of its job."""
    traceparent: str | None = None
    """W3C trace context of the request behind it, else of its job."""


async def claim_tasks(
    db: Database,
    *,
    kinds: Sequence[WorkKind],
    limit: int,
    lease: timedelta,
    holder: UUID,
    epoch: int,
    previews: bool | None = None,
    served: Sequence[UUID] = (),
) -> list[ClaimedTask]:
    """Up to ``limit`` tasks that may run now, leased to ``holder``: of each project the most urgent first.

    Projects take turns: while another one waits none gets a second place before that one's first. ``previews``: True,
    only these; False, all but these; None, any. ``served``: projects that got a place before, the latest last.
    """
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        await run(tx, "async_commit")
        done = await run(
            tx,
            "claim_tasks",
            kinds=[str(kind) for kind in kinds],
            limit=limit,
            lease=lease,
            holder=holder,
            previews=previews,
            served=list(served),
        )
        rows = done.mappings().all()
    claimed = [ClaimedTask(**{**row, "kind": WorkKind(row["kind"])}) for row in rows]
    return sorted(claimed, key=lambda task: task.work_id)


async def renew_tasks(db: Database, *, tasks: Sequence[tuple[int, int]], lease: timedelta) -> list[tuple[int, int]]:
    """Renew the leases of these (work id, fence); returns those that are still ours."""
    async with db.transaction() as tx:
        await run(tx, "async_commit")
        done = await run(
            tx,
            "renew_tasks",
            work_ids=[work_id for work_id, _ in tasks],
            fences=[fence for _, fence in tasks],
            lease=lease,
        )
        return [(row.id, row.fence) for row in done.all()]


async def finish_task(
    db: Database,
    *,
    work_id: int,
    fence: int,
    artifacts: Sequence[NewArtifact],
    took_ms: float,
    data: Mapping[str, Any] | None = None,
    looks: Mapping[int, Look] | None = None,
) -> bool:
    """A post task has made its files; the job ends with it where it was the last one required. False: superseded.

    ``took_ms``: its own time in its process, which is charged. ``looks``: how the frames of these ordinals look, from
    which suspect ones are flagged.
    """
    async with db.transaction() as tx:
        work = await lock_work(tx, work_id)
        if work is None or not work.is_held_under(fence) or work.job.state in _REFUSING or work.kind is WorkKind.MERGE:
            return False
        rows = [artifact_row(uuid4(), artifact, artifact.ordinal) for artifact in artifacts]
        await run(
            tx,
            "insert_artifacts",
            project_id=work.job.project_id,
            job_id=work.job.id,
            generation=work.generation,
            artifacts=as_json(rows),
        )
        await run(
            tx,
            "charge_task",
            work_id=work_id,
            project_id=work.job.project_id,
            job_id=work.job.id,
            generation=work.generation,
            pool=TASK_POOL,
            used_us=used_us(took_ms),
            stored_bytes=sum(artifact.size_bytes for artifact in artifacts),
        )
        await record_looks(tx, job=work.job, generation=work.generation, looks=looks or {})
        await _end(tx, work_id, WorkState.DONE, error=None, data=data)
        await append_event(
            tx,
            job_id=work.job.id,
            kind=EventKind.OUTPUT_READY,
            data={
                "kind": work.task,
                "artifacts": [
                    {"id": row["id"], "kind": row["kind"], "name": row["name"], "ordinal": row["ordinal"]}
                    for row in rows
                ],
            },
        )
        await settle(tx, job_id=work.job.id)
        await run(tx, "notify", channel=DISPATCH, payload="task")
        return True


async def fail_task(
    db: Database,
    *,
    work_id: int,
    fence: int,
    message: str,
    retryable: bool,
    reason: EndReason = EndReason.INFRA,
    remedy: str | None = None,
) -> bool:
    """A task has failed: tried again up to its ceiling, then final. False: superseded.

    ``reason``: how the frame ends whose parts could not be merged. ``remedy``: what the error says can be done.
    """
    words = storable(f"{message} {remedy}" if remedy else message)
    async with db.transaction() as tx:
        owner = (await run(tx, "task_owner", work_id=work_id)).one_or_none()
        if owner is None:
            return False
        if owner.kind == WorkKind.PROBE:
            problem = _probe_problem(storable(message), storable(remedy or ""))
            return await _fail_probe(tx, work_id, fence, words, problem, retryable=retryable)
        work = await lock_work(tx, work_id)
        if work is None or not work.is_held_under(fence):
            return False
        tries = work.tries + 1
        if retryable and tries < _TRIES:
            await _requeue(tx, work_id, tries=tries, worker_failures=work.worker_failures, error=words)
            if work.kind is WorkKind.MERGE:
                await merge_failed(tx, work, reason=reason, message=words, final=False)
        else:
            await _fail_work(tx, work, words, reason)
        return True


async def postpone_task(db: Database, *, work_id: int, fence: int, message: str) -> bool:
    """Storage or the database did not answer a task: tried again after a pause, at no cost. False: superseded.

    For ever, as frames are: no ceiling ends a job because of an outage. The row's ``error`` says what it waits for.
    """
    async with db.transaction() as tx:
        done = await run(
            tx,
            "postpone_task",
            work_id=work_id,
            fence=fence,
            error=storable(message),
            first_pause=_FIRST_OUTAGE_PAUSE,
            longest_pause=_LONGEST_OUTAGE_PAUSE,
        )
        return done.rowcount == 1


async def finish_probe(
    db: Database,
    *,
    work_id: int,
    fence: int,
    model_state: str,
    probe: Mapping[str, Any] | None,
    problem: Mapping[str, Any] | None,
) -> bool:
    """The first opening of a model is over: it is ready, incomplete or invalid. False: superseded."""
    async with db.transaction() as tx:
        row = (await run(tx, "lock_probe", work_id=work_id)).one_or_none()
        if row is None or row.fence != fence or row.state not in ("leased", "rendering"):
            return False
        await _end(tx, work_id, WorkState.DONE, error=None, data=None)
        await _set_model(tx, row.model_id, model_state, probe, problem)
        return True


async def rescue_task(tx: Transaction, *, work_id: int, limits: FarmLimits) -> bool:
    """The lease of a task ran out: its process is gone. Tried again until it has cost too many workers."""
    message = "The worker stopped answering."
    owner = (await run(tx, "task_owner", work_id=work_id)).one_or_none()
    if owner is None:
        return False
    work: Any
    if owner.kind == WorkKind.PROBE:
        work = (await run(tx, "lock_probe", work_id=work_id)).one()
    else:
        work = await lock_work(tx, work_id)
    if work.state not in ("leased", "rendering"):
        return False
    if not (await run(tx, "lease_expired", work_id=work_id)).scalar_one():
        return False
    lost = work.worker_failures + 1
    if lost < limits.worker_failures_per_frame:
        await _requeue(tx, work_id, tries=work.tries, worker_failures=lost, error=message)
        if isinstance(work, LockedWork) and work.kind is WorkKind.MERGE:
            await merge_failed(tx, work, reason=EndReason.WORKER_LOST, message=message, final=False)
    elif isinstance(work, LockedWork):
        await _fail_work(tx, work, message, EndReason.WORKER_LOST)
    else:
        await _end(tx, work_id, WorkState.FAILED, error=message, data=None)
        await _set_model(tx, work.model_id, "invalid", None, _probe_problem(message))
    return True


async def _fail_work(tx: Transaction, work: LockedWork, message: str, reason: EndReason) -> None:
    await _end(tx, work.id, WorkState.FAILED, error=message, data=None)
    if work.kind is WorkKind.MERGE:
        await merge_failed(tx, work, reason=reason, message=message, final=True)
        return
    await append_event(
        tx, job_id=work.job.id, kind=EventKind.OUTPUT_FAILED, data={"kind": work.task, "message": message}
    )
    await settle(tx, job_id=work.job.id)


async def _fail_probe(
    tx: Transaction, work_id: int, fence: int, message: str, problem: Mapping[str, str], *, retryable: bool
) -> bool:
    row = (await run(tx, "lock_probe", work_id=work_id)).one()
    if row.fence != fence or row.state not in ("leased", "rendering"):
        return False
    if retryable and row.tries + 1 < _TRIES:
        await _requeue(tx, work_id, tries=row.tries + 1, worker_failures=row.worker_failures, error=message)
    else:
        await _end(tx, work_id, WorkState.FAILED, error=message, data=None)
        await _set_model(tx, row.model_id, "invalid", None, problem)
    return True


def _probe_problem(message: str, remedy: str = "") -> dict[str, str]:
    """Of a model without a verdict; its code lets ``register_model`` have it probed again."""
    again = "Register the model again, which tries once more; if it stays so, show this to the operator."
    return {
        "code": "probe-failed",
        "message": f"The model could not be opened: {message}",
        "remedy": f"{remedy} {again}".lstrip(),
    }


async def _requeue(tx: Transaction, work_id: int, *, tries: int, worker_failures: int, error: str) -> None:
    await run(
        tx,
        "requeue_task",
        work_id=work_id,
        tries=tries,
        worker_failures=worker_failures,
        error=error,
        pause=_PAUSE * (tries + worker_failures - 1),
    )
    await run(tx, "notify", channel=DISPATCH, payload="task")


async def _end(
    tx: Transaction, work_id: int, state: WorkState, *, error: str | None, data: Mapping[str, Any] | None
) -> None:
    await run(
        tx, "end_task", work_id=work_id, state=state, error=error, data=as_json(data) if data is not None else None
    )


async def _set_model(
    tx: Transaction,
    model_id: UUID,
    state: str,
    probe: Mapping[str, Any] | None,
    problem: Mapping[str, Any] | None,
) -> None:
    await run(
        tx,
        "set_model_state",
        model_id=model_id,
        state=state,
        probe=as_json(probe) if probe is not None else None,
        problem=as_json(problem) if problem is not None else None,
    )
    data: dict[str, object] = {"state": state}
    if problem is not None:
        data["problem"] = problem
    await append_model_event(tx, model_id=model_id, kind=EventKind.MODEL_STATE, data=data)
