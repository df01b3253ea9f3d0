"""The first opening of a model, in a throwaway process: what is in it, what it lacks, whether it can be rendered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cluster.composition import FarmParts
from db.dispatch import ClaimedTask, finish_probe
from db.repositories.models import get_model
from jobs.errors import InvalidInput, NotFound, RayfarmError
from models.errors import FileMismatch
from models.kinds import ModelKind
from models.manifest import Manifest
from models.materialise import ModelCache
from pipelines.base import ModelFiles
from pipelines.probe_run import probe_model
from pipelines.registry import pipeline_of_kind


async def probe_model_row(farm: FarmParts, task: ClaimedTask, scratch: Path) -> None:
    """Probe the task's model and write ``ready``, ``incomplete`` (files are missing) or ``invalid`` with the reason."""
    if task.model_id is None:
        raise InvalidInput(f"Probe {task.work_id} names no model.")
    async with farm.database.transaction() as tx:
        row = await get_model(tx, model_id=task.model_id)
    if row is None:
        raise NotFound(f"Model {task.model_id} is gone.")
    manifest = Manifest.model_validate(row.manifest)
    cache = ModelCache(
        root=farm.settings.cache_dir.resolve() / "models", budget_bytes=farm.settings.cache_bytes, verify=False
    )
    try:
        async with cache.checkout(manifest, fetch=farm.storage.fetch_blob) as root:
            files = ModelFiles(digest=row.digest, root=root, main=manifest.main, remap=dict(manifest.remap))
            state, probe, problem = await _probe(farm, manifest, files, scratch)
    except FileMismatch as error:  # every chunk was whole: to fetch them again changes nothing
        state, probe, problem = "invalid", None, problem_of(error)
    await finish_probe(
        farm.database, work_id=task.work_id, fence=task.fence, model_state=state, probe=probe, problem=problem
    )


async def _probe(
    farm: FarmParts, manifest: Manifest, files: ModelFiles, scratch: Path
) -> tuple[str, dict[str, Any] | None, dict[str, Any] | None]:
    """(state, report, problem)"""
    if manifest.kind is ModelKind.FAKE:
        return "ready", {"frame_start": 1, "frame_end": 10, "fps": 24.0}, None
    try:
        report = await probe_model(
            files,
            pipeline=pipeline_of_kind(manifest.kind),
            manifest=manifest,
            workdir=scratch,
            settings=farm.engine_settings,
        )
    except InvalidInput as error:
        return "invalid", None, problem_of(error)
    return ("incomplete" if report.missing else "ready"), report.model_dump(mode="json"), None


def problem_of(error: RayfarmError) -> dict[str, Any]:
    """What the API shows of why a model cannot be rendered."""
    return {"code": error.code, "message": error.message, "remedy": error.remedy}
