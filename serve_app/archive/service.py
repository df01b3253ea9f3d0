"""What goes into a job's archive."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from db.repositories.artifacts import list_artifacts
from jobs.errors import TooLarge
from jobs.naming import safe_part, told_apart
from serve_app.archive.stream import Archive, ArchivedFile, ArchiveResponse
from serve_app.artifacts.naming import names_of
from serve_app.jobs.service import require_job
from serve_app.places import Places
from serve_app.services import ApiServices
from serve_app.unit_of_work import UnitOfWork
from storage.disposition import content_disposition

_PAGE = 1000


async def respond(
    unit: UnitOfWork, services: ApiServices, *, places: Places, project_id: UUID, job_id: UUID, kinds: Sequence[str]
) -> ArchiveResponse:
    """The job's files of these kinds as they are now, the newest of each frame, sent while it holds one of the places.
    Raises ``NotFound``, ``TooLarge`` and ``TooManyAtOnce``."""
    places.require_one(project_id)
    tx = await unit.begin()
    job = await require_job(tx, project_id=project_id, job_id=job_id)
    names = await names_of(tx, job)
    limit = services.settings.max_archive_files
    files: list[ArchivedFile] = []
    taken: set[str] = set()
    after: tuple[datetime, UUID] | None = None
    while True:
        rows = await list_artifacts(
            tx, job_id=job_id, kinds=kinds, after=after, regenerated=job.generation > 1, present=True, limit=_PAGE
        )
        files += [
            ArchivedFile(
                path=told_apart(names.path(row), taken=taken, mark=row.id.hex[:12]),
                storage_key=row.storage_key,
                size_bytes=row.size_bytes,
            )
            for row in rows
        ]
        if len(files) > limit:
            raise TooLarge(
                f"The job has more than {limit} such files, the most that one archive may hold.",
                remedy="Take them one by one with `rayfarm sync`, or fewer kinds; an operator may raise "
                "RAYFARM_API_MAX_ARCHIVE_FILES.",
                limit=limit,
            )
        if len(rows) < _PAGE:
            break
        after = (rows[-1].created_at, rows[-1].id)
    await unit.end()
    archive = await asyncio.to_thread(Archive, files)  # 4 s for 100,000 files
    return ArchiveResponse(
        archive=archive,
        read=lambda key: services.sent_bytes.counted(key, services.storage.stream(key)),
        place=places.take(project_id),
        stall=services.settings.archive_stall,
        headers={"Content-Disposition": content_disposition(f"{safe_part(job.name)}.zip")},
    )
