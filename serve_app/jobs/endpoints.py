"""``/v1/jobs``: submit, list, read, cancel, and look into frames and attempts."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Response
from starlette.responses import PlainTextResponse, RedirectResponse

from jobs.spec import JobSpec
from jobs.states import FrameState, JobState
from serve_app.dependencies import Audit, PageQuery, PublicUrl, Services, Tx, Unit
from serve_app.jobs import frames, service
from serve_app.jobs.schemas import JOB_EXAMPLES, LOCATION, AttemptView, FrameView, IdempotencyKey, JobDetail, JobView
from serve_app.jobs.trail import NOTED
from serve_app.openapi import problems
from serve_app.paging import Page
from serve_app.security import Access

router = APIRouter(prefix="/jobs", tags=["jobs"])

_LOG: dict[int | str, dict[str, Any]] = {
    200: {"description": "Text, 64 KiB at most.", "content": {"text/plain": {"schema": {"type": "string"}}}},
    **problems(404),
}


@router.post(
    "",
    status_code=202,
    responses={202: {"headers": LOCATION, "description": "The job is queued."}, **problems(409)},
)
async def submit_job(
    spec: Annotated[JobSpec, Body(openapi_examples=JOB_EXAMPLES)],
    response: Response,
    access: Access,
    tx: Tx,
    services: Services,
    trail: Audit,
    idempotency_key: IdempotencyKey = None,
) -> JobDetail:
    """Submit a job. It is checked against its pipeline and model first; nothing is kept of one that is refused."""
    job = await service.submit(
        tx, services, project_id=access.project_id, spec=spec, idempotency_key=idempotency_key, trail=trail
    )
    response.headers["Location"] = job.links.self
    return job


@router.get("")
async def list_jobs(
    access: Access,
    tx: Tx,
    page: PageQuery,
    state: Annotated[list[JobState] | None, Query(description="Only jobs in one of these states.")] = None,
) -> Page[JobView]:
    """Jobs of the project, newest first."""
    return await service.list_page(tx, project_id=access.project_id, page=page, states=state)


@router.get("/{job_id}")
async def read_job(job_id: UUID, access: Access, tx: Tx) -> JobDetail:
    """One job: counts, progress, an estimate of the time left, and why it waits."""
    return await service.read(tx, project_id=access.project_id, job_id=job_id)


@router.post("/{job_id}/cancel", status_code=202, dependencies=[NOTED], responses=problems(409))
async def cancel_job(job_id: UUID, access: Access, tx: Tx) -> JobDetail:
    """Cancel a job: waiting frames end at once, rendering ones within a second. A second cancel changes nothing."""
    return await service.cancel(tx, project_id=access.project_id, job_id=job_id)


@router.get("/{job_id}/frames")
async def list_frames(
    job_id: UUID,
    access: Access,
    tx: Tx,
    page: PageQuery,
    state: Annotated[list[FrameState] | None, Query(description="Only frames in one of these states.")] = None,
) -> Page[FrameView]:
    """Frames in the order of the range."""
    return await frames.list_page(tx, project_id=access.project_id, job_id=job_id, page=page, states=state)


@router.get("/{job_id}/frames/{frame}")
async def read_frame(job_id: UUID, frame: int, access: Access, tx: Tx) -> FrameView:
    """One frame by its number in the scene."""
    return await frames.read(tx, project_id=access.project_id, job_id=job_id, frame=frame)


@router.get(
    "/{job_id}/frames/{frame}/preview",
    status_code=307,
    response_class=RedirectResponse,
    responses={307: {"description": "The picture, a small JPEG, is at `Location`."}, **problems(404)},
)
async def read_preview(
    job_id: UUID, frame: int, access: Access, unit: Unit, services: Services, public_url: PublicUrl
) -> RedirectResponse:
    """What a frame that renders looks like so far. The next one has another address, and this one is gone soon."""
    tx = await unit.begin()
    key = await frames.preview_key(tx, project_id=access.project_id, job_id=job_id, frame=frame)
    await unit.end()
    url = services.storage.download_url(
        key,
        expires_in=services.settings.link_lifetime,
        filename=f"frame_{frame:04d}_so_far.jpg",
        media_type="image/jpeg",
    )
    link = f"{public_url}{url}" if url.startswith("/") else url
    return RedirectResponse(link, status_code=307, headers={"Cache-Control": "no-store"})


@router.get("/{job_id}/frames/{frame}/log", response_class=PlainTextResponse, responses=_LOG)
async def read_log(
    job_id: UUID,
    frame: int,
    access: Access,
    tx: Tx,
    attempt: Annotated[UUID | None, Query(description="This try; absent: the newest that printed anything.")] = None,
) -> PlainTextResponse:
    """The end of what the engine itself printed for this frame, whether it was rendered or failed."""
    text = await frames.log(tx, project_id=access.project_id, job_id=job_id, frame=frame, attempt_id=attempt)
    return PlainTextResponse(text, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


@router.get("/{job_id}/frames/{frame}/attempts")
async def list_attempts(job_id: UUID, frame: int, access: Access, tx: Tx) -> Page[AttemptView]:
    """Every try at a frame: outcome, timings, and the end of the engine's log."""
    return await frames.attempts(tx, project_id=access.project_id, job_id=job_id, frame=frame)
