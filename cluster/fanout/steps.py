"""A step that a person asked for: the named frames through one post function, its files as artifacts of the job.

Files are of the kind ``extra`` (a film: ``video``), and their names begin with the step's own: ``step12_…``.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, assert_never
from uuid import uuid4

from pydantic import TypeAdapter

from cluster.composition import FarmParts
from cluster.fanout.job_files import MadeFile, fetch_all, file_stem, job_of, store
from cluster.fanout.outputs import DEFAULT_FPS, frames_in_order
from cluster.fanout.sound import sound_of
from db.dispatch import ClaimedTask
from db.repositories.artifacts import ArtifactRow, frame_artifacts
from db.repositories.jobs import JobRow, get_job
from jobs.errors import InvalidInput
from jobs.post_steps import CompareStep, ContactSheetStep, DenoiseStep, PostStep, ToneMapStep, UpscaleStep, VideoStep
from jobs.spec import JobSpec
from pipelines.post.compare import compare_files
from pipelines.post.contact_sheet import spread, write_contact_sheet
from pipelines.post.cube_lut import CubeLut, read_cube
from pipelines.post.denoise import denoise_picture, denoised_suffix
from pipelines.post.pixels import PictureFacts
from pipelines.post.tonemap import tonemap_picture
from pipelines.post.upscale import upscale_picture
from pipelines.post.video import FILM_CONTAINERS, MEDIA_TYPES, encode_video
from storage.base import ArtifactUpload
from storage.keys import artifact_key

_STEP: TypeAdapter[PostStep] = TypeAdapter(PostStep)
_MEDIA_TYPES = {".png": "image/png", ".exr": "image/x-exr"}

_PerFrame = Callable[[Path, Path], tuple[PictureFacts, dict[str, Any]]]
"""(source, target) -> the new picture's size, and what is said of it."""


async def run_step(farm: FarmParts, task: ClaimedTask, scratch: Path) -> None:
    """Run the task's step. Raises ``InvalidInput`` for what no second try would change."""
    job = await job_of(farm, task)
    step = _STEP.validate_python((task.data or {}).get("request"))
    frames = await frames_in_order(farm, job, task.ordinals)
    if len(frames) != len(task.ordinals or ()):
        raise InvalidInput("Some of the frames have no file any more.", remedy="Ask for the step again.")
    made: list[MadeFile]
    match step:
        case DenoiseStep():
            made, result = await _each(farm, task, frames, scratch, "denoised", _denoiser(step))
        case UpscaleStep():
            made, result = await _each(farm, task, frames, scratch, f"x{step.factor}", _upscaler(step))
        case ToneMapStep():
            mapper = _tone_mapper(step, await _lut(farm, step, scratch))
            made, result = await _each(farm, task, frames, scratch, "tonemapped", mapper)
        case CompareStep():
            made, result = await _compare(farm, task, job, step, frames, scratch)
        case ContactSheetStep():
            made, result = await _contact_sheet(farm, task, job, step, frames, scratch)
        case VideoStep():
            made, result = await _film(farm, task, job, step, frames, scratch)
        case _:
            assert_never(step)
    result["files"] = [Path(file.upload.key).name for file in made]
    await store(farm, task, made, data={**(task.data or {}), "result": result})


def _denoiser(step: DenoiseStep) -> _PerFrame:
    def run(source: Path, target: Path) -> tuple[PictureFacts, dict[str, Any]]:
        done = denoise_picture(source, target, quality=step.quality, with_guides=step.guides == "auto")
        return done.facts, {"guides": list(done.guides), "linear": done.linear}

    return run


def _upscaler(step: UpscaleStep) -> _PerFrame:
    def run(source: Path, target: Path) -> tuple[PictureFacts, dict[str, Any]]:
        done = upscale_picture(source, target, factor=step.factor, method=step.method)
        return done.facts, {"method": done.method, "note": done.note}

    return run


def _tone_mapper(step: ToneMapStep, lut: CubeLut | None) -> _PerFrame:
    def run(source: Path, target: Path) -> tuple[PictureFacts, dict[str, Any]]:
        return tonemap_picture(source, target, exposure=step.exposure, curve=step.curve, lut=lut), {}

    return run


async def _lut(farm: FarmParts, step: ToneMapStep, scratch: Path) -> CubeLut | None:
    if step.lut is None:
        return None
    path = scratch / "table.cube"
    await farm.storage.fetch_blob(step.lut, path)
    return await asyncio.to_thread(read_cube, path)


async def _each(
    farm: FarmParts, task: ClaimedTask, frames: list[ArtifactRow], scratch: Path, suffix: str, run: _PerFrame
) -> tuple[list[MadeFile], dict[str, Any]]:
    """One frame at a time, so that the scratch folder holds only results."""
    made: list[MadeFile] = []
    said: list[dict[str, Any]] = []
    attempt = uuid4().hex
    for frame in frames:
        [source] = await fetch_all(farm, [frame], scratch)
        ending = denoised_suffix(source) if suffix == "denoised" else ".png"
        target = scratch / f"{frame.ordinal}.{suffix}{ending}"
        facts, of_frame = await asyncio.to_thread(run, source, target)
        said.append(of_frame)
        source.unlink()
        name = f"step{task.work_id}_{Path(frame.name).stem}.{suffix}{ending}"
        made.append(_file(task, target, facts, name, attempt, frame.ordinal))
    return made, {"frames": len(made), **together(said)}


def together(said: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is said of all frames alike, by its name; under ``differing``, of the rest, how many frames have each value.

    ``{"linear": True, "differing": {"guides": [{"value": [], "frames": 1}, {"value": ["albedo"], "frames": 3}]}}``: the
    values in the order of their first frames.
    """
    alike: dict[str, Any] = {}
    differing: dict[str, list[dict[str, Any]]] = {}
    for name in dict.fromkeys(name for of_frame in said for name in of_frame):
        counts: list[dict[str, Any]] = []
        for of_frame in said:
            value = of_frame.get(name)
            for count in counts:
                if count["value"] == value:
                    count["frames"] += 1
                    break
            else:
                counts.append({"value": value, "frames": 1})
        if len(counts) == 1:
            alike[name] = counts[0]["value"]
        else:
            differing[name] = counts
    return {**alike, **({"differing": differing} if differing else {})}


async def _compare(
    farm: FarmParts, task: ClaimedTask, job: JobRow, step: CompareStep, frames: list[ArtifactRow], scratch: Path
) -> tuple[list[MadeFile], dict[str, Any]]:
    """A heat map of each frame; the figures stand in the result."""
    reference_job = job
    if step.with_job is not None:
        async with farm.database.transaction() as tx:
            found = await get_job(tx, job_id=step.with_job, project_id=job.project_id)
        if found is None:
            raise InvalidInput(f"Job {step.with_job} is not one of the project.", field="with_job")
        reference_job = found
    numbers = JobSpec.model_validate(job.spec).frame_range
    made: list[MadeFile] = []
    figures = []
    attempt = uuid4().hex
    (scratch / "reference").mkdir()
    for frame in frames:
        number = numbers[frame.ordinal or 0]
        reference = await _reference(farm, reference_job, number if step.with_frame is None else step.with_frame)
        [other] = await fetch_all(farm, [reference], scratch / "reference")
        [source] = await fetch_all(farm, [frame], scratch)
        target = scratch / f"{frame.ordinal}.flip.png"
        found_facts = await asyncio.to_thread(compare_files, other, source, target, called=f"Frame {number}")
        source.unlink()
        other.unlink()
        name = f"step{task.work_id}_{Path(frame.name).stem}.flip.png"
        facts = PictureFacts(frame.width, frame.height) if frame.width and frame.height else None
        made.append(_file(task, target, facts, name, attempt, frame.ordinal))
        figures.append(
            {
                "frame": number,
                "psnr_db": found_facts.psnr_db if math.isfinite(found_facts.psnr_db) else None,
                "ssim": found_facts.ssim,
                "flip": found_facts.flip,
                "flip_max": found_facts.flip_max,
            }
        )
    return made, {"frames": len(made), "compared": figures}


async def _reference(farm: FarmParts, job: JobRow, number: int) -> ArtifactRow:
    numbers = JobSpec.model_validate(job.spec).frame_range
    found: list[ArtifactRow] = []
    if number in numbers:
        async with farm.database.transaction() as tx:
            found = await frame_artifacts(tx, job_id=job.id, ordinals=[numbers.ordinal_of(number)])
    if not found:
        raise InvalidInput(f"Job {job.id} has no file of frame {number} to compare with.", field="with_frame")
    return found[-1]


async def _contact_sheet(
    farm: FarmParts, task: ClaimedTask, job: JobRow, step: ContactSheetStep, frames: list[ArtifactRow], scratch: Path
) -> tuple[list[MadeFile], dict[str, Any]]:
    chosen = [frames[at] for at in spread(len(frames))]
    spec = JobSpec.model_validate(job.spec)
    local = await fetch_all(farm, chosen, scratch)
    target = scratch / "sheet.png"
    sheet = await asyncio.to_thread(
        write_contact_sheet,
        [(spec.frame_range[frame.ordinal or 0], path) for frame, path in zip(chosen, local, strict=True)],
        target,
        columns=step.columns,
        cell_width=step.cell_width,
        labels=step.labels,
        left_out=len(frames) - len(chosen),
    )
    name = f"step{task.work_id}_{file_stem(spec.name, 'frames')}.contact_sheet.png"
    made = _file(task, target, sheet.facts, name, uuid4().hex, None)
    return [made], {"frames": sheet.shown, "left_out": sheet.left_out}


async def _film(
    farm: FarmParts, task: ClaimedTask, job: JobRow, step: VideoStep, frames: list[ArtifactRow], scratch: Path
) -> tuple[list[MadeFile], dict[str, Any]]:
    spec = JobSpec.model_validate(job.spec)
    container = FILM_CONTAINERS[step.codec]
    fps = step.fps or job.fps or DEFAULT_FPS
    numbers = [spec.frame_range[frame.ordinal or 0] for frame in frames]
    sound = await sound_of(farm, job, audio=step.audio, numbers=numbers, fps=fps, scratch=scratch)
    local = await fetch_all(farm, frames, scratch)
    target = scratch / f"film.{container}"
    facts = await asyncio.to_thread(
        encode_video, local, target, container=container, codec=step.codec, fps=fps, sound=sound.path
    )
    stem = file_stem(spec.name, "video")
    name = f"step{task.work_id}_{stem}.{container}"
    key = artifact_key(job_id=str(task.job_id), part="video", attempt=uuid4().hex, filename=name)
    upload = ArtifactUpload(key=key, source=target, media_type=MEDIA_TYPES[container])
    return [MadeFile(upload=upload, facts=facts, kind="video")], {
        "frames": len(frames),
        "fps": fps,
        "sound": sound.path is not None,
        "silent_because": sound.silent_because,
    }


def _file(
    task: ClaimedTask, path: Path, facts: PictureFacts | None, name: str, attempt: str, ordinal: int | None
) -> MadeFile:
    part = "step" if ordinal is None else ordinal
    key = artifact_key(job_id=str(task.job_id), part=part, attempt=attempt, filename=name)
    upload = ArtifactUpload(key=key, source=path, media_type=_MEDIA_TYPES[path.suffix])
    return MadeFile(upload=upload, facts=facts, kind="extra", ordinal=ordinal)
