"""Previews, films and contact sheets of a job's frames."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

from cluster.composition import FarmParts
from cluster.fanout.job_files import MadeFile, fetch_all, file_stem, job_of, store
from cluster.fanout.sound import sound_of
from db.dispatch import ClaimedTask
from db.repositories.artifacts import ArtifactRow, frame_artifacts
from db.repositories.jobs import JobRow
from jobs.errors import InvalidInput
from jobs.spec import JobSpec
from jobs.suspects import Look
from pipelines.post.contact_sheet import spread, write_contact_sheet
from pipelines.post.preview import write_preview
from pipelines.post.video import FILM_CONTAINERS, MEDIA_TYPES, Container, encode_video
from storage.base import ArtifactUpload
from storage.keys import artifact_key

DEFAULT_FPS = 24.0
"""Frames per second of a film whose scene names none."""


async def write_previews(farm: FarmParts, task: ClaimedTask, scratch: Path) -> None:
    """A WebP beside each committed frame of the task's ordinals; frames that look odd are flagged with it."""
    job = await job_of(farm, task)
    numbers = JobSpec.model_validate(job.spec).frame_range
    looks: dict[int, Look] = {}
    async with farm.database.transaction() as tx:
        frames = await frame_artifacts(tx, job_id=job.id, ordinals=task.ordinals)
    made: list[MadeFile] = []
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
        upload = ArtifactUpload(key=key, source=target, media_type="image/webp")
        made.append(MadeFile(upload=upload, facts=preview.facts, kind="preview", ordinal=frame.ordinal))
    await store(farm, task, made, looks=looks)


async def encode_film(farm: FarmParts, task: ClaimedTask, scratch: Path) -> None:
    """The job's frames in the order of their numbers as a film, and a light file for the browser."""
    job = await job_of(farm, task)
    spec = JobSpec.model_validate(job.spec)
    wanted = spec.video
    if wanted is None:
        raise InvalidInput("The job asks for no film.")
    frames = await frames_in_order(farm, job, None)
    fps = wanted.fps or job.fps or DEFAULT_FPS
    film = FILM_CONTAINERS[wanted.codec]
    containers: list[Container] = [film]
    if wanted.preview != "none":
        containers.append(wanted.preview)
    numbers = [spec.frame_range[frame.ordinal or 0] for frame in frames]
    sound = await sound_of(farm, job, audio=wanted.audio, numbers=numbers, fps=fps, scratch=scratch)
    local = await fetch_all(farm, frames, scratch)
    stem, attempt = file_stem(spec.name, "video"), uuid4().hex
    made: list[MadeFile] = []
    for container in containers:
        target = scratch / f"film.{container}"
        facts = await asyncio.to_thread(
            encode_video, local, target, container=container, codec=wanted.codec, fps=fps, sound=sound.path
        )
        name = f"{stem}.{container}" if container == film else f"{stem}.preview.{container}"
        key = artifact_key(job_id=str(job.id), part="video", attempt=attempt, filename=name)
        upload = ArtifactUpload(key=key, source=target, media_type=MEDIA_TYPES[container])
        made.append(MadeFile(upload=upload, facts=facts, kind="video" if container == film else "video_preview"))
    await store(farm, task, made)


async def make_contact_sheet(farm: FarmParts, task: ClaimedTask, scratch: Path) -> None:
    """The job's frames, or evenly spread ones, in the order of their numbers on one picture."""
    job = await job_of(farm, task)
    spec = JobSpec.model_validate(job.spec)
    wanted = spec.outputs.contact_sheet
    if wanted is None:
        raise InvalidInput("The job asks for no contact sheet.")
    frames = await frames_in_order(farm, job, None)
    chosen = [frames[at] for at in spread(len(frames))]
    local = await fetch_all(farm, chosen, scratch)
    numbers = [spec.frame_range[frame.ordinal or 0] for frame in chosen]
    target = scratch / "contact_sheet.png"
    sheet = await asyncio.to_thread(
        write_contact_sheet,
        list(zip(numbers, local, strict=True)),
        target,
        columns=wanted.columns,
        cell_width=wanted.cell_width,
        labels=wanted.labels,
        left_out=len(frames) - len(chosen),
    )
    name = f"{file_stem(spec.name, 'frames')}.contact_sheet.png"
    key = artifact_key(job_id=str(job.id), part="contact_sheet", attempt=uuid4().hex, filename=name)
    upload = ArtifactUpload(key=key, source=target, media_type="image/png")
    await store(farm, task, [MadeFile(upload=upload, facts=sheet.facts, kind="extra")])


async def frames_in_order(farm: FarmParts, job: JobRow, ordinals: list[int] | None) -> list[ArtifactRow]:
    """Pictures of these frames (None: all) in the order of their numbers in the scene."""
    async with farm.database.transaction() as tx:
        frames = await frame_artifacts(tx, job_id=job.id, ordinals=ordinals)
    numbers = JobSpec.model_validate(job.spec).frame_range
    frames.sort(key=lambda frame: numbers[frame.ordinal or 0])
    return frames
