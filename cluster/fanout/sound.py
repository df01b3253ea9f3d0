"""The scene's sound for a film: asked for by the job or a step, mixed from the model by a throwaway process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from cluster.composition import FarmParts
from db.repositories.jobs import JobRow
from db.repositories.models import ModelRow, get_model
from jobs.errors import InvalidInput
from jobs.post_steps import FilmAudio
from jobs.spec import JobSpec
from models.manifest import Manifest
from models.materialise import ModelCache
from pipelines.base import ModelFiles, Pipeline
from pipelines.film_sound import mix_sound, why_silent
from pipelines.registry import get_pipeline

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmSound:
    """What a film has, or why it is silent."""

    path: Path | None = None
    """A WAV as ``pipelines.sound_format`` has it, at least as long as the film."""
    silent_because: str | None = None


async def sound_of(
    farm: FarmParts, job: JobRow, *, audio: FilmAudio, numbers: Sequence[int], fps: float, scratch: Path
) -> FilmSound:
    """The sound of a film of these frames. Raises ``InvalidInput`` where ``scene`` was asked for and cannot be."""
    if audio == "none":
        return FilmSound(silent_because="it was asked for without sound")
    pipeline = get_pipeline(JobSpec.model_validate(job.spec).pipeline)
    async with farm.database.transaction() as tx:
        row = await get_model(tx, model_id=job.model_id)
    facts = None if row is None else row.probe
    silent = why_silent(pipeline, facts or {}, numbers=numbers, fps=fps)
    if row is None or silent is not None:
        if audio == "scene":
            raise InvalidInput(f"The film cannot have the scene's sound: {silent}.", field="audio")
        return FilmSound(silent_because=silent)
    try:
        return FilmSound(path=await _mixed(farm, row, pipeline, numbers, scratch / "mix"))
    except InvalidInput as error:
        if audio == "scene":
            raise
        _log.warning("film_without_sound", job_id=str(job.id), error=str(error))
        return FilmSound(silent_because=error.message)


async def _mixed(farm: FarmParts, row: ModelRow, pipeline: Pipeline, numbers: Sequence[int], workdir: Path) -> Path:
    manifest = Manifest.model_validate(row.manifest)
    cache = ModelCache(
        root=farm.settings.cache_dir.resolve() / "models", budget_bytes=farm.settings.cache_bytes, verify=False
    )
    async with cache.checkout(manifest, fetch=farm.storage.fetch_blob) as root:
        return await mix_sound(
            ModelFiles(digest=row.digest, root=root, main=manifest.main, remap=dict(manifest.remap)),
            pipeline=pipeline,
            first=min(numbers),
            last=max(numbers),
            workdir=workdir,
            settings=farm.engine_settings,
        )
