"""Cameras and view layers are asked of scenes that have such things, and of no other model."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serve_app.farm import ApiFarm, problem_of

NO_CAMERAS = {"cameras": [], "active_camera": None, "view_layers": [], "fps": 24.0, "resolution": [64, 64, 100]}
"""What a probe says where its pipeline knows no cameras."""
CLOUD = {"camera_sizes": [], "camera_counts": [], "distorted_cameras": [], "unusable_cameras": []}
WITH_PATH = {**CLOUD, "camera_sizes": ["640x360"], "camera_counts": ["24"]}
WORDS = {"prompt": "a lighthouse", "width": 64, "height": 64}
INLINE: dict[str, Any] = {
    "render_width": 64,
    "render_height": 48,
    "camera_path": [{"camera_to_world": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], "fov": 50}],
}
PATH = {"cameras": {"type": "file", "path": "path.json"}}


@pytest.mark.parametrize(
    ("kind", "probe", "settings"),
    [
        ("splats", {**NO_CAMERAS, "details": CLOUD}, {}),
        ("splats", {**NO_CAMERAS, "cameras": ["path.json"], "details": WITH_PATH}, {}),
        ("splats", {**NO_CAMERAS, "cameras": ["path.json"], "details": WITH_PATH}, PATH),
        ("diffusion", {**NO_CAMERAS, "details": {"family": "sd"}}, WORDS),
    ],
    ids=["cloud", "cloud with a path, an orbit", "cloud with a path", "weights"],
)
async def test_a_model_that_has_no_cameras_of_its_own_is_rendered(
    farm: ApiFarm, kind: str, probe: dict[str, Any], settings: dict[str, Any]
) -> None:
    model = await farm.model(kind=kind, probe=probe)
    job = await farm.submit(model=model, pipeline=kind, settings=settings)
    assert job["state"] == "queued"


async def test_a_film_cut_in_blender_needs_no_camera(farm: ApiFarm) -> None:
    cut = {**NO_CAMERAS, "has_sequence": True, "details": {"split_blockers": ["sequencer"]}}
    model = await farm.model(kind="blender", probe=cut)
    await farm.submit(model=model, pipeline="cycles")


@pytest.mark.parametrize(
    "cameras",
    [
        {"type": "file", "path": "path.json"},
        {"type": "inline", "data": {**INLINE, "camera_path": INLINE["camera_path"] * 24}},
    ],
    ids=["file", "inline"],
)
@pytest.mark.parametrize(
    ("frames", "lacking"), [("1-24", None), ("24-1:-3", None), ("1-500", 500), ("0-3", 0), ("1,30,2", 30)]
)
async def test_frames_that_a_path_has_no_camera_for_are_refused_at_submit(
    farm: ApiFarm, cameras: dict[str, Any], frames: str, lacking: int | None
) -> None:
    model = await farm.model(kind="splats", probe={**NO_CAMERAS, "cameras": ["path.json"], "details": WITH_PATH})
    body = await farm.spec(model=model, pipeline="splats", frames=frames, settings={"cameras": cameras})
    answer = await farm.http.post("/v1/jobs", json=body)
    if lacking is None:
        assert answer.status_code == 202, answer.text
        return
    problem = problem_of(answer, 422, "invalid-input")
    assert problem["field"] == "frames"
    assert f"no camera for frame {lacking}: " in problem["detail"]
    assert "24, one a frame" in problem["detail"]
    assert "frames 1 to 24" in problem["remedy"]


async def test_an_orbit_has_a_camera_for_every_frame(farm: ApiFarm) -> None:
    model = await farm.model(kind="splats", probe={**NO_CAMERAS, "details": CLOUD})
    await farm.submit(model=model, pipeline="splats", frames="-5-100000")


@pytest.mark.parametrize("kind", ["blender", "mitsuba"])
async def test_a_scene_without_a_camera_is_refused(farm: ApiFarm, kind: str) -> None:
    model = await farm.model(kind=kind, probe=NO_CAMERAS)
    pipeline = "cycles" if kind == "blender" else kind
    answer = await farm.http.post("/v1/jobs", json=await farm.spec(model=model, pipeline=pipeline))
    assert "no camera" in problem_of(answer, 409, "model-invalid")["detail"]


async def test_a_camera_that_a_mitsuba_scene_lacks_is_refused_by_name(farm: ApiFarm) -> None:
    model = await farm.model(kind="mitsuba", probe={**NO_CAMERAS, "cameras": ["front"], "active_camera": "front"})
    body = await farm.spec(model=model, pipeline="mitsuba", settings={"camera": "top"})
    problem = problem_of(await farm.http.post("/v1/jobs", json=body), 422, "invalid-input")
    assert problem["field"] == "settings.camera"
    assert "front" in problem["remedy"]
