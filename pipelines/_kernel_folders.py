"""Where drivers keep what they compile for one engine. Used by the parent."""

from __future__ import annotations

import contextlib
from pathlib import Path

from pipelines.base import KeepsKernels, Pipeline


def kernel_environment(pipeline: Pipeline, below: Path) -> dict[str, str]:
    """Variables that send the drivers to folders below ``below``, which are made; none where the pipeline has none."""
    if not isinstance(pipeline, KeepsKernels):
        return {}
    folders = {variable: below / name for variable, name in pipeline.kernel_folders().items()}
    for folder in folders.values():
        with contextlib.suppress(FileExistsError):  # an engine put something else there: then nothing is kept
            folder.mkdir(parents=True, exist_ok=True)
    return {variable: str(folder) for variable, folder in folders.items()}
