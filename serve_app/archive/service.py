"""What goes into a job's archive."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from db.repositories.artifacts import ArtifactRow, list_artifacts
from db.repositories.jobs import JobRow
from jobs.errors import TooLarge
from jobs.naming import safe_part, told_apart
from serve_app.archive.stream import Archive, ArchivedFile, ArchiveResponse
from serve_app.artifacts.naming import FileNames, names_of
from serve_app.jobs.service import require_job
from serve_app.services import ApiServices
from serve_app.unit_of_work import UnitOfWork
from storage.disposition import content_disposition

_PAGE = 1000


async def respond(
    unit: UnitOfWork, services: ApiServices, *, project_id: UUID, job_id: UUID, kinds: Sequence[str]
) -> ArchiveResponse:
    """The job's files of these kinds as they are now, the newest of each frame. The caller holds a place from before
    this until the last byte: the list costs more than many a download. Raises ``NotFound`` and ``TooLarge``."""
    tx = await unit.begin()
    job = await require_job(tx, project_id=project_id, job_id=job_id)
    names = await names_of(tx, job)
    await unit.end()
    rows = await _rows_of(unit, job, kinds=kinds, limit=services.settings.max_archive_files)
    async with services.archive_threads:
        archive = await asyncio.to_thread(_archive_of, rows, names)
    return ArchiveResponse(
        archive=archive,
        read=lambda key: services.sent_bytes.counted(key, services.storage.stream(key)),
        stall=services.settings.archive_stall,
        headers={"Content-Disposition": content_disposition(f"{safe_part(job.name)}.zip")},
    )


async def _rows_of(unit: UnitOfWork, job: JobRow, *, kinds: Sequence[str], limit: int) -> list[ArtifactRow]:
    """A transaction for each page, so that a long list keeps no connection from others."""
    found: list[ArtifactRow] = []
    after: tuple[datetime, UUID] | None = None
    while True:
        rows = await list_artifacts(
            await unit.begin(),
            job_id=job.id,
            kinds=kinds,
            after=after,
            regenerated=job.generation > 1,
            present=True,
            limit=_PAGE,
        )
        await unit.end()
        found += rows
        if len(found) > limit:
            raise TooLarge(
                f"The job has more than {limit} such files, the most that one archive may hold.",
                remedy="Take them one by one with `rayfarm sync`, or fewer kinds; an operator may raise "
                "RAYFARM_API_MAX_ARCHIVE_FILES.",
                limit=limit,
            )
        if len(rows) < _PAGE:
            return found
        after = (rows[-1].created_at, rows[-1].id)


def _archive_of(rows: Sequence[ArtifactRow], names: FileNames) -> Archive:
    """Of 100,000 files: seconds of a core."""
    taken: set[str] = set()
    return Archive(
        [
            ArchivedFile(
                path=told_apart(names.path(row), taken=taken, mark=row.id.hex[:12]),
                storage_key=row.storage_key,
                size_bytes=row.size_bytes,
            )
            for row in rows
        ]
    )
