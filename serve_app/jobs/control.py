"""Steers jobs that exist: pause, resume, approve, retry, change, clone, and actions on frames."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Protocol
from uuid import UUID

from pydantic import ValidationError

from db.control import approve_job, change_fields, hold_job, pause_job, resume_job
from db.frame_actions import act_on_frames, retry_job
from db.repositories.jobs import JobRow
from db.session import Transaction
from jobs.errors import InvalidInput
from jobs.frame_actions import FrameAction, ordinals_in
from jobs.spec import JobSpec
from jobs.states import JobState
from serve_app.audit.trail import Trail
from serve_app.jobs.admission import required_labels
from serve_app.jobs.schemas import FramesChangedView, JobChanges, JobDetail
from serve_app.jobs.service import read, require_job, submit
from serve_app.jobs.versions import version_of
from serve_app.services import ApiServices
from serve_app.validation import check_against

_NOT_CLONED = ("start_before", "finish_before", "notify")
"""Of another time, and for other people: a clone has no deadline and tells nobody unless it is asked to."""


class _Command(Protocol):
    def __call__(self, tx: Transaction, *, job_id: UUID) -> Awaitable[JobState]: ...


async def pause(tx: Transaction, *, project_id: UUID, job_id: UUID) -> JobDetail:
    return await _command(tx, pause_job, project_id, job_id)


async def resume(tx: Transaction, *, project_id: UUID, job_id: UUID) -> JobDetail:
    return await _command(tx, resume_job, project_id, job_id)


async def approve(tx: Transaction, *, project_id: UUID, job_id: UUID) -> JobDetail:
    return await _command(tx, approve_job, project_id, job_id)


async def retry(tx: Transaction, *, project_id: UUID, job_id: UUID, frames: str | None) -> JobDetail:
    """Raises ``Conflict`` where the job has not failed or been canceled."""
    job = await require_job(tx, project_id=project_id, job_id=job_id)
    ordinals = None if frames is None else await _ordinals(job, frames)
    await retry_job(tx, job_id=job_id, ordinals=ordinals)
    return await read(tx, project_id=project_id, job_id=job_id)


async def act(
    tx: Transaction, *, project_id: UUID, job_id: UUID, action: FrameAction, frames: str
) -> FramesChangedView:
    """Raises ``Conflict`` where one of the frames refuses, and then changes none."""
    job = await require_job(tx, project_id=project_id, job_id=job_id)
    ordinals = await _ordinals(job, frames)
    done = await act_on_frames(tx, job_id=job_id, action=action, ordinals=ordinals)
    return FramesChangedView(changed=done.changed, job=await read(tx, project_id=project_id, job_id=job_id))


async def change(
    tx: Transaction, *, project_id: UUID, job_id: UUID, changes: JobChanges, if_match: str | None
) -> JobDetail:
    """Only the fields that the request names. Raises ``PreconditionFailed`` where somebody was faster."""
    await require_job(tx, project_id=project_id, job_id=job_id)
    await hold_job(tx, job_id=job_id)
    if if_match is not None:
        version_of(await read(tx, project_id=project_id, job_id=job_id)).require(if_match)
    named = {name: getattr(changes, name) for name in changes.model_fields_set}
    await change_fields(tx, job_id=job_id, changes=named)
    return await read(tx, project_id=project_id, job_id=job_id)


async def clone(
    tx: Transaction,
    services: ApiServices,
    *,
    project_id: UUID,
    job_id: UUID,
    changes: dict[str, Any],
    idempotency_key: str | None,
    submitted_by: str,
    trail: Trail,
) -> JobDetail:
    """A new job with this one's spec, save what ``changes`` says; refused as a submit would be."""
    source = await require_job(tx, project_id=project_id, job_id=job_id)
    base = {name: value for name, value in source.spec.items() if name not in _NOT_CLONED}
    base["labels"] = _own_labels(source.spec)
    # As it is now, not as it was submitted: somebody has changed it since.
    base |= {"priority": str(source.priority), "weight": source.weight, "max_replicas": source.max_replicas}
    base |= {"tags": source.tags, "show": source.show, "shot": source.shot}
    spec = check_against(JobSpec, _merged(base, changes), field="", what="fields of the job")
    return await submit(
        tx,
        services,
        project_id=project_id,
        spec=spec,
        idempotency_key=idempotency_key,
        submitted_by=submitted_by,
        trail=trail,
        cloned_from=job_id,
    )


async def _ordinals(job: JobRow, selection: str) -> list[int]:
    """In a thread: a selection may name a million frames."""
    return await asyncio.to_thread(lambda: ordinals_in(JobSpec.model_validate(job.spec).frame_range, selection))


def _own_labels(spec: dict[str, Any]) -> dict[str, str]:
    """Without those that its settings asked for: other settings ask for others."""
    try:
        required = required_labels(spec["pipeline"], spec["settings"])
    except (InvalidInput, ValidationError):  # of an older farm; what is wrong with them, the submit says
        required = {}
    return {key: value for key, value in (spec.get("labels") or {}).items() if required.get(key) != value}


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Settings key by key, null taking one away; any other field as a whole."""
    merged = {**base, **changes}
    settings = changes.get("settings")
    if isinstance(settings, dict) and changes.get("pipeline", base["pipeline"]) == base["pipeline"]:
        both = {**base["settings"], **settings}
        merged["settings"] = {name: value for name, value in both.items() if value is not None}
    return merged


async def _command(tx: Transaction, command: _Command, project_id: UUID, job_id: UUID) -> JobDetail:
    """The job as it is after the command; ``Conflict`` where its state does not allow it."""
    await require_job(tx, project_id=project_id, job_id=job_id)
    await command(tx, job_id=job_id)
    return await read(tx, project_id=project_id, job_id=job_id)
