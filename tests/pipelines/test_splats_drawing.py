"""The CPU rasteriser against a slow one in 64 bits, and against projection and harmonics of gsplat's torch code."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipelines.errors import EngineError
from pipelines.splats import cpu, projection
from pipelines.splats.cameras import Camera, OrbitPath
from pipelines.splats.cloud import GaussianCloud
from pipelines.splats.cpu import CpuRasteriser
from pipelines.splats.drawing import Drawing, DrawOptions
from tests.pipelines import splat_reference
from tests.pipelines.splat_files import make_cloud

MEAN_TOLERANCE = 2e-5
"""Mean difference of a colour from the slow rasteriser's, 0 to 1."""
PIXEL_TOLERANCE = 0.012
"""Largest: a gaussian of alpha 1/255 that one draws and the other, by rounding, does not, three of them in a pixel."""
DEPTH_TOLERANCE = 0.05
"""Largest difference of depth times coverage, scene units, of a cloud at distance 4."""
POSITION_TOLERANCE_PX = 2e-3
CONIC_TOLERANCE = 2e-3
"""Relative."""
COLOUR_TOLERANCE = 2e-6

WIDTH, HEIGHT = 75, 53
"""No multiples of a tile."""


def orbit(**changes: Any) -> OrbitPath:
    return replace(
        OrbitPath(
            centre=(0, 0, 0),
            radius=4.0,
            frames_per_turn=12,
            elevation_degrees=20,
            start_degrees=0,
            fov_degrees=40,
            up=(0, -1, 0),
        ),
        **changes,
    )


def camera(frame: int = 2, **changes: Any) -> Camera:
    return orbit(**changes).camera(frame, width=WIDTH, height=HEIGHT)


def differences(drawing: Drawing, cloud: GaussianCloud, view: Camera, **options: Any) -> tuple[float, float]:
    colour, light, _ = splat_reference.draw(cloud, view, **options)
    error = np.abs(np.dstack([drawing.colour, drawing.light]) - np.dstack([colour, light]))
    return float(error.mean()), float(error.max())


@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_the_picture_is_that_of_the_slow_rasteriser(degree: int, antialiased: bool) -> None:
    cloud = make_cloud(250, degree=degree)
    drawing = CpuRasteriser(cloud, threads=2).draw(camera(), DrawOptions(antialiased=antialiased))
    mean, largest = differences(drawing, cloud, camera(), antialiased=antialiased)
    assert drawing.light.min() < 0.2  # there is something to compare
    assert mean <= MEAN_TOLERANCE
    assert largest <= PIXEL_TOLERANCE


def test_a_view_from_inside_the_cloud_is_right_too() -> None:
    cloud = make_cloud(250)
    view = camera(radius=0.4, fov_degrees=90)
    mean, largest = differences(CpuRasteriser(cloud, threads=2).draw(view, DrawOptions()), cloud, view)
    assert mean <= 10 * MEAN_TOLERANCE
    assert largest <= 10 * PIXEL_TOLERANCE


def test_depth_is_that_of_the_slow_rasteriser() -> None:
    cloud = make_cloud(250)
    drawing = CpuRasteriser(cloud, threads=2).draw(camera(), DrawOptions(depth=True))
    _, _, depth = splat_reference.draw(cloud, camera())
    assert drawing.depth is not None
    assert np.abs(drawing.depth - depth).max() <= DEPTH_TOLERANCE
    assert 3 < drawing.depth.max() < 5


def test_fewer_harmonics_are_those_of_a_cloud_without_the_others() -> None:
    cloud = make_cloud(250, degree=3)
    flat = replace(cloud, sh=np.ascontiguousarray(cloud.sh[:, :4]))
    first = CpuRasteriser(cloud, threads=2).draw(camera(), DrawOptions(sh_degree=1))
    second = CpuRasteriser(flat, threads=2).draw(camera(), DrawOptions())
    assert np.abs(first.colour - second.colour).max() <= COLOUR_TOLERANCE


def test_threads_do_not_change_a_bit() -> None:
    cloud = make_cloud(2000)
    one = CpuRasteriser(cloud, threads=1).draw(camera(), DrawOptions(depth=True))
    two = CpuRasteriser(cloud, threads=2).draw(camera(), DrawOptions(depth=True))
    assert one.colour.tobytes() == two.colour.tobytes()
    assert one.light.tobytes() == two.light.tobytes()


def test_a_picture_drawn_in_bands_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = make_cloud(500)
    whole = CpuRasteriser(cloud, threads=2).draw(camera(), DrawOptions())
    monkeypatch.setattr(cpu, "MAX_LIST_ENTRIES", 3 * whole.overlaps // 4)
    banded = CpuRasteriser(cloud, threads=2).draw(camera(), DrawOptions())
    assert banded.colour.tobytes() == whole.colour.tobytes()
    monkeypatch.setattr(cpu, "MAX_LIST_ENTRIES", 10)
    with pytest.raises(EngineError, match="covered"):
        CpuRasteriser(cloud, threads=2).draw(camera(), DrawOptions())


def test_gaussians_behind_the_camera_or_outside_are_not_drawn() -> None:
    cloud = make_cloud(100)
    cloud.means[:] += (0, 0, 1000)
    away = camera(radius=4.0)
    drawing = CpuRasteriser(cloud, threads=2).draw(away, DrawOptions(far=100))
    assert (drawing.seen, drawing.overlaps) == (0, 0)
    assert (drawing.light == 1).all()
    assert (drawing.colour == 0).all()


def test_wild_gaussians_leave_every_pixel_a_number() -> None:
    cloud = make_cloud(300)
    cloud.means[:100] *= 1e11
    cloud.scales[50:150] = 1e8
    cloud.scales[150:200] = 0
    cloud.sh[200:210] = 1e30
    drawing = CpuRasteriser(cloud, threads=2).draw(camera(), DrawOptions(depth=True))
    assert np.isfinite(drawing.light).all()
    assert ((drawing.light >= 0) & (drawing.light <= 1)).all()
    assert not np.isnan(drawing.colour).any()


def records_of(cloud: GaussianCloud, view: Camera) -> np.ndarray[Any, Any]:
    """Projected gaussians in the order of the cloud."""
    covariances = np.empty((cloud.count, 6), np.float32)
    projection.covariances(cloud.quats, cloud.scales, covariances)
    records = np.zeros((cloud.count, projection.COLUMNS), np.float32)
    counts = np.zeros(1, np.int64)
    projection.project(
        cloud.means,
        covariances,
        cloud.opacities,
        cloud.sh,
        cloud.sh_degree,
        view.world_to_camera[:3].astype(np.float32),
        np.array([view.fx, view.fy, view.cx, view.cy], np.float32),
        np.array([view.width, view.height], np.float32),
        np.float32(0.01),
        np.float32(1e10),
        False,
        records,
        counts,
    )
    return records[: counts[0]]


@pytest.mark.skipif(importlib.util.find_spec("gsplat") is None, reason="gsplat is not installed")
def test_projection_and_harmonics_are_those_of_gsplat() -> None:
    import torch
    from gsplat.cuda import _torch_impl

    cloud, view = make_cloud(400), camera()
    records = records_of(cloud, view)
    tensor = torch.from_numpy
    covariances, _ = _torch_impl._quat_scale_to_covar_preci(tensor(cloud.quats), tensor(cloud.scales))
    lens = torch.tensor([[[view.fx, 0, view.cx], [0, view.fy, view.cy], [0, 0, 1]]], dtype=torch.float32)
    matrix = tensor(view.world_to_camera.astype(np.float32))[None]
    _, means, depths, conics, _ = _torch_impl._fully_fused_projection(
        tensor(cloud.means), covariances, matrix, lens, view.width, view.height
    )
    eye = torch.linalg.inv(matrix)[0, :3, 3]
    tints = torch.clamp_min(_torch_impl._spherical_harmonics(3, tensor(cloud.means) - eye, tensor(cloud.sh)) + 0.5, 0)
    rows = np.abs(depths[0].numpy() - records[:, projection.DEPTH, None]).argmin(axis=1)
    assert len(set(rows.tolist())) == len(rows) > 300
    places = records[:, [projection.X, projection.Y]]
    assert np.abs(places - means[0].numpy()[rows]).max() <= POSITION_TOLERANCE_PX
    shapes = records[:, [projection.CONIC_A, projection.CONIC_B, projection.CONIC_C]]
    expected = conics[0].numpy()[rows]
    assert (np.abs(shapes - expected) / np.abs(expected).max(axis=1, keepdims=True)).max() <= CONIC_TOLERANCE
    colours = records[:, [projection.RED, projection.GREEN, projection.BLUE]]
    assert np.abs(colours - tints.numpy()[rows]).max() <= COLOUR_TOLERANCE
