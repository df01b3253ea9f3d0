"""``POST /v1/jobs:import-openjd``: submit the job that an Open Job Description template describes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response

from db.features import require_feature
from jobs.features import Feature
from serve_app.conditional import ETAG_HEADER
from serve_app.dependencies import Audit, Services, Unit
from serve_app.jobs.schemas import LOCATION, IdempotencyKey, JobDetail
from serve_app.jobs.stills import read_accept
from serve_app.jobs.submitting import Asking, submit_and_answer
from serve_app.openapi import Responses, problems
from serve_app.openjd.schemas import IMPORT_EXAMPLES, OpenjdImport
from serve_app.openjd.service import spec_of
from serve_app.prefer import APPLIED_HEADER

router = APIRouter(prefix="/jobs", tags=["jobs"])

_IMPORTED: Responses = {
    200: {"description": "The job has ended while the answer waited (`Prefer: wait`)."},
    202: {"headers": {**LOCATION, **ETAG_HEADER, **APPLIED_HEADER}, "description": "The job is queued, or renders."},
    **problems(409, 413),
}


@router.post(":import-openjd", status_code=202, response_model=JobDetail, responses=_IMPORTED)
async def import_openjd(
    asked: Annotated[OpenjdImport, Body(openapi_examples=IMPORT_EXAMPLES)],
    response: Response,
    asking: Asking,
    unit: Unit,
    services: Services,
    trail: Audit,
    idempotency_key: IdempotencyKey = None,
) -> JobDetail | Response:
    """Submit a job that an Open Job Description template describes, checked like any other.

    The template is one step that renders frames with Blender, and perhaps one that makes a film of them with ffmpeg.
    Anything else in it is refused with its place (`unsupported`, JSON Pointers), and nothing of it is run."""
    remedy = "Submit the job with POST /v1/jobs."
    await require_feature(await unit.begin(), Feature.OPENJD_IMPORT, project_id=asking.project_id, remedy=remedy)
    await unit.end()  # reading it takes up to a second, for which no connection should wait
    with services.imports.take(asking.project_id):
        spec = await spec_of(asked, threads=services.body_threads)
    return await submit_and_answer(
        unit,
        services,
        asking,
        spec=spec,
        accepted=read_accept(None),  # a still's picture is for POST /v1/jobs
        idempotency_key=idempotency_key,
        trail=trail,
        response=response,
    )
