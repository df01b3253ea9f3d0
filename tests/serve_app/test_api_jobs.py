"""Jobs over REST: what is refused and why, and what is told of one that lives."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from jobs.spec import JobLimits
from serve_app.paging import cursor_of
from serve_app.settings import ApiSettings
from tests.serve_app.farm import ApiFarm, problem_of

PROBE = {"cameras": ["Camera", "Top"], "active_camera": "Camera", "view_layers": ["ViewLayer"], "fps": 24.0}


RANGES = (
    ("", 422, "empty"),
    ("  ", 422, "empty"),
    ("10-1:2", 422, "backwards"),
    ("1-10:-2", 422, "forwards"),
    ("1-10:0", 422, "step"),
    ("1,,2", 422, "empty item"),
    ("a-b", 422, "not a frame"),
    ("1-9999999", 422, "out of bounds"),
    ("1-1000001", 413, "1,000,000"),
)

SETTINGS: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    ("fake", {"render_msec": 5}, "settings.render_msec", "render_ms instead of render_msec"),
    ("fake", {"render_ms": -1}, "settings.render_ms", "width"),
    ("fake", {"fail_frames": [{"frame": 1, "time": 2}]}, "settings.fail_frames.0.time", "fail_frames"),
    ("cycles", {"samples": 0}, "settings.samples", "samples"),
    ("cycles", {"format": "tiff"}, "settings.format", "format"),
    ("cycles", {"format": "jpeg", "color_depth": 16}, "settings", "color_depth"),
    ("cycles", {"format": "exr", "quality": 80}, "settings", "quality"),
    ("cycles", {"resolution_x": 65536, "resolution_y": 65536}, "settings", "resolution_x"),
)

FIELDS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"colour": "red"}, "colour"),
    ({"limits": {"tries": 0}}, "limits.tries"),
    ({"outputs": {"video": {"fps": 0}}}, "outputs.video.fps"),
    ({"priority": "urgent"}, "priority"),
    ({"order": "random"}, "order"),
    ({"weight": 0}, "weight"),
    ({"name": "  "}, "name"),
    ({"name": "red\x1b[31m"}, "name"),
    ({"name": "two\nlines"}, "name"),
    ({"name": "turned \u202e round"}, "name"),
    ({"model": "scene"}, "model"),
    ({"pipeline": "maya"}, "pipeline"),
)


class TestBadInput:
    async def test_a_wrong_frame_range_is_refused_with_the_way_to_write_it(self, farm: ApiFarm) -> None:
        for frames, status, says in RANGES:
            answer = await farm.http.post("/v1/jobs", json={"model": str(uuid4()), "frames": frames})
            problem = problem_of(answer, status, "too-large" if status == 413 else "invalid-input")
            assert says in problem["detail"], frames
            assert problem["field"] == "frames", frames
            assert says == "out of bounds" or problem["remedy"], frames
        assert await farm.count("job") == 0

    async def test_settings_that_a_pipeline_does_not_take_are_named(self, farm: ApiFarm) -> None:
        for pipeline, settings, field, says in SETTINGS:
            body = {"model": str(uuid4()), "pipeline": pipeline, "frames": "1", "settings": settings}
            problem = problem_of(await farm.http.post("/v1/jobs", json=body), 422, "invalid-input")
            assert problem["field"] == field, settings
            assert says in problem["remedy"], settings
            assert problem["errors"][0]["field"] == field, settings
        assert await farm.count("job") == 0

    async def test_an_unknown_or_wrong_field_is_named(self, farm: ApiFarm) -> None:
        for change, field in FIELDS:
            body = {"model": str(uuid4()), "frames": "1", **change}
            problem = problem_of(await farm.http.post("/v1/jobs", json=body), 422, "invalid-input")
            assert problem["field"] == field, change

    async def test_text_that_no_database_holds_is_refused(self, farm: ApiFarm) -> None:
        changes: tuple[tuple[dict[str, Any], str], ...] = (
            ({"name": "a\x00b"}, "name"),
            ({"name": "\ud800"}, "name"),
            ({"labels": {"a\x00": "b"}}, "labels"),
            ({"labels": {"a": "\x00"}}, "labels.a"),
            ({"labels": {"\ud800": "b"}}, "labels"),
        )
        for change, field in changes:
            body = json.dumps({**await farm.spec(model=str(uuid4())), **change})
            answer = await farm.http.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
            assert problem_of(answer, 422, "invalid-input")["field"].startswith(field), change

    async def test_a_specification_that_is_far_too_long_is_refused(
        self, farm: ApiFarm, api_settings: ApiSettings
    ) -> None:
        labels = {"note": "x" * int(api_settings.max_spec_bytes)}
        answer = await farm.http.post("/v1/jobs", json=await farm.spec(model=str(uuid4()), labels=labels))
        assert problem_of(answer, 413, "too-large")["limit_bytes"] == api_settings.max_spec_bytes

    async def test_an_unknown_model_is_not_found(self, farm: ApiFarm) -> None:
        problem_of(await farm.http.post("/v1/jobs", json=await farm.spec(model=str(uuid4()))), 404, "not-found")

    async def test_a_model_of_another_kind_is_refused(self, farm: ApiFarm) -> None:
        answer = await farm.http.post("/v1/jobs", json=await farm.spec(pipeline="cycles"))
        problem = problem_of(answer, 422, "invalid-input")
        assert problem["field"] == "pipeline"
        assert "blender" in problem["remedy"]


class TestSplit:
    @pytest.mark.parametrize(
        ("pipeline", "settings", "split", "field", "says"),
        [
            ("cycles", {"engine": "eevee"}, {"mode": "borders", "parts": 4}, "settings.engine", "EEVEE renders each"),
            (
                "fake",
                {"samples": 3},
                {"mode": "samples", "parts": 4},
                "split.parts",
                "3 samples cannot be shared out over 4 parts",
            ),
        ],
    )
    async def test_what_a_pipeline_cannot_split_is_refused_by_name(
        self,
        farm: ApiFarm,
        pipeline: str,
        settings: dict[str, Any],
        split: dict[str, Any],
        field: str,
        says: str,
    ) -> None:
        body = await farm.spec(model=str(uuid4()), pipeline=pipeline, settings=settings, split=split)
        problem = problem_of(await farm.http.post("/v1/jobs", json=body), 422, "invalid-input")
        assert problem["field"] == field
        assert says in problem["detail"]
        assert problem["remedy"]
        assert await farm.count("job") == 0

    async def test_parts_that_do_not_go_with_the_mode_are_refused(self, farm: ApiFarm) -> None:
        for split in ({"mode": "none", "parts": 2}, {"mode": "borders"}, {"mode": "borders", "parts": 65}):
            body = await farm.spec(model=str(uuid4()), split=split)
            problem = problem_of(await farm.http.post("/v1/jobs", json=body), 422, "invalid-input")
            assert problem["field"].startswith("split"), split

    async def test_a_pipeline_says_how_it_can_split(self, farm: ApiFarm) -> None:
        assert (await farm.http.get("/v1/pipelines/fake")).json()["split_modes"] == ["borders", "samples"]
        assert (await farm.http.get("/v1/pipelines/cycles")).json()["split_modes"] == ["borders", "samples"]

    async def test_a_split_frame_renders_with_its_first_part_and_tells_how_many_are_done(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="5-6", split={"mode": "borders", "parts": 3})
        assert job["spec"]["split"] == {"mode": "borders", "parts": 3}
        await farm.start(job["id"])
        replica, part = await farm.claim(job["id"], frames=1)
        assert part.part == 0
        first, second = (await farm.http.get(job["links"]["frames"])).json()["items"]
        assert (first["state"], first["replica"], first["parts"], first["parts_done"]) == (
            "rendering",
            str(replica),
            3,
            0,
        )
        assert (second["state"], second["parts"]) == ("queued", None)


class TestFarmLimit:
    @pytest.fixture(autouse=True)
    def _small_farm(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RAYFARM_LIMITS_MAX_FRAMES_PER_JOB", "5")

    async def test_a_range_over_the_farms_own_limit_is_refused(self, farm: ApiFarm) -> None:
        problem = problem_of(await farm.http.post("/v1/jobs", json=await farm.spec(frames="1-6")), 413, "too-large")
        assert (problem["limit"], problem["field"]) == (5, "frames")
        await farm.submit(frames="1-5")


class TestLongestFrame:
    async def test_a_frame_timeout_over_the_farms_limit_is_refused_with_the_limit_the_setting_and_the_remedy(
        self, farm: ApiFarm
    ) -> None:
        four_hours = 4 * 3600
        body = await farm.spec(limits={"frame_timeout_s": four_hours + 1})
        problem = problem_of(await farm.http.post("/v1/jobs", json=body), 413, "too-large")
        assert (problem["limit"], problem["field"]) == (four_hours, "limits.frame_timeout_s")
        assert problem["setting"] == "RAYFARM_LIMITS_MAX_FRAME_TIMEOUT"
        assert "a frame may take 14400 s" in problem["detail"]
        assert "Ask for 14400 or less" in problem["remedy"]
        assert problem["setting"] in problem["remedy"]
        assert await farm.count("job") == 0

    async def test_a_frame_timeout_at_the_limit_is_taken_as_it_is(self, farm: ApiFarm) -> None:
        job = await farm.submit(limits={"frame_timeout_s": 4 * 3600})
        assert job["spec"]["limits"]["frame_timeout_s"] == 4 * 3600

    async def test_a_job_that_names_none_has_the_default(self, farm: ApiFarm) -> None:
        job = await farm.submit(limits={"tries": 2})
        assert job["spec"]["limits"] == {**JobLimits().model_dump(), "tries": 2}


class TestFarmOfShortFrames:
    @pytest.fixture(autouse=True)
    def _short_frames(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RAYFARM_LIMITS_MAX_FRAME_TIMEOUT", "PT90S")

    async def test_a_job_that_names_no_frame_timeout_is_taken_under_the_farms_limit(self, farm: ApiFarm) -> None:
        job = await farm.submit(limits={"tries": 2})
        limits = job["spec"]["limits"]
        assert (limits["frame_timeout_s"], limits["tries"]) == (90, 2)

    async def test_a_job_that_names_a_longer_one_is_refused(self, farm: ApiFarm) -> None:
        body = await farm.spec(limits={"frame_timeout_s": 14400})
        assert problem_of(await farm.http.post("/v1/jobs", json=body), 413, "too-large")["limit"] == 90


class TestModelState:
    async def test_a_model_that_is_being_probed_has_to_be_waited_for(self, farm: ApiFarm) -> None:
        model = (await farm.register())["id"]
        answer = await farm.http.post("/v1/jobs", json=await farm.spec(model=model))
        assert f"/v1/models/{model}?wait=" in problem_of(answer, 409, "model-not-ready")["remedy"]

    async def test_an_incomplete_model_is_refused_with_the_missing_files(self, farm: ApiFarm) -> None:
        model = (await farm.register())["id"]
        missing = [{"raw": "//wood.png", "kind": "image", "owner": "wood"}]
        await farm.set_model(model, "incomplete", probe={"missing": missing})
        answer = await farm.http.post("/v1/jobs", json=await farm.spec(model=model))
        problem = problem_of(answer, 409, "model-incomplete")
        assert problem["missing"] == missing
        assert "//wood.png" in problem["detail"]
        assert "Upload" in problem["remedy"]

    async def test_an_invalid_model_is_refused_with_its_own_problem(self, farm: ApiFarm) -> None:
        model = (await farm.register())["id"]
        await farm.set_model(model, "invalid", problem={"message": "The file is truncated.", "remedy": "Save again."})
        problem = problem_of(await farm.http.post("/v1/jobs", json=await farm.spec(model=model)), 409, "model-invalid")
        assert "truncated" in problem["detail"]
        assert problem["remedy"] == "Save again."

    @pytest.mark.parametrize(
        ("probe", "settings", "status", "code", "says"),
        [
            ({"cameras": [], "active_camera": None}, {}, 409, "model-invalid", "no camera"),
            ({"active_camera": None}, {}, 422, "invalid-input", "no active camera"),
            ({}, {"camera": "Side"}, 422, "invalid-input", "no camera 'Side'"),
            ({}, {"view_layer": "Fog"}, 422, "invalid-input", "no view layer 'Fog'"),
            ({}, {"view_layers": ["ViewLayer", "Fog"]}, 422, "invalid-input", "no view layer 'Fog'"),
            ({"resolution": [65536, 65536, 100]}, {}, 422, "invalid-input", "65536x65536 at 100 %"),
            ({"resolution": [65536, 65536, 1]}, {"percentage": 100}, 422, "invalid-input", "65536x65536 at 100 %"),
        ],
    )
    async def test_a_camera_or_layer_that_the_scene_lacks_is_refused(
        self, farm: ApiFarm, probe: dict[str, Any], settings: dict[str, Any], status: int, code: str, says: str
    ) -> None:
        model = await farm.model(kind="blender", probe={**PROBE, **probe})
        body = await farm.spec(model=model, pipeline="cycles", settings=settings)
        assert says in problem_of(await farm.http.post("/v1/jobs", json=body), status, code)["detail"]

    async def test_what_the_scene_has_is_accepted(self, farm: ApiFarm) -> None:
        model = await farm.model(kind="blender", probe=PROBE)
        job = await farm.submit(model=model, pipeline="cycles", settings={"camera": "Top", "samples": 4})
        assert job["spec"]["settings"] == {"camera": "Top", "samples": 4}


class TestSubmit:
    async def test_a_job_is_accepted_with_its_address(self, farm: ApiFarm) -> None:
        answer = await farm.http.post("/v1/jobs", json=await farm.spec(name="dusk"))
        assert answer.status_code == 202
        job = answer.json()
        assert answer.headers["location"] == job["links"]["self"] == f"/v1/jobs/{job['id']}"
        assert (job["name"], job["state"], job["counts"]["total"], job["progress"]) == ("dusk", "queued", 4, 0)
        assert job["wait"]["words"]
        assert (await farm.http.get(job["links"]["self"])).json() == job

    async def test_a_million_frames_are_two_rows(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="1-1000000")
        assert job["counts"]["total"] == 1_000_000
        assert await farm.count("work where job_id is not null") == 1
        page = (await farm.http.get(f"{job['links']['frames']}?limit=2")).json()
        assert [(frame["frame"], frame["state"]) for frame in page["items"]] == [(1, "queued"), (2, "queued")]

    async def test_a_repeated_request_with_one_key_is_one_job(self, farm: ApiFarm) -> None:
        spec = await farm.spec()
        headers = {"Idempotency-Key": "k-1"}
        first = await farm.http.post("/v1/jobs", json=spec, headers=headers)
        again = await farm.http.post("/v1/jobs", json=spec, headers=headers)
        assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
        assert await farm.count("job") == 1
        other = await farm.http.post("/v1/jobs", json={**spec, "frames": "9"}, headers=headers)
        assert problem_of(other, 409, "conflict")["job"] == first.json()["id"]


class TestLife:
    async def test_counts_pace_and_warmth_follow_the_commits(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        await farm.render(job["id"], frames=3)
        seen = (await farm.http.get(job["links"]["self"])).json()
        assert seen["state"] == "running"
        assert (seen["counts"]["committed"], seen["progress"]) == (3, 0.75)
        assert (seen["warm"], seen["cold"]) == (2, 1)
        assert seen["seconds_per_frame"] == pytest.approx(0.0125)
        assert seen["frames_per_second"] > 0
        assert seen["eta_seconds"] > 0
        await farm.render(job["id"], frames=1)
        done = (await farm.http.get(job["links"]["self"])).json()
        assert (done["state"], done["end_reason"], done["progress"], done["wait"]) == ("succeeded", "ok", 1, None)

    async def test_it_says_why_it_waits_in_words(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        await farm.execute("update job set wait_reason = 'no_replica_fits'")
        wait = (await farm.http.get(job["links"]["self"])).json()["wait"]
        assert wait["reason"] == "no_replica_fits"
        assert "No worker fits" in wait["words"]

    async def test_cancel_ends_a_queued_job_and_a_second_cancel_changes_nothing(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        for _ in range(2):
            answer = await farm.http.post(job["links"]["cancel"])
            assert answer.status_code == 202
            assert answer.json()["state"] == "canceled"
            assert answer.json()["counts"]["canceled"] == 4

    async def test_a_job_that_renders_is_canceling_until_its_replica_let_go(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        await farm.start(job["id"])
        await farm.claim(job["id"], frames=2)
        assert (await farm.http.post(job["links"]["cancel"])).json()["state"] == "canceling"

    async def test_a_job_that_succeeded_cannot_be_canceled(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="1")
        await farm.render(job["id"], frames=1)
        problem = problem_of(await farm.http.post(job["links"]["cancel"]), 409, "conflict")
        assert problem["state"] == "succeeded"

    async def test_jobs_are_listed_newest_first_by_state(self, farm: ApiFarm) -> None:
        model = await farm.model()
        jobs = [(await farm.submit(model=model, name=f"j{number}"))["id"] for number in range(3)]
        await farm.http.post(f"/v1/jobs/{jobs[1]}/cancel")
        first = (await farm.http.get("/v1/jobs?limit=2")).json()
        rest = (await farm.http.get("/v1/jobs", params={"limit": 2, "cursor": first["next_cursor"]})).json()
        assert [job["id"] for job in first["items"] + rest["items"]] == jobs[::-1]
        canceled = (await farm.http.get("/v1/jobs?state=canceled&state=failed")).json()
        assert [job["id"] for job in canceled["items"]] == [jobs[1]]
        problem_of(await farm.http.get("/v1/jobs?state=sleeping"), 422, "invalid-input")


class TestFrames:
    async def test_frames_come_in_the_order_of_the_range_with_their_states(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="10-4:-2")
        await farm.start(job["id"])
        replica, chunk = await farm.claim(job["id"], frames=3)
        await farm.commit(replica, chunk, 0)
        page = (await farm.http.get(job["links"]["frames"])).json()
        seen = [(frame["ordinal"], frame["frame"], frame["state"]) for frame in page["items"]]
        assert seen == [(0, 10, "committed"), (1, 8, "rendering"), (2, 6, "leased"), (3, 4, "queued")]
        assert page["items"][0]["render_ms"] == 12.5
        only = (await farm.http.get(f"{job['links']['frames']}?state=committed&state=queued")).json()
        assert [frame["frame"] for frame in only["items"]] == [10, 4]
        one = (await farm.http.get(f"{job['links']['frames']}/8")).json()
        assert (one["state"], one["replica"]) == ("rendering", str(replica))

    async def test_pages_of_frames_join_without_gap(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="1-7")
        seen: list[int] = []
        cursor = None
        while True:
            params = {"limit": 3, **({"cursor": cursor} if cursor else {})}
            page = (await farm.http.get(job["links"]["frames"], params=params)).json()
            seen += [frame["frame"] for frame in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == list(range(1, 8))

    async def test_a_cursor_outside_of_any_range_is_refused(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        for ordinal in (-5, 10**30):
            answer = await farm.http.get(job["links"]["frames"], params={"cursor": cursor_of(ordinal)})
            problem_of(answer, 422, "bad-cursor")

    async def test_every_attempt_is_told_with_its_log(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        await farm.start(job["id"])
        replica, chunk = await farm.claim(job["id"], frames=2)
        await farm.fail(replica, chunk, 1)
        await farm.commit(replica, chunk, 0)
        [failed] = (await farm.http.get(f"{job['links']['frames']}/2/attempts")).json()["items"]
        assert (failed["frame"], failed["outcome"], failed["message"]) == (2, "engine_error", "No such material.")
        assert failed["log"] == "Error: no such material"
        [done] = (await farm.http.get(f"{job['links']['frames']}/1/attempts")).json()["items"]
        assert (done["outcome"], done["timings_ms"]) == ("ok", {"render": 12.5, "write": 1.0})

    async def test_a_frame_that_the_job_does_not_have_is_not_found(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="1-3")
        for path in ("/4", "/4/attempts", "/-1"):
            problem = problem_of(await farm.http.get(job["links"]["frames"] + path), 404, "not-found")
            assert "1-3" in problem["remedy"]
