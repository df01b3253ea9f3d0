"""Cameras from nerfstudio's files and orbits, in the axes of a rasteriser."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.splats import settings as settings_module
from pipelines.splats.cameras import BadCameras, CameraPath, OrbitPath, fitted, moved, parse_path
from pipelines.splats.pipeline import SplatsPipeline
from pipelines.splats.settings import SplatsSettings

DOUBLED = [[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0]]
MIRRORED = [[-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
IDENTITY = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]


def path(**changes: Any) -> dict[str, Any]:
    camera = {"camera_to_world": IDENTITY, "fov": 60, "aspect": 1.5}
    return {"camera_type": "perspective", "render_width": 90, "render_height": 60, "fps": 30} | {
        "camera_path": [camera],
        **changes,
    }


def transforms(**changes: Any) -> dict[str, Any]:
    frame = {"file_path": "a.png", "transform_matrix": np.eye(4).tolist()}
    return {"w": 100, "h": 50, "fl_x": 80.0, "fl_y": 82.0, "cx": 49.0, "cy": 26.0, "frames": [frame], **changes}


def seen(camera: Any, point: tuple[float, float, float]) -> tuple[float, float, float]:
    """Pixel and depth of a point of the world."""
    x, y, z = camera.world_to_camera[:3, :3] @ np.asarray(point) + camera.world_to_camera[:3, 3]
    return camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy, z


def test_a_camera_path_looks_along_minus_z_with_y_up() -> None:
    camera = parse_path(path()).cameras[0].sized(None, None)
    assert (camera.width, camera.height) == (90, 60)
    assert seen(camera, (0, 0, -2)) == pytest.approx((45, 30, 2))
    above = seen(camera, (0, 2 * math.tan(math.radians(30)), -2))  # the edge of a vertical field of view of 60 degrees
    assert above[1] == pytest.approx(0, abs=1e-9)
    assert seen(camera, (1, 0, -2))[0] > 45


def test_transforms_keep_their_lens_at_any_size() -> None:
    own = parse_path(transforms()).cameras[0]
    camera = own.sized(None, None)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (80, 82, 49, 26)
    double = own.sized(200, None)
    assert (double.width, double.height, double.fx, double.cy) == (200, 100, 160, 52)


def test_an_angle_of_view_stands_for_a_focal_length_and_a_frame_overrides_the_file() -> None:
    data = {"w": 100, "h": 50, "camera_angle_x": math.pi / 2, "frames": transforms()["frames"]}
    assert parse_path(data).cameras[0].focal == (pytest.approx(50), pytest.approx(50))
    data["frames"] = [{**data["frames"][0], "fl_x": 70}]
    assert parse_path(data).cameras[0].focal[0] == 70


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "no JSON object"),
        ({}, "neither"),
        (path(camera_path=[]), "no camera"),
        (path(camera_type="fisheye"), "fisheye"),
        (path(crop={"crop_center": [0, 0, 0]}), "crop"),
        (path(camera_path=[{"camera_to_world": [1] * 16, "fov": 50}]), "last row"),
        (path(camera_path=[{"camera_to_world": [2, *IDENTITY[1:]], "fov": 50}]), "no rotation"),
        (path(camera_path=[{"camera_to_world": [-1, *IDENTITY[1:]], "fov": 50}]), "mirrors"),
        (path(camera_path=[{"camera_to_world": IDENTITY, "fov": 180}]), "fov"),
        (path(camera_path=[{"camera_to_world": [math.nan] * 16, "fov": 50}]), "finite"),
        (path(camera_path=[{"camera_to_world": "x", "fov": 50}]), "matrix"),
        (path(render_width=0), "render_width"),
        (path(render_width=True), "render_width"),
        (transforms(camera_model="OPENCV_FISHEYE"), "OPENCV_FISHEYE"),
        (transforms(fl_x=-1, fl_y=-1), "positive"),
        (path(camera_path=[{"camera_to_world": IDENTITY, "fov": 5e-324}]), "fov"),
        (path(camera_path=[{"camera_to_world": [*IDENTITY[:3], 1e308, *IDENTITY[4:]], "fov": 50}]), "farther than"),
        ({"w": 10, "h": 10, "camera_angle_x": 5e-324, "frames": transforms()["frames"]}, "camera_angle_x"),
        ({"w": 10, "h": 10, "camera_angle_x": math.nan, "frames": transforms()["frames"]}, "finite"),
        ({"w": 10, "h": 10, "frames": transforms()["frames"]}, "fl_x"),
    ],
)
def test_cameras_that_cannot_be_drawn_are_refused_by_name(data: Any, words: str) -> None:
    with pytest.raises(BadCameras, match=words):
        parse_path(data)


def test_an_orbit_looks_at_its_centre_from_its_radius_and_closes() -> None:
    orbit = OrbitPath(
        centre=(1, 2, 3),
        radius=5,
        frames_per_turn=8,
        elevation_degrees=30,
        start_degrees=10,
        fov_degrees=50,
        up=(0, -1, 0),
    )
    places = []
    for frame in range(1, 9):
        camera = orbit.camera(frame, width=40, height=30)
        assert seen(camera, (1, 2, 3)) == pytest.approx((20, 15, 5))
        assert seen(camera, (1, 1, 3))[1] < 15  # up is up
        places.append(tuple(np.round(-camera.world_to_camera[:3, :3].T @ camera.world_to_camera[:3, 3], 9)))
    assert len(set(places)) == 8
    assert places[0][1] == pytest.approx(2 - 5 * math.sin(math.radians(30)))
    again = orbit.camera(9, width=40, height=30).world_to_camera
    assert np.array_equal(again, orbit.camera(1, width=40, height=30).world_to_camera)


def test_poses_move_into_the_world_of_a_trained_cloud() -> None:
    pose = np.eye(4)
    pose[:3, 3] = (1, 0, 0)
    turn = np.array([[0.0, -1, 0, 1], [1, 0, 0, 0], [0, 0, 1, 0]])
    assert moved(pose, turn, 2.0)[:3, 3].tolist() == [2, 2, 0]
    assert moved(pose, turn, 2.0)[:3, 0].tolist() == [0, 1, 0]


def test_one_side_alone_keeps_the_shape() -> None:
    assert fitted((160, 90), 80, None) == (80, 45)
    assert fitted((160, 90), None, 45) == (80, 45)
    assert fitted((160, 90), 10, 10) == (10, 10)


class TestSettings:
    def test_defaults_orbit_at_a_known_size(self) -> None:
        pipeline = SplatsPipeline()
        assert pipeline.frame_size(SplatsSettings()) == (1280, 720)
        assert pipeline.frame_size(SplatsSettings(width=640)) == (640, 360)
        assert pipeline.frame_size(SplatsSettings.model_validate({"cameras": {"type": "inline", "data": path()}})) == (
            90,
            60,
        )
        assert (
            pipeline.frame_size(SplatsSettings.model_validate({"cameras": {"type": "file", "path": "a.json"}})) is None
        )
        assert pipeline.seed_of(SplatsSettings()) is None

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ({"samples": 4}, "Extra inputs"),
            ({"cameras": {"type": "orbit", "speed": 2}}, "Extra inputs"),
            ({"width": 100_000, "height": 100_000}, "less than or equal"),
            ({"width": 16_384, "height": 16_384}, "pixels"),
            ({"format": "jpeg", "transparent": True}, "alpha"),
            ({"quality": 90}, "jpeg only"),
            ({"color_depth": 16}, "color_depth"),
            ({"background": [0, 0, 2]}, "less than or equal to 1"),
            ({"transparent": True, "background": [1, 1, 1]}, "no background"),
            ({"depth_unit": 0.5}, "depth_unit"),
            ({"near": 5, "far": 4}, "near"),
            ({"sh_degree": 4}, "less than or equal to 3"),
            ({"cameras": {"type": "file", "path": "../secret.json"}}, "escapes"),
            ({"cameras": {"type": "orbit", "up": [0, 0, 0]}}, "zero vector"),
            ({"cameras": {"type": "orbit", "fov_degrees": 5e-324}}, "greater than or equal to"),
            ({"cameras": {"type": "inline", "data": path(seconds=math.nan)}}, "NaN or infinite"),
            ({"cameras": {"type": "inline", "data": path(), "transform": DOUBLED}}, "it scales, .* into `scale`"),
            ({"cameras": {"type": "file", "path": "a.json", "transform": MIRRORED}}, "mirrors"),
            ({"cameras": {"type": "inline", "data": {"frames": []}}}, "no camera"),
            ({"cameras": {"type": "inline", "data": transforms(k1=0.1)}}, "ignore_distortion"),
            ({"cameras": {"type": "inline", "data": {"frames": [], "pad": "x" * (2 << 20)}}}, "inline cameras of"),
        ],
    )
    def test_what_the_pipeline_cannot_do_is_refused_by_name(self, wrong: dict[str, Any], words: str) -> None:
        with pytest.raises(ValidationError, match=words):
            SplatsSettings.model_validate(wrong)

    def test_cameras_of_two_sizes_hold_no_frame_to_the_first_ones(self) -> None:
        frame = transforms()["frames"][0]
        data = transforms(frames=[frame, {**frame, "w": 64, "h": 48}])
        inline = {"type": "inline", "data": data}
        assert SplatsPipeline().frame_size(SplatsSettings.model_validate({"cameras": inline})) is None
        assert SplatsPipeline().frame_size(
            SplatsSettings.model_validate({"cameras": inline, "width": 80, "height": 40})
        ) == (80, 40)

    def test_inline_cameras_are_read_once_whatever_is_asked_of_the_settings(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[Any] = []

        def counting(data: Any) -> CameraPath:
            read.append(data)
            return parse_path(data)

        monkeypatch.setattr(settings_module, "parse_path", counting)
        wish = {"cameras": {"type": "inline", "data": path()}}
        settings = SplatsSettings.model_validate(wish)
        assert SplatsPipeline().frame_size(settings) == settings.own_size() == (90, 60)
        assert len(read) == 1
        assert settings == SplatsSettings.model_validate(wish)
        assert settings.model_dump(exclude_unset=True) == wish

    def test_a_distorted_lens_may_be_drawn_straight_if_the_job_says_so(self) -> None:
        cameras = {"type": "inline", "data": transforms(k1=0.1), "ignore_distortion": True}
        assert SplatsSettings.model_validate({"cameras": cameras})
