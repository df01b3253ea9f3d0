"""The splat engine: holds one cloud resident and draws its frames. Imported only in the child process."""

from __future__ import annotations

import functools
import math
import os
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydantic import ValidationError

from jobs.states import EndReason
from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback
from pipelines.errors import EngineError
from pipelines.splats.cameras import FIRST_FRAME, Camera, CameraPath, OrbitPath, moved
from pipelines.splats.cloud import Bounds, GaussianCloud, bounds_of
from pipelines.splats.cpu import CpuRasteriser
from pipelines.splats.cuda import CudaRasteriser, why_not
from pipelines.splats.drawing import DrawOptions, Rasteriser
from pipelines.splats.pictures import write_picture
from pipelines.splats.pipeline import SplatsPipeline
from pipelines.splats.scene import open_cameras, open_cloud
from pipelines.splats.settings import (
    Device,
    FileCameras,
    InlineCameras,
    OrbitCameras,
    SplatsSettings,
    check_distortion,
    check_size,
)
from pipelines.splats.web_copy import write_web_copy

_MARGIN = 1.1
"""Of the orbit's radius over what just holds the cloud."""


@dataclass(slots=True)
class _Resident:
    """The cloud that is loaded."""

    model: ModelFiles
    cloud: GaussianCloud
    bounds: Bounds
    paths: dict[str, CameraPath]
    """Camera files that were read."""


class SplatsEngine:
    """One cloud at a time; the next ``load`` replaces it."""

    def __init__(self) -> None:
        self._pipeline = SplatsPipeline()
        self._resident: _Resident | None = None
        self._rasterisers: dict[Device, Rasteriser] = {}
        self._settings: tuple[dict[str, Any], SplatsSettings] | None = None
        """Of the frame before: as they came, and as they were read."""

    def load(self, model: ModelFiles) -> LoadReport:
        begun = time.perf_counter()
        self._resident = None
        self._rasterisers.clear()
        cloud, summary, warnings = open_cloud(model)
        self._resident = _Resident(model=model, cloud=cloud, bounds=bounds_of(cloud), paths={})
        return LoadReport(
            seconds=time.perf_counter() - begun,
            warnings=warnings,
            details={"gaussians": cloud.count, "sh_degree": cloud.sh_degree, "format": summary.format},
        )

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        resident = self._resident
        if resident is None:
            raise EngineError(EndReason.INFRA, "No cloud is loaded.")
        if request.part is not None:
            raise EngineError(EndReason.ENGINE_ERROR, "A frame of splats is not split.")
        settings = self._validated(request.settings)
        begun = time.perf_counter()
        camera = _camera(resident, settings, request.frame)
        rasteriser = self._rasteriser(resident, settings.device)
        progress(0.0, f"drawing {resident.cloud.count} gaussians")
        antialiased = resident.cloud.antialiased if settings.antialiased is None else settings.antialiased
        drawing = rasteriser.draw(
            camera,
            DrawOptions(
                sh_degree=settings.sh_degree,
                antialiased=antialiased,
                depth=settings.depth,
                near=settings.near,
                far=settings.far,
            ),
        )
        drawn = time.perf_counter()
        main = request.scratch / f"{request.frame:06d}{self._pipeline.output(settings).extension}"
        partial = main.with_name(f".part-{main.name}")
        extra = [*write_picture(drawing, settings, partial)]
        if settings.web_copy is not None:
            extra.append(request.scratch / "preview.splat")
            write_web_copy(resident.cloud, extra[-1], most=settings.web_copy)
        partial.rename(main)
        metrics = {
            "device": rasteriser.device,
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "gaussians": resident.cloud.count,
            "gaussians_seen": drawing.seen,
            "antialiased": antialiased,
            "engine_version": self._pipeline.engine_version(),
        }
        if isinstance(rasteriser, CudaRasteriser):
            metrics["peak_vram_bytes"] = rasteriser.peak_bytes()
        return FrameOutput(
            main=main,
            extra=tuple(extra),
            timings_ms={"render": (drawn - begun) * 1000, "write": (time.perf_counter() - drawn) * 1000},
            metrics=metrics,
        )

    def _validated(self, asked: Mapping[str, Any]) -> SplatsSettings:
        """The same object for the same settings: those of 2,000 inline cameras take 0.3 s to read."""
        if self._settings is None or self._settings[0] != asked:
            self._settings = None
            try:
                self._settings = (dict(asked), SplatsSettings.model_validate(dict(asked)))
            except ValidationError as error:
                raise EngineError(EndReason.ENGINE_ERROR, f"The settings are not valid: {error}") from error
        return self._settings[1]

    def _rasteriser(self, resident: _Resident, wanted: Device) -> Rasteriser:
        """Made when the first frame asks for it: compiled kernels and a copy of the cloud are dear."""
        device = _chosen(wanted)
        if device not in self._rasterisers:
            self._rasterisers[device] = (
                CudaRasteriser(resident.cloud)
                if device is Device.CUDA
                else CpuRasteriser(resident.cloud, threads=_threads())
            )
        return self._rasterisers[device]


def create_engine() -> SplatsEngine:
    return SplatsEngine()


@functools.cache
def _no_cuda() -> str | None:
    return why_not()


def _chosen(wanted: Device) -> Device:
    if wanted is Device.CPU or (wanted is Device.AUTO and _no_cuda() is not None):
        return Device.CPU
    if (reason := _no_cuda()) is not None:
        raise EngineError(
            EndReason.MODEL_INVALID,  # no other try of it can go better: the job is pinned to this class of device
            f"The job asks for CUDA, which this machine cannot use: {reason}.",
            remedy="Use device 'cpu' or 'auto', or give the job to a pool with NVIDIA cards.",
        )
    return Device.CUDA


def _threads() -> int:
    """All cores this process may use, unless the farm says otherwise. Does not change pixels."""
    return int(os.environ.get("RAYFARM_ENGINE_THREADS") or len(os.sched_getaffinity(0)))


def _camera(resident: _Resident, settings: SplatsSettings, frame: int) -> Camera:
    """Of this frame, of a size that is allowed."""
    cameras = settings.cameras
    try:
        if isinstance(cameras, OrbitCameras):
            width, height = settings.size_of(settings.own_size()) or (0, 0)
            return _orbit(resident.bounds, cameras, width / height).camera(frame, width=width, height=height)
        path = _path(resident, cameras)
        number = frame - FIRST_FRAME
        if not 0 <= number < len(path.cameras):
            raise EngineError(
                EndReason.MODEL_INVALID,  # no other try can go better
                f"There is no camera for frame {frame}.",
                remedy=f"Render frames {FIRST_FRAME} to {FIRST_FRAME + len(path.cameras) - 1}, one for each camera.",
            )
        check_distortion(path.distorted, cameras)
        own = path.cameras[number]
        if cameras.transform is not None or cameras.scale != 1:
            transform = np.eye(4) if cameras.transform is None else np.asarray(cameras.transform, np.float64)
            own = replace(own, pose=moved(own.pose, transform, cameras.scale))
        camera = own.sized(settings.width, settings.height)
        check_size(camera.width, camera.height)
    except ValueError as error:
        raise EngineError(EndReason.MODEL_INVALID, f"The cameras cannot be used: {error}.") from error
    return camera


def _path(resident: _Resident, cameras: FileCameras | InlineCameras) -> CameraPath:
    if isinstance(cameras, InlineCameras):
        return cameras.parsed
    if cameras.path not in resident.paths:
        resident.paths[cameras.path] = open_cameras(resident.model, cameras.path)
    return resident.paths[cameras.path]


def _orbit(bounds: Bounds, wanted: OrbitCameras, shape: float) -> OrbitPath:
    """``shape``: width over height; a tall picture needs more distance."""
    half = math.radians(wanted.fov_degrees) / 2
    half = math.atan(math.tan(half) * min(1.0, shape))
    length = math.hypot(*wanted.up)
    x, y, z = wanted.up
    return OrbitPath(
        centre=wanted.target or bounds.centre,
        radius=wanted.radius or _MARGIN * bounds.radius / math.sin(half),
        frames_per_turn=wanted.frames_per_turn,
        elevation_degrees=wanted.elevation_degrees,
        start_degrees=wanted.start_degrees,
        fov_degrees=wanted.fov_degrees,
        up=(x / length, y / length, z / length),
    )
