"""What engine and probe share: the cloud of a model, and the camera files beside it."""

from __future__ import annotations

import json
from pathlib import Path

from jobs.states import EndReason
from models.errors import ModelInvalid
from models.formats.splats import SplatSummary
from pipelines.base import ModelFiles
from pipelines.errors import EngineError
from pipelines.splats.cameras import BadCameras, CameraPath, parse_path
from pipelines.splats.cloud import GaussianCloud, without_broken
from pipelines.splats.readers import read_cloud

MAX_CAMERA_FILE_BYTES = 64 << 20
"""A transforms.json of 100,000 photos is 60 MB."""


def open_cloud(model: ModelFiles) -> tuple[GaussianCloud, SplatSummary, tuple[str, ...]]:
    """The gaussians that can be drawn, what the file's head says, and warnings."""
    try:
        stored, summary = read_cloud(model.main_path)
    except ModelInvalid as error:
        raise EngineError(EndReason.MODEL_INVALID, error.message, remedy=error.remedy) from error
    cloud, broken = without_broken(stored)
    if cloud.count == 0:
        raise EngineError(
            EndReason.MODEL_INVALID,
            f"None of the {broken} gaussians of {model.main} can be drawn: their attributes are no finite numbers.",
            remedy="Train or export the cloud again.",
        )
    warnings = (f"{broken} gaussians with attributes that are no finite numbers are left out.",) if broken else ()
    return cloud, summary, warnings


def open_cameras(model: ModelFiles, path: str) -> CameraPath:
    """Raises ``EngineError`` for a file that is missing, too large, or no camera path."""
    try:
        return read_cameras(model.root, path)
    except BadCameras as error:
        raise EngineError(
            EndReason.MODEL_INVALID,
            f"{path}: {error}",
            remedy="Upload a nerfstudio camera path or a transforms.json beside the cloud.",
        ) from error


def read_cameras(root: Path, path: str) -> CameraPath:
    """Raises ``BadCameras``."""
    file = root / path
    try:
        if file.stat().st_size > MAX_CAMERA_FILE_BYTES:
            raise BadCameras(f"The file is larger than {MAX_CAMERA_FILE_BYTES} bytes.")
        return parse_path(json.loads(file.read_bytes()))
    except FileNotFoundError as error:
        raise BadCameras("The model has no such file.") from error
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, BadCameras):
            raise
        raise BadCameras(f"The file is no JSON: {error}") from error
