"""Feature flags: turned for all or for some, by administrators, at once; what is refused says by whom and why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from structlog.testing import capture_logs

from jobs.features import FLAGS, Feature
from tests.jobs.openjd_templates import RENDER
from tests.serve_app.conftest import Server
from tests.serve_app.farm import ApiFarm, bearer, problem_of
from tests.serve_app.queues import Room, aws_server, room
from tests.serve_app.test_api_notices import ADA, asks

__all__ = ["aws_server", "room"]

SPLIT = {"mode": "borders", "parts": 2}
STILL = {"Accept": "image/png"}


async def turn(farm: ApiFarm, feature: Feature, **change: Any) -> Any:
    answer = await farm.http.put(f"/v1/flags/{feature}", json={"enabled": False, **change})
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestFlags:
    async def test_they_are_listed_with_what_they_turn_and_as_declared(self, farm: ApiFarm) -> None:
        items = (await farm.http.get("/v1/flags")).json()["items"]
        assert {each["name"]: (each["turns"], each["enabled"]) for each in items} == {
            name: (flag.turns, flag.default) for name, flag in FLAGS.items()
        }
        assert all(each["changed_by"] is None for each in items)
        assert (await farm.http.get("/v1/flags/frame-splitting")).json() in items

    async def test_what_is_set_is_shown_noted_and_taken_back(self, farm: ApiFarm) -> None:
        await farm.new_key("film")
        view = await turn(farm, Feature.FRAME_SPLITTING, enabled=True, projects=["film", "film"], note="Trial.")
        assert (view["enabled"], view["projects"], view["percent"], view["note"]) == (True, ["film"], 0, "Trial.")
        assert view["changed_by"] == "key test"
        assert (await turn(farm, Feature.FRAME_SPLITTING, enabled=True, projects=["film"], percent=5))["percent"] == 5
        assert (await farm.http.delete("/v1/flags/frame-splitting")).status_code == 204
        after = (await farm.http.get("/v1/flags/frame-splitting")).json()
        assert (after["enabled"], after["percent"], after["changed_by"]) == (True, 100, None)
        noted = (await farm.http.get("/v1/audit", params={"action": "flag.set"})).json()["items"]
        assert {each["resource_id"] for each in noted} == {"frame-splitting"}
        assert len((await farm.http.get("/v1/audit", params={"action": "flag.reset"})).json()["items"]) == 1

    async def test_what_there_is_not_is_refused(self, farm: ApiFarm) -> None:
        problem = problem_of(await farm.http.put("/v1/flags/warp", json={"enabled": True}), 404, "not-found")
        assert "frame-splitting" in problem["remedy"]
        there = "/v1/flags/frame-splitting"
        problem_of(await farm.http.put(there, json={"enabled": True, "projects": ["no"]}), 422, "invalid-input")
        problem_of(await farm.http.put(there, json={"enabled": True, "percent": 101}), 422, "invalid-input")
        assert await farm.count("feature_flag") == 0

    async def test_maintenance_keeps_nobody_from_turning_one(self, farm: ApiFarm) -> None:
        assert (await farm.http.put("/v1/maintenance", json={"active": True})).is_success
        await turn(farm, Feature.FRAME_SPLITTING)
        assert (await farm.http.delete("/v1/flags/frame-splitting")).status_code == 204


class TestGates:
    async def test_splits_are_refused_with_the_note_and_whole_frames_are_not(self, farm: ApiFarm) -> None:
        await turn(farm, Feature.FRAME_SPLITTING, note="Merges fail since noon.")
        spec = await farm.spec(split=SPLIT)
        for path in ("/v1/jobs", "/v1/jobs/estimate"):
            problem = problem_of(await farm.http.post(path, json=spec), 409, "feature-off")
            assert "Merges fail since noon." in problem["detail"]
            assert "split" in problem["remedy"]
            assert problem["feature"] == "frame-splitting"
        assert await farm.count("job") == 0
        job = await farm.submit()
        clone = await farm.http.post(f"/v1/jobs/{job['id']}/clone", json={"split": SPLIT})
        problem_of(clone, 409, "feature-off")
        await farm.http.delete("/v1/flags/frame-splitting")
        assert (await farm.http.post("/v1/jobs", json=spec)).status_code == 202

    async def test_a_project_that_is_named_has_it_and_another_does_not(self, farm: ApiFarm) -> None:
        other = bearer(await farm.new_key("other"))
        await turn(farm, Feature.FRAME_SPLITTING, enabled=True, projects=["default"])
        assert (await farm.http.post("/v1/jobs", json=await farm.spec(split=SPLIT))).status_code == 202
        spec = {"pipeline": "fake", "frames": "1", "split": SPLIT, "model": str(farm.project_id)}
        problem_of(await farm.http.post("/v1/jobs", json=spec, headers=other), 409, "feature-off")

    async def test_every_replica_of_the_api_goes_by_it_at_once(self, farm: ApiFarm, server: Server) -> None:
        spec = await farm.spec(split=SPLIT)
        assert (await server.http.post("/v1/jobs", json=spec)).status_code == 202
        await turn(farm, Feature.FRAME_SPLITTING)
        problem_of(await server.http.post("/v1/jobs", json=spec), 409, "feature-off")

    async def test_a_job_of_before_goes_on(self, farm: ApiFarm) -> None:
        job = await farm.submit(split=SPLIT)
        await turn(farm, Feature.FRAME_SPLITTING)
        for command in ("pause", "resume"):
            assert (await farm.http.post(f"/v1/jobs/{job['id']}/{command}")).is_success

    async def test_a_still_is_refused_or_described_where_that_will_do(self, farm: ApiFarm) -> None:
        await turn(farm, Feature.INTERACTIVE_STILLS)
        spec = await farm.spec(frames="1")
        problem_of(await farm.http.post("/v1/jobs", json=spec, headers=STILL), 409, "feature-off")
        assert await farm.count("job") == 0
        either = {"Accept": "image/png, application/json;q=0.5"}
        answer = await farm.http.post("/v1/jobs", json=spec, headers=either)
        assert (answer.status_code, answer.json()["priority"]) == (202, "normal")

    async def test_a_job_that_tells_people_is_refused(self, farm: ApiFarm) -> None:
        ada = await asks(farm, ADA)
        await turn(farm, Feature.JOB_NOTIFY)
        spec = await farm.spec(notify={"email": ["me"]})
        problem_of(await farm.http.post("/v1/jobs", json=spec, headers=ada), 409, "feature-off")

    async def test_templates_are_refused(self, farm: ApiFarm) -> None:
        await turn(farm, Feature.OPENJD_IMPORT)
        body = {"template": RENDER, "model": await farm.model(kind="blender")}
        problem_of(await farm.http.post("/v1/jobs:import-openjd", json=body), 409, "feature-off")
        await farm.http.delete("/v1/flags/openjd-import")
        assert (await farm.http.post("/v1/jobs:import-openjd", json=body)).status_code == 202

    async def test_messages_wait_however_often_they_come_until_it_is_on(self, room: Room) -> None:
        admin, flag = bearer(room.farm.key), "/v1/flags/message-intake"
        await room.send_job()
        assert (await room.farm.http.put(flag, json={"enabled": False}, headers=admin)).is_success
        intake = room.intake(max_receives=1, longest_pause=timedelta(0))
        with capture_logs():
            for _ in range(3):
                assert await room.take_in(intake) == 0
        assert (room.left(), room.refused()) == ((1, 0), [])
        assert (await room.farm.http.delete(flag, headers=admin)).is_success
        assert await room.take_in(intake) == 1
        assert await room.farm.count("job") == 1
