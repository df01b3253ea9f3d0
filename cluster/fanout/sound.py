"""The scene's sound for a film: asked for by the job or a step, mixed from the model by a throwaway process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cluster.composition import FarmParts
from db.repositories.jobs import JobRow
from db.repositories.models import get_model
from jobs.errors import InvalidInput, NotFound
from jobs.post_steps import FilmAudio
from jobs.spec import JobSpec
from models.manifest import Manifest
from models.materialise import ModelCache
from pipelines.base import ModelFiles
from pipelines.film_sound import mix_sound, why_silent
from pipelines.registry import get_pipeline


async def sound_of(
    farm: FarmParts, job: JobRow, *, audio: FilmAudio, numbers: Sequence[int], fps: float, scratch: Path
) -> Path | None:
    """A WAV as long as the film of these frames, or None for a silent film. Raises ``InvalidInput`` where ``scene`` was
    asked for and cannot be, and where a scene that has sound cannot be mixed."""
    if audio == "none":
        return None
    pipeline = get_pipeline(JobSpec.model_validate(job.spec).pipeline)
    async with farm.database.transaction() as tx:
        row = await get_model(tx, model_id=job.model_id)
    if row is None:
        raise NotFound(f"Model {job.model_id} is gone.")
    silent = why_silent(pipeline, row.probe or {}, numbers=numbers, fps=fps)
    if silent is not None:
        if audio == "scene":
            raise InvalidInput(f"The film cannot have the scene's sound: {silent}.", field="audio")
        return None
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
            workdir=scratch / "mix",
            settings=farm.engine_settings,
        )
