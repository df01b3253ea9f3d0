"""``/v1/jobs``: submit, list, read, cancel, and look into frames and attempts."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Header, Query, Response
from starlette.responses import PlainTextResponse, RedirectResponse

from db.repositories.job_lists import JobSort
from jobs.spec import JobSpec
from jobs.states import FrameState
from serve_app.conditional import ETAG_HEADER, READS, IfNoneMatch, answer, version_by_content
from serve_app.dependencies import Audit, PageQuery, PublicUrl, Services, Tx, Unit
from serve_app.jobs import frames, service
from serve_app.jobs.filters import JobQuery, SortQuery
from serve_app.jobs.pictures import picture_of
from serve_app.jobs.schemas import JOB_EXAMPLES, LOCATION, AttemptView, FrameView, IdempotencyKey, JobDetail, JobView
from serve_app.jobs.stills import PICTURES, read_accept
from serve_app.jobs.submitting import Asking, submit_and_answer, wait_as_preferred
from serve_app.jobs.trail import NOTED
from serve_app.jobs.versions import version_of
from serve_app.openapi import Responses, problems
from serve_app.paging import Page
from serve_app.prefer import APPLIED_HEADER
from serve_app.security import Access

router = APIRouter(prefix="/jobs", tags=["jobs"])

_SUBMITTED: Responses = {
    200: {
        "model": JobDetail,
        "description": "The job has ended while the answer waited (`Prefer: wait`), or the picture of a still "
        "(`Accept`, with `Prefer: return=representation`).",
        "content": {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in PICTURES},
    },
    202: {"headers": {**LOCATION, **ETAG_HEADER, **APPLIED_HEADER}, "description": "The job is queued, or renders."},
    303: {"headers": LOCATION, "description": "The picture of a still is at `Location`; `Link` names the job."},
    **problems(406, 409),
}
_READ_JOB: Responses = {**READS, 200: {"headers": {**ETAG_HEADER, **APPLIED_HEADER}}}

_LOG: dict[int | str, dict[str, Any]] = {
    200: {"description": "Text, 64 KiB at most.", "content": {"text/plain": {"schema": {"type": "string"}}}},
    **problems(404),
}


@router.post(
    "",
    status_code=202,
    response_model=JobDetail,
    responses=_SUBMITTED,
)
async def submit_job(
    spec: Annotated[JobSpec, Body(openapi_examples=JOB_EXAMPLES)],
    response: Response,
    asking: Asking,
    unit: Unit,
    services: Services,
    trail: Audit,
    idempotency_key: IdempotencyKey = None,
    accept: Annotated[
        str | None,
        Header(
            description="`image/png`, or another picture: of one frame, the answer is that picture once it is there."
        ),
    ] = None,
) -> JobDetail | Response:
    """Submit a job. It is checked against its pipeline and model first; nothing is kept of one that is refused.

    The answer comes at once, unless `Prefer: wait=…` asks for the job's end, or `Accept` for the picture of a still."""
    accepted = read_accept(accept)
    return await submit_and_answer(
        unit,
        services,
        asking,
        spec=spec,
        accepted=accepted,
        idempotency_key=idempotency_key,
        trail=trail,
        response=response,
    )


@router.get("")
async def list_jobs(
    access: Access, tx: Tx, page: PageQuery, wanted: JobQuery, sort: SortQuery = JobSort.NEWEST
) -> Page[JobView]:
    """Jobs of the project, newest first unless `sort` says otherwise. A cursor is of one order and its filters."""
    return await service.list_page(tx, project_id=access.project_id, page=page, wanted=wanted, sort=sort)


@router.get("/{job_id}", response_model=JobDetail, responses=_READ_JOB)
async def read_job(
    job_id: UUID,
    response: Response,
    access: Access,
    asking: Asking,
    unit: Unit,
    services: Services,
    if_none_match: IfNoneMatch = None,
) -> JobDetail | Response:
    """One job: counts, progress, an estimate of the time left, and why it waits. `Prefer: wait=…` answers once it has
    ended."""
    job = await service.read(await unit.begin(), project_id=access.project_id, job_id=job_id)
    await unit.end()
    if not job.state.is_terminal and await wait_as_preferred(services, asking, job_id=job_id, response=response):
        job = await service.read(await unit.begin(), project_id=access.project_id, job_id=job_id)
    return answer(job, version_of(job), response=response, if_none_match=if_none_match)


@router.post("/{job_id}/cancel", status_code=202, dependencies=[NOTED], responses=problems(409))
async def cancel_job(job_id: UUID, access: Access, tx: Tx) -> JobDetail:
    """Cancel a job: waiting frames end at once, rendering ones within a second. A second cancel changes nothing."""
    return await service.cancel(tx, project_id=access.project_id, job_id=job_id)


@router.get("/{job_id}/frames", response_model=Page[FrameView], responses=READS)
async def list_frames(
    job_id: UUID,
    response: Response,
    access: Access,
    tx: Tx,
    page: PageQuery,
    state: Annotated[list[FrameState] | None, Query(description="Only frames in one of these states.")] = None,
    if_none_match: IfNoneMatch = None,
) -> Page[FrameView] | Response:
    """Frames in the order of the range."""
    found = await frames.list_page(tx, project_id=access.project_id, job_id=job_id, page=page, states=state)
    return answer(found, version_by_content(found), response=response, if_none_match=if_none_match)


@router.get("/{job_id}/frames/{frame}", response_model=FrameView, responses=READS)
async def read_frame(
    job_id: UUID, frame: int, response: Response, access: Access, tx: Tx, if_none_match: IfNoneMatch = None
) -> FrameView | Response:
    """One frame by its number in the scene."""
    found = await frames.read(tx, project_id=access.project_id, job_id=job_id, frame=frame)
    return answer(found, version_by_content(found), response=response, if_none_match=if_none_match)


@router.get(
    "/{job_id}/frames/{frame}/preview",
    status_code=307,
    response_class=RedirectResponse,
    responses={307: {"description": "The picture is at `Location`."}, **problems(404)},
)
async def read_preview(
    job_id: UUID, frame: int, access: Access, unit: Unit, services: Services, public_url: PublicUrl
) -> RedirectResponse:
    """What a frame looks like: so far while it renders, a small JPEG whose address is another for the next one; then
    the preview of its result, or the result itself where that is a PNG, JPEG or WebP."""
    tx = await unit.begin()
    picture = await picture_of(tx, project_id=access.project_id, job_id=job_id, frame=frame)
    await unit.end()
    url = await asyncio.to_thread(  # signing for S3 takes 3.5 ms, and may ask for credentials
        services.storage.download_url,
        picture.storage_key,
        expires_in=services.settings.link_lifetime,
        filename=picture.filename,
        media_type=picture.media_type,
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
