"""Compiles every kernel of the CPU's rasteriser, by drawing with it. Imported by the builder only."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipelines.splats.cameras import FIRST_FRAME, OrbitPath
from pipelines.splats.cloud import MAX_SH_DEGREE, GaussianCloud, coefficients
from pipelines.splats.cpu import CpuRasteriser
from pipelines.splats.drawing import DrawOptions
from pipelines.splats.numba_kernels import numba

_COUNT, _SIDE_PX = 64, 48


def compile_all() -> Path:
    """Numba compiles by the types of arguments, which are the same for every cloud and camera; where it kept them."""
    turn = np.linspace(0, 2 * np.pi, _COUNT, endpoint=False)
    cloud = GaussianCloud(
        means=np.stack([np.cos(turn), np.sin(turn), np.zeros(_COUNT)], axis=1).astype(np.float32),
        quats=np.tile(np.array([1, 0, 0, 0], np.float32), (_COUNT, 1)),
        scales=np.full((_COUNT, 3), 0.1, np.float32),
        opacities=np.full(_COUNT, 0.5, np.float32),
        sh=np.zeros((_COUNT, coefficients(MAX_SH_DEGREE), 3), np.float32),
    )
    orbit = OrbitPath(
        centre=(0.0, 0.0, 0.0),
        radius=4.0,
        frames_per_turn=1,
        elevation_degrees=15.0,
        start_degrees=0.0,
        fov_degrees=50.0,
        up=(0.0, -1.0, 0.0),
    )
    camera = orbit.camera(FIRST_FRAME, width=_SIDE_PX, height=_SIDE_PX)
    CpuRasteriser(cloud, threads=1).draw(camera, DrawOptions(depth=True))
    return Path(numba.config.CACHE_DIR)  # type: ignore[attr-defined]
