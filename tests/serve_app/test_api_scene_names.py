"""Cameras and view layers are asked of scenes that have such things, and of no other model."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serve_app.farm import ApiFarm, problem_of

NO_CAMERAS = {"cameras": [], "active_camera": None, "view_layers": [], "fps": 24.0, "resolution": [64, 64, 100]}
"""What a probe says where its pipeline knows no cameras."""
CLOUD: dict[str, Any] = {"camera_sizes": [], "camera_counts": [], "distorted_cameras": [], "unusable_cameras": []}
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
    ids=["cloud", "cloud with a path, left out", "cloud with a path", "weights"],
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


async def stored_settings(farm: ApiFarm, *, cameras: list[str], settings: dict[str, Any]) -> Any:
    """Of a job with a cloud that has these camera files."""
    each = {"camera_sizes": ["640x360"] * len(cameras), "camera_counts": ["24"] * len(cameras)}
    model = await farm.model(kind="splats", probe={**NO_CAMERAS, "cameras": cameras, "details": {**CLOUD, **each}})
    return (await farm.submit(model=model, pipeline="splats", settings=settings))["spec"]["settings"]


async def test_a_cloud_with_one_camera_file_is_drawn_along_it_and_the_stored_settings_say_so(farm: ApiFarm) -> None:
    assert await stored_settings(farm, cameras=["path.json"], settings={"width": 64}) == {**PATH, "width": 64}


@pytest.mark.parametrize(
    ("cameras", "settings"),
    [([], {}), (["a.json", "b.json"], {}), (["path.json"], {"cameras": {"type": "orbit"}})],
    ids=["no file", "two files", "an orbit is asked for"],
)
async def test_cameras_stay_as_asked_where_the_model_does_not_settle_them(
    farm: ApiFarm, cameras: list[str], settings: dict[str, Any]
) -> None:
    assert await stored_settings(farm, cameras=cameras, settings=settings) == settings


async def test_a_job_without_cameras_has_only_the_frames_of_the_models_one_path(farm: ApiFarm) -> None:
    model = await farm.model(kind="splats", probe={**NO_CAMERAS, "cameras": ["path.json"], "details": WITH_PATH})
    body = await farm.spec(model=model, pipeline="splats", frames="25")
    assert problem_of(await farm.http.post("/v1/jobs", json=body), 422, "invalid-input")["field"] == "frames"


CURVED = {**CLOUD, "camera_sizes": ["64x48"], "camera_counts": ["2"], "distorted_cameras": ["path.json"]}


@pytest.mark.parametrize(
    ("kind", "facts", "settings", "field", "remedy"),
    [
        (
            "splats",
            {"cameras": ["path.json"], "details": WITH_PATH},
            {"cameras": {"type": "file", "path": "pth.json"}},
            "settings.cameras.path",
            "Use path.json, or upload it beside the cloud",
        ),
        ("splats", {"details": CLOUD}, PATH, "settings.cameras.path", "Upload it beside the cloud"),
        ("splats", {"cameras": ["path.json"], "details": CURVED}, {}, "settings.cameras", '"ignore_distortion": true'),
        (
            "diffusion",
            {"details": {"loras": ["style.safetensors"]}},
            {**WORDS, "loras": [{"path": "stile.safetensors"}]},
            "settings.loras",
            "Use style.safetensors, or upload it beside the weights",
        ),
        (
            "diffusion",
            {"details": {"pictures": []}},
            {**WORDS, "init_image": "a.png"},
            "settings.init_image",
            "Upload it beside the weights",
        ),
    ],
    ids=["other file", "no file", "distorted", "lora", "picture"],
)
async def test_a_file_that_the_model_lacks_is_refused_with_what_to_do_about_that_file(
    farm: ApiFarm, kind: str, facts: dict[str, Any], settings: dict[str, Any], field: str, remedy: str
) -> None:
    model = await farm.model(kind=kind, probe={**NO_CAMERAS, **facts})
    body = await farm.spec(model=model, pipeline=kind, settings=settings)
    problem = problem_of(await farm.http.post("/v1/jobs", json=body), 422, "invalid-input")
    assert problem["field"] == field
    assert remedy in problem["remedy"]
    assert "too large" not in problem["remedy"]
