"""What the probe of a scene found decides what jobs of the cycles pipeline are taken."""

from __future__ import annotations

from tests.serve_app.farm import ApiFarm, problem_of

PROBE = {"cameras": ["Camera"], "active_camera": "Camera", "view_layers": ["ViewLayer"], "fps": 24.0}


async def test_a_scene_whose_frames_lean_on_each_other_has_to_be_baked_or_played(farm: ApiFarm) -> None:
    flag = {"owner": "Flag", "kind": "cloth", "baked": False}
    model = await farm.model(kind="blender", probe={**PROBE, "simulations": [flag]})
    body = await farm.spec(model=model, pipeline="cycles")
    problem = problem_of(await farm.http.post("/v1/jobs", json=body), 422, "invalid-input")
    assert "cloth of 'Flag'" in problem["detail"]
    assert "pre_roll" in problem["remedy"]
    await farm.submit(model=model, pipeline="cycles", settings={"simulations": "pre_roll"})


async def test_a_scene_that_cannot_be_split_is_refused_with_what_lifts_it(farm: ApiFarm) -> None:
    probe = {**PROBE, "samples": 16, "details": {"split_blockers": ["adaptive_sampling"]}}
    model = await farm.model(kind="blender", probe=probe)
    split = {"mode": "samples", "parts": 2}
    body = await farm.spec(model=model, pipeline="cycles", split=split)
    problem = problem_of(await farm.http.post("/v1/jobs", json=body), 422, "invalid-input")
    assert problem["field"] == "split.mode"
    assert "Set adaptive_sampling to false" in problem["remedy"]
    await farm.submit(model=model, pipeline="cycles", settings={"adaptive_sampling": False}, split=split)


async def test_a_film_that_must_have_sound_is_refused_where_it_cannot(farm: ApiFarm) -> None:
    model = await farm.model(kind="blender", probe={**PROBE, "details": {"sound": True}})
    silent = await farm.model(kind="blender", probe=PROBE)
    wish = {"pipeline": "cycles", "outputs": {"video": {"audio": "scene"}}}
    for body, words in (
        ({"model": silent, **wish}, "the scene has no sound"),
        ({"model": model, **wish, "frames": "1-9:2"}, "do not follow each other"),
        ({"model": model, "pipeline": "cycles", "outputs": {"video": {"audio": "scene", "fps": 12}}}, "the scene 24"),
    ):
        problem = problem_of(await farm.http.post("/v1/jobs", json=await farm.spec(**body)), 422, "invalid-input")
        assert words in problem["detail"]
        assert problem["field"] == "outputs.video.audio"
    await farm.submit(model=model, **wish)
    await farm.submit(model=silent, pipeline="cycles", outputs={"video": {"audio": "auto"}})
