"""The engine of a throwaway process: decodes one uploaded cloud, reports what is in it, and draws nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _CameraFile:
    """One JSON file beside the cloud."""

    path: str
    cameras: int = 0
    """How many; 0: it holds none that can be used."""
    size: tuple[int, int] = DEFAULT_SIZE
    fps: float | None = None
    distorted: bool = False
    problem: str | None = None


class SplatsProbe:
    """Its ``LoadReport.details`` are the facts that ``models.probe.SceneFacts`` describes."""

    def load(self, model: ModelFiles) -> LoadReport:
        begun = time.perf_counter()
        cloud, summary, warnings = open_cloud(model)
        bounds = bounds_of(cloud)
        found = [_camera_file(model.root, path) for path in _json_files(model.root)]
        usable = [each for each in found if each.cameras]
        own = usable[0] if len(usable) == 1 else None  # of several the job has to choose, and gets the orbit until then
        frames = own.cameras if own else OrbitCameras().frames_per_turn
        width, height = own.size if own else DEFAULT_SIZE
        facts: dict[str, Any] = {
            "frame_start": FIRST_FRAME,
            "frame_end": FIRST_FRAME + frames - 1,
            "fps": (own and own.fps) or _FPS,
            "resolution": (width, height, 100),
            "cameras": [each.path for each in usable],
            "engine": "splats",
            "warnings": list(warnings),
            "details": {
                "format": summary.format,
                "gaussians": cloud.count,
                "sh_degree": cloud.sh_degree,
                "antialiased": cloud.antialiased,
                "radius": bounds.radius,
                "resident_bytes": cloud.nbytes,
                "camera_sizes": ["x".join(map(str, each.size)) for each in usable],
                "camera_counts": [str(each.cameras) for each in usable],
                "distorted_cameras": [each.path for each in usable if each.distorted],
                "unusable_cameras": [f"{each.path}: {each.problem}" for each in found if each.problem],
            },
        }
        return LoadReport(seconds=time.perf_counter() - begun, warnings=warnings, details=facts)

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        raise EngineError(EndReason.INFRA, "A probe renders nothing.")


def create_engine() -> SplatsProbe:
    return SplatsProbe()


def _json_files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*.json") if path.is_file())[:MAX_CAMERA_FILES]


def _camera_file(root: Path, path: str) -> _CameraFile:
    try:
        cameras = read_cameras(root, path)
    except BadCameras as error:
        return _CameraFile(path=path, problem=str(error))
    return _CameraFile(
        path=path,
        cameras=len(cameras.cameras),
        size=cameras.size or DEFAULT_SIZE,
        fps=cameras.fps,
        distorted=cameras.distorted,
    )
