"""The answer to a submit: at once, or once the job has ended or the wait is over, or with the picture itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from db.features import has_feature, require_feature
from db.session import Transaction
from jobs.features import Feature
from jobs.spec import JobSpec
from serve_app.audit.trail import Trail
from serve_app.conditional import answer
from serve_app.dependencies import PublicUrl
from serve_app.jobs import service
from serve_app.jobs.admission import with_pipeline
from serve_app.jobs.schemas import JobDetail
from serve_app.jobs.stills import Accepted, as_still, picture_answer, picture_of, why_none
from serve_app.jobs.versions import version_of
from serve_app.jobs.waiting import wait_for_end, wait_until
from serve_app.models.service import require_model
from serve_app.prefer import Prefer, Preferences, tell_applied
from serve_app.security import Access
from serve_app.services import ApiServices
from serve_app.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks, over which connection, and how the answer is wanted."""

    request: Request
    project_id: UUID
    name: str
    preferences: Preferences
    public_url: str


def _asked(request: Request, access: Access, preferences: Prefer, public_url: PublicUrl) -> Asked:
    return Asked(
        request=request,
        project_id=access.project_id,
        name=access.name,
        preferences=preferences,
        public_url=public_url,
    )


Asking = Annotated[Asked, Depends(_asked)]
"""Of a request that may wait for its job; it is let in first, like any other that asks for ``Access``."""


async def submit_and_answer(
    unit: UnitOfWork,
    services: ApiServices,
    asked: Asked,
    *,
    spec: JobSpec,
    accepted: Accepted,
    idempotency_key: str | None,
    trail: Trail,
    response: Response,
) -> JobDetail | Response:
    """The job is committed before anything is waited for: a client that goes away cancels nothing.

    Raises ``RenderFailed`` where a picture is wanted and its frame has failed, and what a submit is refused with.
    """
    tx = await unit.begin()
    still = await _as_still(tx, asked, spec, accepted) if accepted.pictures else None
    job = await service.submit(
        tx,
        services,
        project_id=asked.project_id,
        spec=still or spec,
        idempotency_key=idempotency_key,
        submitted_by=asked.name,
        trail=trail,
    )
    await unit.end()
    response.headers["Location"] = job.links.self
    response.headers["Vary"] = "Accept, Prefer"
    if still:
        picture = await _picture(unit, services, asked, job_id=job.id, response=response)
        if picture is not None:
            return picture
    elif await wait_as_preferred(services, asked, job_id=job.id, response=response):
        job = await service.read(await unit.begin(), project_id=asked.project_id, job_id=job.id)
        response.status_code = 200 if job.state.is_terminal else 202
    return answer(job, version_of(job), response=response)


async def wait_as_preferred(services: ApiServices, asked: Asked, *, job_id: UUID, response: Response) -> bool:
    """Whether the answer was kept back until the job's end, or for as long as was granted. Say so in ``response``."""
    preferences = asked.preferences
    at_most = preferences.time_to_wait(longest=services.settings.max_prefer_wait)
    if not at_most:
        tell_applied(response, "respond-async" if preferences.respond_async else None)
        return False
    waited = await wait_for_end(
        services, request=asked.request, project_id=asked.project_id, job_id=job_id, at_most=at_most
    )
    tell_applied(response, _granted(at_most) if waited else None)
    return waited


async def _as_still(tx: Transaction, asked: Asked, spec: JobSpec, accepted: Accepted) -> JobSpec | None:
    if not spec.names_pipeline:
        model = await require_model(tx, project_id=asked.project_id, model_id=spec.model)
        spec = with_pipeline(spec, kind=model.kind)
    still = as_still(spec, accepted)
    feature, project_id = Feature.INTERACTIVE_STILLS, asked.project_id
    if still is not None and accepted.description and not await has_feature(tx, feature, project_id=project_id):
        return None  # the description of the job will do, and says where its picture comes
    if still is not None:
        remedy = "Accept application/json too; the answer says where the picture comes."
        await require_feature(tx, feature, project_id=project_id, remedy=remedy)
    return still


async def _picture(
    unit: UnitOfWork, services: ApiServices, asked: Asked, *, job_id: UUID, response: Response
) -> Response | None:
    """The picture once it is there; None: it takes longer. It need not wait for the job's end, nor for its preview."""
    preferences = asked.preferences
    at_most = preferences.time_to_wait(
        longest=services.settings.max_prefer_wait, otherwise=services.settings.still_wait
    )

    async def look(tx: Transaction) -> bool:
        if await picture_of(tx, job_id=job_id) is not None:
            return True
        return await why_none(tx, project_id=asked.project_id, job_id=job_id) is not None

    waited = await wait_until(
        look, services, request=asked.request, project_id=asked.project_id, job_id=job_id, at_most=at_most
    )
    granted = _granted(at_most) if waited and preferences.wait else None
    tell_applied(response, granted or ("respond-async" if preferences.respond_async and not at_most else None))
    tx = await unit.begin()
    picture = await picture_of(tx, job_id=job_id)
    failure = None if picture else await why_none(tx, project_id=asked.project_id, job_id=job_id)
    await unit.end()
    if failure is not None:
        raise failure
    if picture is None:
        return None
    shape = preferences.return_
    whole = shape == "representation" if shape else services.settings.still_answer == "bytes"
    answered = picture_answer(picture, services=services, public_url=asked.public_url, whole=whole)
    tell_applied(answered, granted, f"return={shape}" if shape else None)
    return answered


def _granted(at_most: timedelta) -> str:
    return f"wait={int(at_most.total_seconds())}"
