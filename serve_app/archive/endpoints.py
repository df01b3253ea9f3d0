"""``/v1/jobs/{id}/archive`` and ``/v1/archives``: a job's files in one download, with a key or by a signed link."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from starlette.responses import StreamingResponse

from jobs.errors import NotFound
from serve_app.archive import service
from serve_app.archive.links import LinkedArchive
from serve_app.archive.schemas import ARCHIVE_RESPONSES, ArchiveLink
from serve_app.artifacts.schemas import ArtifactKind
from serve_app.dependencies import PublicUrl, Services, Tx, Unit, UntilSent
from serve_app.jobs.service import require_job
from serve_app.openapi import problems
from serve_app.security import Access

router = APIRouter(tags=["artifacts"])
link_router = APIRouter(prefix="/archives", tags=["artifacts"])

_USUAL = (ArtifactKind.FRAME, ArtifactKind.EXTRA, ArtifactKind.VIDEO)

Kinds = Annotated[
    list[ArtifactKind] | None,
    Query(description="Only files of these kinds; absent: frames, extra files and films."),
]


@router.get("/jobs/{job_id}/archive", response_class=StreamingResponse, responses=ARCHIVE_RESPONSES)
async def read_archive(
    job_id: UUID, access: Access, unit: Unit, services: Services, held: UntilSent, kind: Kinds = None
) -> Response:
    """The job's files so far as one ZIP, named by its template; the newest picture of each frame."""
    held.enter_context(services.archives.take(access.project_id))
    return await service.respond(
        unit,
        services,
        project_id=access.project_id,
        job_id=job_id,
        kinds=[str(each) for each in kind or _USUAL],
    )


@router.get("/jobs/{job_id}/archive/link")
async def link_archive(
    job_id: UUID, access: Access, tx: Tx, services: Services, public_url: PublicUrl, kind: Kinds = None
) -> ArchiveLink:
    """A link to the archive that needs no key, for a browser or whoever waits for the files."""
    await require_job(tx, project_id=access.project_id, job_id=job_id)
    if services.archive_links is None:
        raise NotFound(
            "This farm has no key to sign links with.",
            remedy="GET /v1/jobs/{id}/archive with a key; an operator may set RAYFARM_API_TOKEN_KEY.",
        )
    wanted = LinkedArchive(
        project_id=access.project_id, job_id=job_id, kinds=tuple(str(each) for each in kind or _USUAL)
    )
    token, expires_at = services.archive_links.issue(wanted)
    return ArchiveLink(url=f"{public_url}/v1/archives/{token}", expires_at=expires_at)


@link_router.get(
    "/{token}", response_class=StreamingResponse, responses={**ARCHIVE_RESPONSES, **problems(403, 422, 503)}
)
async def read_linked_archive(token: str, unit: Unit, services: Services, held: UntilSent) -> Response:
    """The archive that a signed link names, as it is now; the signature is the permission."""
    if services.archive_links is None:
        raise NotFound("This farm gives out no such links.", remedy="GET /v1/jobs/{id}/archive with a key.")
    found = services.archive_links.read(token)
    held.enter_context(services.linked_archives.take(found.project_id))
    return await service.respond(
        unit,
        services,
        project_id=found.project_id,
        job_id=found.job_id,
        kinds=list(found.kinds),
    )
