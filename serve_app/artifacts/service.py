"""Reads artifacts and signs their links, after the transaction has ended and off the event loop: presigning may ask for
credentials."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from db.repositories.artifacts import ArtifactRow, get_artifact, list_along_frames, list_artifacts
from db.repositories.filters import Span
from db.repositories.jobs import get_job
from jobs.errors import InvalidInput, NotFound
from jobs.frames import MAX_FRAMES
from serve_app.artifacts.naming import FileNames, names_of
from serve_app.artifacts.schemas import ArtifactKind, ArtifactView
from serve_app.conditional import Version, digest_of
from serve_app.jobs.frames import ordinal_in, ordinal_of
from serve_app.jobs.service import require_job
from serve_app.paging import Page, PageRequest, cursor_of
from serve_app.services import ApiServices
from serve_app.unit_of_work import UnitOfWork


async def list_page(
    unit: UnitOfWork,
    services: ApiServices,
    *,
    project_id: UUID,
    job_id: UUID,
    page: PageRequest,
    kinds: Sequence[ArtifactKind] | None,
    frame: int | None,
    ordinals: tuple[int, int] | None,
    name_part: str | None,
    created: Span,
    public_url: str,
) -> Page[ArtifactView]:
    """Outputs of a job, oldest first; with ``ordinals`` (first and last) those of frames, in their order."""
    tx = await unit.begin()
    job = await require_job(tx, project_id=project_id, job_id=job_id)
    wanted: dict[str, Any] = {
        "job_id": job_id,
        "kinds": kinds,
        "name_part": name_part,
        "created": created,
        "regenerated": job.generation > 1,
        "limit": page.limit + 1,
    }
    own = None if frame is None else ordinal_of(job, frame)
    if ordinals is None:
        rows = await list_artifacts(tx, ordinal=own, after=page.after_moment(), **wanted)
    else:
        first, last = ordinals if own is None else (max(ordinals[0], own), min(ordinals[1], own))
        rows = await list_along_frames(tx, first=first, last=last, after=_after_frame(page), **wanted)
    names = await names_of(tx, job)
    await unit.end()
    more = len(rows) > page.limit
    shown = rows[: page.limit]

    def sign() -> list[ArtifactView]:
        return [_view_of(row, names=names, services=services, public_url=public_url) for row in shown]

    return Page(
        items=await asyncio.to_thread(sign),  # 3.5 ms for each link to S3
        next_cursor=_cursor_behind(shown[-1], by_frame=ordinals is not None) if more else None,
    )


def stretch_of(first: int | None, last: int | None) -> tuple[int, int] | None:
    """The frames that a request names by their places; None: it names none. Raises ``InvalidInput``."""
    if first is None and last is None:
        return None
    stretch = (first or 0, MAX_FRAMES if last is None else last)
    if stretch[0] > stretch[1]:
        raise InvalidInput(
            f"No frame is from {first} on and up to {last}.",
            field="ordinal_to",
            remedy="Name an ordinal_to that is not before ordinal_from.",
        )
    return stretch


async def read(
    unit: UnitOfWork, services: ApiServices, *, project_id: UUID, artifact_id: UUID, public_url: str
) -> ArtifactView:
    """One output. Raises ``NotFound`` for one that is not the project's."""
    tx = await unit.begin()
    row = await get_artifact(tx, project_id=project_id, artifact_id=artifact_id)
    job = await get_job(tx, project_id=project_id, job_id=row.job_id) if row is not None else None
    names = await names_of(tx, job) if job is not None else None
    await unit.end()
    if row is None or names is None:
        raise NotFound("There is no such artifact in this project.", remedy="GET /v1/jobs/{id}/artifacts lists them.")
    return await asyncio.to_thread(_view_of, row, names=names, services=services, public_url=public_url)


def version_of(artifact: ArtifactView, *, services: ApiServices) -> Version:
    """Weak: the link is signed anew each time. A client that is told to keep what it has may go on with its link for
    half of the link's life at least."""
    link_of = int(datetime.now(UTC).timestamp() // (services.settings.link_lifetime.total_seconds() / 2))
    return Version(revision=digest_of(f"{artifact.id} {artifact.sha256} {artifact.expired_at} {link_of}"), weak=True)


def _after_frame(page: PageRequest) -> tuple[int, datetime, UUID] | None:
    after = page.after(ordinal_in, datetime.fromisoformat, UUID)
    return (int(after[0]), datetime.fromisoformat(after[1]), UUID(after[2])) if after else None


def _cursor_behind(row: ArtifactRow, *, by_frame: bool) -> str:
    moment = (row.created_at.isoformat(), row.id)
    return cursor_of(row.ordinal, *moment) if by_frame else cursor_of(*moment)


def _view_of(row: ArtifactRow, *, names: FileNames, services: ApiServices, public_url: str) -> ArtifactView:
    url = None
    if row.deleted_at is None:
        url = services.storage.download_url(
            row.storage_key,
            expires_in=services.settings.link_lifetime,
            filename=names.filename(row),
            media_type=row.media_type,
        )
    return ArtifactView(
        id=row.id,
        job=row.job_id,
        kind=ArtifactKind(row.kind),
        name=row.name,
        path=names.path(row),
        ordinal=row.ordinal,
        frame=names.frame(row),
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        media_type=row.media_type,
        width=row.width,
        height=row.height,
        created_at=row.created_at,
        expired_at=row.deleted_at,
        url=f"{public_url}{url}" if url and url.startswith("/") else url,
    )
