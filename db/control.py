"""Pause, resume, approve, and change what may be changed of a job that exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from db._jobs import LockedJob, lock_job
from db._query import run
from db.events import append_event
from db.listen import DISPATCH
from db.session import Transaction
from db.settle import settle
from db.transitions import change_job
from jobs.errors import Conflict, InvalidInput
from jobs.events import EventKind
from jobs.spec import PriorityClass
from jobs.states import REOPENING, JobCommand, JobState, may_ask_for

_DEADLINES = ("start_before", "finish_before")


async def pause_job(tx: Transaction, *, job_id: UUID) -> JobState:
    """Frames under way finish, no other starts; a job whose last frames finish meanwhile ends."""
    await change_job(tx, job_id=job_id, command=JobCommand.PAUSE)
    return await settle(tx, job_id=job_id)


async def resume_job(tx: Transaction, *, job_id: UUID) -> JobState:
    """Back to the queue; what was pinned when it first started stays."""
    return await change_job(tx, job_id=job_id, command=JobCommand.RESUME)


async def approve_job(tx: Transaction, *, job_id: UUID) -> JobState:
    """The scout frames are good: the rest is rendered."""
    await change_job(tx, job_id=job_id, command=JobCommand.APPROVE)
    await run(tx, "approve_job", job_id=job_id)
    return await settle(tx, job_id=job_id)


async def hold_job(tx: Transaction, *, job_id: UUID) -> None:
    """Keep other writers off the job until the transaction ends: what is read behind it is what will be changed."""
    await lock_job(tx, job_id)


async def change_fields(tx: Transaction, *, job_id: UUID, changes: Mapping[str, Any]) -> bool:
    """Change priority (a ``PriorityClass``), weight, max_replicas, a deadline, tags, show or shot; False: no change.

    Work that waits gets the new rank too. ``InvalidInput`` for a deadline that has passed, ``Conflict`` for a job
    that is being canceled, ``InvalidInput`` too for a shot without a show.
    """
    job = await lock_job(tx, job_id)
    if job.state is JobState.CANCELING:
        raise Conflict(
            "The job is being canceled; nothing of it can be changed.", state=str(job.state), allowed=[], remedy=None
        )
    now = (await run(tx, "changeable_fields", job_id=job_id)).mappings().one()
    wanted: dict[str, Any] = {**now, **{name: value for name, value in changes.items() if name != "priority"}}
    if "priority" in changes:
        wanted["priority_rank"] = PriorityClass(changes["priority"]).rank
    if "tags" in changes:
        wanted["tags"] = list(changes["tags"])
    if wanted["shot"] is not None and wanted["show"] is None:
        raise InvalidInput(
            "A shot is of a show.", field="shot", remedy="Name the show too, or take the shot away: null for both."
        )
    changed = {name: value for name, value in wanted.items() if value != now[name]}
    if not changed:
        return False
    await require_future(tx, {name: changed[name] for name in _DEADLINES if name in changed})
    await run(tx, "change_job_fields", job_id=job_id, **wanted)
    data = {_shown(name): {"from": _value(name, now[name]), "to": _value(name, changed[name])} for name in changed}
    await append_event(tx, job_id=job_id, kind=EventKind.JOB_CHANGED, data={"changes": data})
    await run(tx, "notify", channel=DISPATCH, payload="job")
    return True


async def require_future(tx: Transaction, deadlines: Mapping[str, Any]) -> None:
    """``InvalidInput`` for a deadline that has passed by the database's clock, which ends jobs by it."""
    given = {name: value for name, value in deadlines.items() if value is not None}
    if not given:
        return
    now = (await run(tx, "database_now")).scalar_one()
    for name, value in given.items():
        if value <= now:
            raise InvalidInput(
                f"{name} is {value.isoformat()}, which has passed: it is {now.isoformat(timespec='seconds')}.",
                field=name,
                remedy="Give a time to come, with its time zone, or none.",
            )


async def require_time_left(tx: Transaction, *, job: LockedJob) -> None:
    """``Conflict`` for a job that would end at once because a deadline of it has passed."""
    row = (await run(tx, "deadline_of", job_id=job.id)).one()
    if row.is_late or row.starts_late:
        name = "finish_before" if row.is_late else "start_before"
        raise Conflict(
            f"The job's {name} has passed, so it would end again at once.",
            remedy=f"Give it another one or none first: PATCH /v1/jobs/{job.id} with {name}.",
            field=name,
            state=str(job.state),
            allowed=may_ask_for(job.state, but_not=REOPENING),
        )


def _shown(name: str) -> str:
    return "priority" if name == "priority_rank" else name


def _value(name: str, value: Any) -> Any:
    if name == "priority_rank":
        return str(list(PriorityClass)[value])
    return value.isoformat() if name in _DEADLINES and value is not None else value
