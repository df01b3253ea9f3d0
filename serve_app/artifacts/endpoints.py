"""``/v1/jobs/{id}/artifacts`` and ``/v1/artifacts``: outputs, each with a link that needs no key."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from starlette.responses import RedirectResponse

from jobs.frames import MAX_FRAMES
from serve_app.artifacts import service
from serve_app.artifacts.schemas import ArtifactKind, ArtifactView
from serve_app.conditional import READS, IfNoneMatch, answer
from serve_app.dependencies import PageQuery, PublicUrl, Services, Unit
from serve_app.filters import CreatedQuery, NamePart
from serve_app.paging import Page
from serve_app.security import Access
from storage.base import ObjectNotFound

router = APIRouter(tags=["artifacts"])


@router.get("/jobs/{job_id}/artifacts")
async def list_artifacts(
    job_id: UUID,
    access: Access,
    unit: Unit,
    services: Services,
    page: PageQuery,
    public_url: PublicUrl,
    created: CreatedQuery,
    kind: Annotated[list[ArtifactKind] | None, Query(description="Only outputs of one of these kinds.")] = None,
    frame: Annotated[int | None, Query(description="Only outputs of this frame.")] = None,
    ordinal_from: Annotated[
        int | None,
        Query(ge=0, le=MAX_FRAMES, description="Only outputs of frames, from this place of the range on."),
    ] = None,
    ordinal_to: Annotated[
        int | None, Query(ge=0, le=MAX_FRAMES, description="The same, up to this place, which is one of them.")
    ] = None,
    name: NamePart = None,
) -> Page[ArtifactView]:
    """Outputs of the job so far, oldest first; with `ordinal_from` or `ordinal_to` those of frames, in their order."""
    return await service.list_page(
        unit,
        services,
        project_id=access.project_id,
        job_id=job_id,
        page=page,
        kinds=kind,
        frame=frame,
        ordinals=service.stretch_of(ordinal_from, ordinal_to),
        name_part=name,
        created=created,
        public_url=public_url,
    )


@router.get("/artifacts/{artifact_id}", response_model=ArtifactView, responses=READS)
async def read_artifact(
    artifact_id: UUID,
    response: Response,
    access: Access,
    unit: Unit,
    services: Services,
    public_url: PublicUrl,
    if_none_match: IfNoneMatch = None,
) -> ArtifactView | Response:
    """One output, with a fresh link. 304: the link that you have is good for half of its life at least."""
    artifact = await service.read(
        unit, services, project_id=access.project_id, artifact_id=artifact_id, public_url=public_url
    )
    version = service.version_of(artifact, services=services)
    return answer(artifact, version, response=response, if_none_match=if_none_match)


@router.get(
    "/artifacts/{artifact_id}/content",
    status_code=307,
    response_class=RedirectResponse,
    responses={307: {"description": "The file is at `Location`."}},
)
async def read_content(
    artifact_id: UUID, access: Access, unit: Unit, services: Services, public_url: PublicUrl
) -> Response:
    """Leads to the file itself by a fresh link."""
    artifact = await service.read(
        unit, services, project_id=access.project_id, artifact_id=artifact_id, public_url=public_url
    )
    if artifact.url is None:
        raise ObjectNotFound("The file has expired with the outputs of its job.", remedy="Render it again.")
    return RedirectResponse(artifact.url, status_code=307)
