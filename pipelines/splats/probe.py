"""The engine of a throwaway process: decodes one uploaded cloud, reports what is in it, and draws nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from jobs.states import EndReason
from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback
from pipelines.errors import EngineError
from pipelines.splats.cameras import DEFAULT_SIZE, FIRST_FRAME, BadCameras
from pipelines.splats.cloud import bounds_of
from pipelines.splats.scene import open_cloud, read_cameras
from pipelines.splats.settings import OrbitCameras

MAX_CAMERA_FILES = 100
"""Camera files of one model that are looked at."""
_FPS = 24.0
"""Where no camera path says."""


class SplatsProbe:
    """Its ``LoadReport.details`` are the facts that ``models.probe.SceneFacts`` describes."""

    def load(self, model: ModelFiles) -> LoadReport:
        begun = time.perf_counter()
        cloud, summary, warnings = open_cloud(model)
        bounds = bounds_of(cloud)
        files = [_camera_file(model.root, path) for path in _json_files(model.root)]
        usable = [each for each in files if each is not None and "problem" not in each]
        first: dict[str, Any] = usable[0] if usable else {}
        frames = first.get("cameras", OrbitCameras().frames_per_turn)
        facts: dict[str, Any] = {
            "frame_start": FIRST_FRAME,
            "frame_end": FIRST_FRAME + frames - 1,
            "frame_step": 1,
            "fps": first.get("fps") or _FPS,
            "resolution": (first.get("width", DEFAULT_SIZE[0]), first.get("height", DEFAULT_SIZE[1]), 100),
            "engine": "splats",
            "references": [],
            "simulations": [],
            "blocked_scripts": [],
            "warnings": list(warnings),
            "details": {
                "format": summary.format,
                "gaussians": cloud.count,
                "sh_degree": cloud.sh_degree,
                "antialiased": cloud.antialiased,
                "centre": list(bounds.centre),
                "radius": bounds.radius,
                "resident_bytes": cloud.nbytes,
                "camera_files": [each for each in files if each is not None],
            },
        }
        return LoadReport(seconds=time.perf_counter() - begun, warnings=warnings, details=facts)

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        raise EngineError(EndReason.INFRA, "A probe renders nothing.")


def create_engine() -> SplatsProbe:
    return SplatsProbe()


def _json_files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*.json") if path.is_file())[:MAX_CAMERA_FILES]


def _camera_file(root: Path, path: str) -> dict[str, Any] | None:
    try:
        cameras = read_cameras(root, path)
    except BadCameras as error:
        return {"path": path, "problem": str(error)}
    width, height = cameras.size or DEFAULT_SIZE
    return {
        "path": path,
        "cameras": len(cameras.cameras),
        "width": width,
        "height": height,
        "fps": cameras.fps,
        "distorted": cameras.distorted,
    }
