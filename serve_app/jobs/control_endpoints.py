"""``/v1/jobs/{id}/…``: what a person may do to a job that exists, and the dry run of one that does not."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Response

from jobs.spec import JobSpec
from serve_app.conditional import CHANGES, IfMatch, answer
from serve_app.dependencies import Audit, Services, Tx
from serve_app.jobs import control, estimating
from serve_app.jobs.schemas import (
    JOB_EXAMPLES,
    LOCATION,
    EstimateView,
    FrameActionRequest,
    FramesChangedView,
    IdempotencyKey,
    JobChanges,
    JobDetail,
    RetryRequest,
)
from serve_app.jobs.trail import NOTED
from serve_app.jobs.versions import version_of
from serve_app.openapi import problems
from serve_app.security import Access

router = APIRouter(prefix="/jobs", tags=["jobs"])

_CLONE_EXAMPLES: dict[str, Any] = {
    "the second half, finer": {
        "summary": "Other frames, more samples; all else as it was",
        "value": {"name": "armillary, second half", "frames": "49-96", "settings": {"samples": 256}},
    }
}


@router.post("/estimate", responses=problems(409))
async def estimate_job(
    spec: Annotated[JobSpec, Body(openapi_examples=JOB_EXAMPLES)], access: Access, tx: Tx, services: Services
) -> EstimateView:
    """Dry run: check a job as a submit would and say what it would cost. Nothing is written."""
    return await estimating.estimate_job(tx, services, project_id=access.project_id, spec=spec, asked_by=access.name)


@router.patch("/{job_id}", response_model=JobDetail, dependencies=[NOTED], responses={**CHANGES, **problems(409)})
async def change_job(
    job_id: UUID, changes: JobChanges, response: Response, access: Access, tx: Tx, if_match: IfMatch = None
) -> JobDetail | Response:
    """Change priority, weight, max_replicas, deadlines, tags, show or shot; work that waits goes by the new priority at
    once."""
    job = await control.change(tx, project_id=access.project_id, job_id=job_id, changes=changes, if_match=if_match)
    return answer(job, version_of(job), response=response)


@router.post("/{job_id}/pause", dependencies=[NOTED], responses=problems(409))
async def pause_job(job_id: UUID, access: Access, tx: Tx) -> JobDetail:
    """Pause a job: frames that render finish, no other starts."""
    return await control.pause(tx, project_id=access.project_id, job_id=job_id)


@router.post("/{job_id}/resume", dependencies=[NOTED], responses=problems(409))
async def resume_job(job_id: UUID, access: Access, tx: Tx) -> JobDetail:
    """Let a paused job go on."""
    return await control.resume(tx, project_id=access.project_id, job_id=job_id)


@router.post("/{job_id}/approve", dependencies=[NOTED], responses=problems(409))
async def approve_job(job_id: UUID, access: Access, tx: Tx) -> JobDetail:
    """The scout frames are good: render the rest."""
    return await control.approve(tx, project_id=access.project_id, job_id=job_id)


@router.post("/{job_id}/retry", dependencies=[NOTED], responses=problems(409))
async def retry_job(job_id: UUID, access: Access, tx: Tx, request: RetryRequest | None = None) -> JobDetail:
    """Try a job again that failed or was canceled: frames that have their picture keep it, the others are rendered."""
    frames = request.frames if request else None
    return await control.retry(tx, project_id=access.project_id, job_id=job_id, frames=frames)


@router.post("/{job_id}/frames/actions", responses=problems(409))
async def act_on_frames(
    job_id: UUID, request: FrameActionRequest, access: Access, tx: Tx, trail: Audit
) -> FramesChangedView:
    """Skip, requeue or retry some frames, all of them or none. Where a frame refuses, nothing is changed."""
    done = await control.act(
        tx, project_id=access.project_id, job_id=job_id, action=request.action, frames=request.frames
    )
    if done.changed:
        what = {"action": request.action, "frames": request.frames, "changed": done.changed}
        trail.note("job", job_id, after=what)
    else:
        trail.nothing_changed()
    return done


@router.post(
    "/{job_id}/clone",
    status_code=202,
    responses={202: {"headers": LOCATION, "description": "The new job is queued."}, **problems(409)},
)
async def clone_job(
    job_id: UUID,
    response: Response,
    access: Access,
    tx: Tx,
    services: Services,
    trail: Audit,
    changes: Annotated[
        dict[str, Any] | None,
        Body(
            max_length=len(JobSpec.model_fields),
            openapi_examples=_CLONE_EXAMPLES,
            description="Fields of a job that differ. `settings` are merged key by key, null takes one away. "
            "Deadlines and `notify` are not taken over.",
        ),
    ] = None,
    idempotency_key: IdempotencyKey = None,
) -> JobDetail:
    """A new job like this one, with other frames, settings or anything else."""
    job = await control.clone(
        tx,
        services,
        project_id=access.project_id,
        job_id=job_id,
        changes=changes or {},
        idempotency_key=idempotency_key,
        submitted_by=access.name,
        trail=trail,
    )
    response.headers["Location"] = job.links.self
    return job
