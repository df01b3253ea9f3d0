"""What every task behind the frames does: read its job, fetch pictures, store what it made under its fence."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.composition import FarmParts
from db.dispatch import ClaimedTask, finish_task
from db.queue import NewArtifact
from db.repositories.artifacts import ArtifactRow
from db.repositories.jobs import JobRow, get_job
from jobs.errors import InvalidInput, NotFound
from jobs.suspects import Look
from pipelines.post.pixels import PictureFacts
from storage.base import ArtifactUpload

_began: ContextVar[float] = ContextVar("task_began")


def start_stopwatch() -> None:
    """The task of this context begins."""
    _began.set(time.monotonic())


def stopwatch_ms() -> float:
    """Since then: neither those before it in its process nor the wait for one."""
    return (time.monotonic() - _began.get()) * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFile:
    """One file on its way to become an artifact."""

    upload: ArtifactUpload
    facts: PictureFacts | None
    kind: str
    ordinal: int | None = None
    """None: of the whole job."""


async def job_of(farm: FarmParts, task: ClaimedTask) -> JobRow:
    if task.job_id is None:
        raise InvalidInput(f"Task {task.work_id} ({task.task}) belongs to no job.")
    async with farm.database.transaction() as tx:
        job = await get_job(tx, job_id=task.job_id)
    if job is None:
        raise NotFound(f"Job {task.job_id} is gone.")
    return job


async def fetch_all(farm: FarmParts, frames: Sequence[ArtifactRow], scratch: Path) -> list[Path]:
    """Local copies in order; reused frames and their originals share one object, so names carry the ordinal."""
    paths = []
    for frame in frames:
        path = scratch / f"{frame.ordinal or 0:07d}{Path(frame.name).suffix}"
        await farm.storage.fetch(frame.storage_key, path)
        paths.append(path)
    return paths


async def store(
    farm: FarmParts,
    task: ClaimedTask,
    made: Sequence[MadeFile],
    *,
    looks: Mapping[int, Look] | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Upload the files, then name them in one fenced write; ``data``: what the row says from then on."""
    uploads = [file.upload for file in made]
    stored = {item.key: item for item in await farm.storage.put_artifacts(uploads, consume=True)}
    artifacts = [
        NewArtifact(
            kind=file.kind,
            name=Path(file.upload.key).name,
            storage_key=file.upload.key,
            size_bytes=stored[file.upload.key].size_bytes,
            sha256=stored[file.upload.key].sha256,
            media_type=file.upload.media_type,
            width=file.facts.width if file.facts else None,
            height=file.facts.height if file.facts else None,
            ordinal=file.ordinal,
        )
        for file in made
    ]
    await finish_task(
        farm.database,
        work_id=task.work_id,
        fence=task.fence,
        artifacts=artifacts,
        took_ms=stopwatch_ms(),
        looks=looks,
        data=data,
    )


def file_stem(name: str, otherwise: str) -> str:
    """A job's name as the beginning of a file name."""
    return "".join(_safe_characters(name)) or otherwise


def _safe_characters(name: str) -> Iterator[str]:
    for character in name[:80]:
        yield character if character.isalnum() or character in "-_" else "_"
