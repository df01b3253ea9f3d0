"""What a frame looks like now: the newest picture while it renders, and what there is of it once it is committed."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from db.repositories.artifacts import frame_artifacts
from db.repositories.frames import get_frame
from db.session import Transaction
from jobs.errors import NotFound
from serve_app.artifacts.naming import names_of
from serve_app.artifacts.schemas import ArtifactKind
from serve_app.jobs.frames import ordinal_of
from serve_app.jobs.service import require_job

_SHOWN = frozenset({"image/png", "image/jpeg", "image/webp"})
"""Of the formats that the farm writes, those that every browser shows by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A file in storage, and how it is sent."""

    storage_key: str
    filename: str
    media_type: str


async def picture_of(tx: Transaction, *, project_id: UUID, job_id: UUID, frame: int) -> Picture:
    """While it renders the newest picture of that, else the small one of the newest result, else the result itself
    where browsers show it. Raises ``NotFound``."""
    job = await require_job(tx, project_id=project_id, job_id=job_id)
    ordinal = ordinal_of(job, frame)
    row = await get_frame(tx, job=job, ordinal=ordinal)
    if row.progress is not None and row.progress.preview_key is not None:
        return Picture(
            storage_key=row.progress.preview_key, filename=f"frame_{frame:04d}_so_far.jpg", media_type="image/jpeg"
        )
    kinds = (ArtifactKind.PREVIEW, ArtifactKind.FRAME)
    found = await frame_artifacts(tx, job_id=job_id, ordinals=[ordinal], kinds=kinds)
    shown = [artifact for artifact in found if artifact.media_type in _SHOWN]
    if not shown:
        raise NotFound(
            f"There is no picture of frame {frame} now.",
            remedy="There is one once the frame is committed, where its job makes previews or its format is one that "
            "browsers show; while it renders after some seconds, where its engine can make it (mitsuba, diffusion; not "
            "of one that is split).",
            frame=frame,
        )
    best = min(shown, key=lambda artifact: kinds.index(ArtifactKind(artifact.kind)))
    names = await names_of(tx, job)
    return Picture(storage_key=best.storage_key, filename=names.filename(best), media_type=best.media_type)
