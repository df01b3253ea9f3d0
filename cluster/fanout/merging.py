"""The parts of a split frame become the frame: fetched, merged by their pipeline, checked, committed fenced."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import structlog

from cluster.composition import FarmParts
from cluster.fanout.job_files import stopwatch_ms
from db.dispatch import ClaimedTask, CommittedPart, FrameCommit, NewArtifact, finish_merge, parts_of_frame
from db.repositories.jobs import get_job
from jobs.errors import InvalidInput, NotFound, Unavailable
from jobs.spec import JobSpec
from pipelines.base import OutputFormat
from pipelines.errors import EngineError
from pipelines.output_check import check_image
from pipelines.post.pixels import BadPicture, PictureFacts
from pipelines.post.preview import needs_preview
from pipelines.post.verify import verify_picture
from pipelines.registry import get_pipeline
from storage.base import Storage
from storage.keys import artifact_key

_log = structlog.get_logger(__name__)


async def merge_frame(farm: FarmParts, task: ClaimedTask, scratch: Path) -> None:
    """Merge the parts of the task's frame. Raises ``InvalidInput`` where they, or the merged picture, are bad.

    The files of the parts go once their frame is committed. What a failed or canceled frame leaves of them has no live
    row, and is for the garbage collector.
    """
    if task.job_id is None or not task.ordinals:
        raise InvalidInput(f"Merge {task.work_id} names no frame.")
    started_at, [ordinal] = time.time(), task.ordinals
    async with farm.database.transaction() as tx:
        job = await get_job(tx, job_id=task.job_id)
        parts = await parts_of_frame(tx, job_id=task.job_id, ordinal=ordinal, generation=task.generation)
    if job is None:
        raise NotFound(f"Job {task.job_id} is gone.")
    spec = JobSpec.model_validate(job.spec)
    pipeline = get_pipeline(spec.pipeline)
    settings = pipeline.settings_type.model_validate(spec.settings)
    frame, output = spec.frame_range[ordinal], pipeline.output(settings)
    files = await _fetch(farm.storage, parts, scratch)
    target = scratch / output.file_name(frame)
    await asyncio.to_thread(pipeline.merge, files, target, settings=settings, frame=frame, split=spec.split)
    facts = await asyncio.to_thread(
        _checked,
        target,
        output=output,
        expected=pipeline.frame_size(settings),
        decode_limit_bytes=farm.settings.check_decode_bytes,
    )
    attempt_id = uuid4()
    artifact = await _store(farm.storage, target, output, facts, f"{task.job_id}", ordinal, f"{attempt_id}")
    engine_ms = sum(part.render_ms for part in parts)
    commit = FrameCommit(
        ordinal=ordinal,
        frame=frame,
        attempt_id=attempt_id,
        started_at=started_at,
        engine_ms=engine_ms,
        timings_ms={"render": engine_ms, "merge": stopwatch_ms()},
        metrics={"split": str(spec.split)},
        warm=all(part.warm for part in parts),
        artifacts=[artifact],
    )
    committed = await finish_merge(
        farm.database,
        work_id=task.work_id,
        fence=task.fence,
        commit=commit,
        needs_preview=needs_preview(facts, output.media_type),
    )
    if committed:
        await _discard(farm.storage, parts)
    else:
        _log.info("merge_superseded", work_id=task.work_id, fence=task.fence)


async def _fetch(storage: Storage, parts: Sequence[CommittedPart], scratch: Path) -> list[Path]:
    """Local copies in the order of the parts, each with the digest that its replica committed."""
    files = []
    for part in parts:
        path = scratch / f"part_{part.part:02d}{Path(part.storage_key).suffix}"
        await storage.fetch(part.storage_key, path)
        if await asyncio.to_thread(_sha256, path) != part.sha256:
            raise BadPicture(f"Part {part.part} is not stored as it was rendered.")
        files.append(path)
    return files


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked(
    picture: Path, *, output: OutputFormat, expected: tuple[int, int] | None, decode_limit_bytes: int
) -> PictureFacts:
    """What is checked of a frame that an engine wrote."""
    try:
        check_image(picture)
    except EngineError as error:
        raise BadPicture(error.message) from error
    return verify_picture(picture, expected=expected, decode_limit_bytes=decode_limit_bytes, output=output)


async def _store(
    storage: Storage, picture: Path, output: OutputFormat, facts: PictureFacts, job: str, ordinal: int, attempt: str
) -> NewArtifact:
    key = artifact_key(job_id=job, part=ordinal, attempt=attempt, filename=picture.name)
    stored = await storage.put_artifact(key, picture, media_type=output.media_type, consume=True)
    return NewArtifact(
        kind="frame",
        name=picture.name,
        storage_key=key,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        media_type=output.media_type,
        width=facts.width,
        height=facts.height,
    )


async def _discard(storage: Storage, parts: Sequence[CommittedPart]) -> None:
    """Nothing depends on it: what stays is collected later."""
    for part in parts:
        try:
            await storage.delete(part.storage_key)
        except (Unavailable, OSError) as error:
            _log.warning("part_not_deleted", key=part.storage_key, error=str(error))
