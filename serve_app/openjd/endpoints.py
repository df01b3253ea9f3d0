"""``POST /v1/jobs:import-openjd``: submit the job that an Open Job Description template describes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response

from serve_app.conditional import ETAG_HEADER
from serve_app.dependencies import Audit, PublicUrl, Services, Unit
from serve_app.jobs.schemas import LOCATION, IdempotencyKey, JobDetail
from serve_app.jobs.stills import read_accept
from serve_app.jobs.submitting import Asked, submit_and_answer
from serve_app.openapi import Responses, problems
from serve_app.openjd.schemas import IMPORT_EXAMPLES, OpenjdImport
from serve_app.openjd.service import spec_of
from serve_app.prefer import APPLIED_HEADER, Prefer
from serve_app.security import Access

router = APIRouter(prefix="/jobs", tags=["jobs"])

_IMPORTED: Responses = {
    200: {"description": "The job has ended while the answer waited (`Prefer: wait`)."},
    202: {"headers": {**LOCATION, **ETAG_HEADER, **APPLIED_HEADER}, "description": "The job is queued, or renders."},
    **problems(409, 413),
}


@router.post(":import-openjd", status_code=202, response_model=JobDetail, responses=_IMPORTED)
async def import_openjd(
    asked: Annotated[OpenjdImport, Body(openapi_examples=IMPORT_EXAMPLES)],
    request: Request,
    response: Response,
    access: Access,
    unit: Unit,
    services: Services,
    public_url: PublicUrl,
    preferences: Prefer,
    trail: Audit,
    idempotency_key: IdempotencyKey = None,
) -> JobDetail | Response:
    """Submit a job that an Open Job Description template describes, checked like any other.

    The template is one step that renders frames with Blender, and perhaps one that makes a film of them with ffmpeg.
    Anything else in it is refused with its place (`unsupported`, JSON Pointers), and nothing of it is run."""
    await unit.end()  # reading it takes up to a second, for which no connection should wait
    with services.imports.take(access.project_id):
        spec = await spec_of(asked, threads=services.body_threads)
    return await submit_and_answer(
        unit,
        services,
        Asked(
            request=request,
            project_id=access.project_id,
            name=access.name,
            preferences=preferences,
            public_url=public_url,
        ),
        spec=spec,
        accepted=read_accept(None),  # a still's picture is for POST /v1/jobs
        idempotency_key=idempotency_key,
        trail=trail,
        response=response,
    )
