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
