"""Previews and films of a job's frames."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

from cluster.composition import FarmParts
from db.dispatch import ClaimedTask, finish_task
from db.queue import NewArtifact
from db.repositories.artifacts import ArtifactRow, frame_artifacts
from db.repositories.jobs import JobRow, get_job
from jobs.errors import InvalidInput, NotFound
from jobs.spec import JobSpec
from jobs.suspects import Look
from pipelines.post.pixels import PictureFacts
from pipelines.post.preview import write_preview
from pipelines.post.video import MEDIA_TYPES, Container, encode_video
from storage.base import ArtifactUpload
from storage.keys import artifact_key

DEFAULT_FPS = 24.0
"""Frames per second of a film whose scene names none."""


async def write_previews(farm: FarmParts, task: ClaimedTask, scratch: Path) -> None:
    """A WebP beside each committed frame of the task's ordinals; frames that look odd are flagged with it."""
    job = await _job_of(farm, task)
    numbers = JobSpec.model_validate(job.spec).frame_range
    looks: dict[int, Look] = {}
    async with farm.database.transaction() as tx:
        frames = await frame_artifacts(tx, job_id=job.id, ordinals=task.ordinals)
    made: list[tuple[ArtifactUpload, PictureFacts, ArtifactRow]] = []
    attempt = uuid4().hex
    for frame in frames:
        source = scratch / f"{frame.ordinal}-{Path(frame.storage_key).name}"
        target = scratch / f"{frame.ordinal}.webp"
        await farm.storage.fetch(frame.storage_key, source)
        preview = await asyncio.to_thread(write_preview, source, target)
        ordinal = frame.ordinal or 0
        looks[ordinal] = Look(frame=numbers[ordinal], mean=preview.mean, brightest=preview.brightest)
        source.unlink()
        key = artifact_key(
            job_id=str(job.id), part=str(frame.ordinal), attempt=attempt, filename=f"{Path(frame.name).stem}.webp"
        )
        made.append((ArtifactUpload(key=key, source=target, media_type="image/webp"), preview.facts, frame))
    await _store(farm, task, [(upload, facts, frame.ordinal, "preview") for upload, facts, frame in made], looks)


async def encode_film(farm: FarmParts, task: ClaimedTask, scratch: Path) -> None:
    """The job's frames in the order of their numbers as an MP4, and a light file for the browser."""
    job = await _job_of(farm, task)
    spec = JobSpec.model_validate(job.spec)
    wanted = spec.video
    if wanted is None:
        raise InvalidInput("The job asks for no film.")
    async with farm.database.transaction() as tx:
        frames = await frame_artifacts(tx, job_id=job.id, ordinals=None)
    numbers = spec.frame_range
    frames.sort(key=lambda frame: numbers[frame.ordinal or 0])
    fps = wanted.fps or job.fps or DEFAULT_FPS
    containers: list[Container] = ["mp4"]
    if wanted.preview != "none":
        containers.append(wanted.preview)
    local = await _fetch_all(farm, frames, scratch)
    stem, attempt = _file_stem(spec.name), uuid4().hex
    made: list[tuple[ArtifactUpload, PictureFacts, int | None, str]] = []
    for container in containers:
        target = scratch / f"film.{container}"
        facts = await asyncio.to_thread(encode_video, local, target, container=container, fps=fps)
        name = f"{stem}.{container}" if container == "mp4" else f"{stem}.preview.{container}"
        key = artifact_key(job_id=str(job.id), part="video", attempt=attempt, filename=name)
        upload = ArtifactUpload(key=key, source=target, media_type=MEDIA_TYPES[container])
        made.append((upload, facts, None, "video" if container == "mp4" else "video_preview"))
    await _store(farm, task, made)


async def _store(
    farm: FarmParts,
    task: ClaimedTask,
    made: list[tuple[ArtifactUpload, PictureFacts, int | None, str]],
    looks: Mapping[int, Look] | None = None,
) -> None:
    stored = {
        item.key: item for item in await farm.storage.put_artifacts([upload for upload, *_ in made], consume=True)
    }
    artifacts = [
        NewArtifact(
            kind=kind,
            name=Path(upload.key).name,
            storage_key=upload.key,
            size_bytes=stored[upload.key].size_bytes,
            sha256=stored[upload.key].sha256,
            media_type=upload.media_type,
            width=facts.width,
            height=facts.height,
            ordinal=ordinal,
        )
        for upload, facts, ordinal, kind in made
    ]
    await finish_task(farm.database, work_id=task.work_id, fence=task.fence, artifacts=artifacts, looks=looks)


async def _job_of(farm: FarmParts, task: ClaimedTask) -> JobRow:
    if task.job_id is None:
        raise InvalidInput(f"Task {task.work_id} ({task.task}) belongs to no job.")
    async with farm.database.transaction() as tx:
        job = await get_job(tx, job_id=task.job_id)
    if job is None:
        raise NotFound(f"Job {task.job_id} is gone.")
    return job


async def _fetch_all(farm: FarmParts, frames: list[ArtifactRow], scratch: Path) -> list[Path]:
    """Local copies in order; reused frames and their originals share one object, so names carry the ordinal."""
    paths = []
    for frame in frames:
        path = scratch / f"{frame.ordinal or 0:07d}{Path(frame.name).suffix}"
        await farm.storage.fetch(frame.storage_key, path)
        paths.append(path)
    return paths


def _file_stem(name: str) -> str:
    return "".join(_safe_characters(name)) or "video"


def _safe_characters(name: str) -> Iterator[str]:
    for character in name[:80]:
        yield character if character.isalnum() or character in "-_" else "_"
