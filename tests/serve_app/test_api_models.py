"""Registration: a manifest of uploaded blobs becomes a model, or is refused with the reason."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

import pytest

from db.repositories import models as repository
from serve_app.models import service
from serve_app.settings import ApiSettings
from tests.serve_app.farm import ApiFarm, digest_of, problem_of
from tests.serve_app.test_api_access import bearer
from tests.serve_app.test_api_rates import settings


async def manifest(farm: ApiFarm, **overrides: Any) -> dict[str, Any]:
    digest = await farm.upload(b"scene")
    files = [{"path": "scene", "digest": digest, "size_bytes": 5}]
    return {"kind": "fake", "main": "scene", "files": files, **overrides}


class TestRegister:
    async def test_a_new_model_is_being_probed(self, farm: ApiFarm) -> None:
        answer = await farm.http.post("/v1/models", json={"name": "sphere", "manifest": await manifest(farm)})
        assert answer.status_code == 202
        model = answer.json()
        assert answer.headers["location"] == f"/v1/models/{model['id']}"
        assert (model["name"], model["kind"], model["state"]) == ("sphere", "fake", "probing")
        assert len(model["digest"]) == 64
        assert await farm.count("work where kind = 'probe'") == 1

    async def test_the_same_manifest_again_is_the_same_model(self, farm: ApiFarm) -> None:
        body = {"name": "sphere", "kind": "fake", "manifest": await manifest(farm)}
        first = await farm.http.post("/v1/models", json=body)
        again = await farm.http.post("/v1/models", json={**body, "name": "other"})
        assert (first.status_code, again.status_code) == (202, 200)
        assert again.json() == first.json()
        assert await farm.count("work where kind = 'probe'") == 1

    async def test_blobs_that_were_not_uploaded_are_named(self, farm: ApiFarm) -> None:
        body = await manifest(farm)
        body["files"].append({"path": "wood.png", "digest": digest_of(b"wood"), "size_bytes": 4})
        answer = await farm.http.post("/v1/models", json={"name": "sphere", "manifest": body})
        assert problem_of(answer, 422, "invalid-input")["lacking"] == [digest_of(b"wood")]
        assert await farm.count("model") == 0

    async def test_a_path_that_escapes_its_folder_is_refused(self, farm: ApiFarm) -> None:
        body = await manifest(farm)
        [file] = body["files"]
        for path in (
            "../scene",
            "/etc/passwd",
            "a/../../b",
            "C:/scene",
            "a\\b",
            "a//b",
            "./a",
            "a\x00b",
            "",
            "a/" * 600,
        ):
            body["files"] = [file, {**file, "path": path}]
            answer = await farm.http.post("/v1/models", json={"name": "sphere", "manifest": body})
            assert problem_of(answer, 422, "invalid-input")["field"] == "manifest.files.1.path", path
        assert await farm.count("model") == 0

    async def test_a_manifest_that_does_not_hold_together_is_refused(self, farm: ApiFarm) -> None:
        changes: list[dict[str, Any]] = [
            {"files": []},
            {"main": "other"},
            {"kind": "maya"},
            {"remap": {"//wood.png": "wood.png"}},
            {"colour": "red"},
        ]
        for change in changes:
            body = {"name": "sphere", "manifest": await manifest(farm, **change)}
            problem = problem_of(await farm.http.post("/v1/models", json=body), 422, "invalid-input")
            assert problem["field"].startswith("manifest"), change

    async def test_a_kind_that_contradicts_the_manifest_is_refused(self, farm: ApiFarm) -> None:
        body = {"name": "sphere", "kind": "blender", "manifest": await manifest(farm)}
        assert problem_of(await farm.http.post("/v1/models", json=body), 422, "invalid-input")["field"] == "kind"


class TestWaitingProbes:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return settings(max_waiting_probes_per_project=2)

    async def test_a_project_that_has_many_in_line_is_told_to_wait(self, farm: ApiFarm) -> None:
        for _ in range(2):
            await farm.register()
        digest = await farm.upload(b"another")
        file = {"path": "scene", "digest": digest, "size_bytes": 7}
        body = {"name": "third", "manifest": {"kind": "fake", "main": "scene", "files": [file]}}
        problem = problem_of(await farm.http.post("/v1/models", json=body), 409, "too-many-probes")
        assert problem["limit"] == 2
        assert "Register this one again" in problem["remedy"]


class TestRead:
    async def test_an_incomplete_model_tells_what_is_missing_and_what_to_do(self, farm: ApiFarm) -> None:
        model = await farm.register()
        missing = [{"raw": "//wood.png", "kind": "image", "owner": "wood"}]
        await farm.set_model(model["id"], "incomplete", probe={"missing": missing, "frame_start": 1})
        seen = (await farm.http.get(f"/v1/models/{model['id']}")).json()
        assert (seen["state"], seen["missing"], seen["probe"]["frame_start"]) == ("incomplete", missing, 1)
        assert "Upload the missing files" in seen["remedy"]

    async def test_waiting_ends_with_the_probe(self, farm: ApiFarm) -> None:
        model = await farm.register()
        waiting = asyncio.create_task(farm.http.get(f"/v1/models/{model['id']}?wait=20"))
        await farm.set_model(model["id"], "ready", probe={"frame_start": 1})
        async with asyncio.timeout(10):
            assert (await waiting).json()["state"] == "ready"

    async def test_waiting_does_not_hold_a_connection(self, farm: ApiFarm) -> None:
        model = await farm.register()
        waits = [asyncio.create_task(farm.http.get(f"/v1/models/{model['id']}?wait=20")) for _ in range(20)]
        async with asyncio.timeout(15):
            assert (await farm.http.get("/v1/models")).status_code == 200
            await farm.set_model(model["id"], "ready")
            assert {(await wait).json()["state"] for wait in waits} == {"ready"}

    async def test_models_come_in_pages_newest_first(self, farm: ApiFarm) -> None:
        made = [(await farm.register(name=f"m{number}"))["id"] for number in range(5)]
        first = (await farm.http.get("/v1/models?limit=2")).json()
        second = (await farm.http.get("/v1/models", params={"limit": 2, "cursor": first["next_cursor"]})).json()
        third = (await farm.http.get("/v1/models", params={"limit": 2, "cursor": second["next_cursor"]})).json()
        seen = [model["id"] for page in (first, second, third) for model in page["items"]]
        assert seen == made[::-1]
        assert third["next_cursor"] is None

    async def test_a_cursor_that_we_did_not_give_is_refused(self, farm: ApiFarm) -> None:
        for cursor in ("x", "bm9uc2Vuc2U", "W10", "WyJhIiwiYiJd", "é"):
            problem_of(await farm.http.get("/v1/models", params={"cursor": cursor}), 422, "bad-cursor")

    @pytest.mark.parametrize("model_id", ["00000000-0000-0000-0000-000000000000", "nonsense"])
    async def test_an_unknown_model_is_not_found_or_not_valid(self, farm: ApiFarm, model_id: str) -> None:
        answer = await farm.http.get(f"/v1/models/{model_id}")
        problem_of(answer, *((404, "not-found") if "-" in model_id else (422, "invalid-input")))


class TestKeepWarm:
    async def test_a_model_is_marked_and_unmarked_and_says_so(self, farm: ApiFarm) -> None:
        model = await farm.register()
        assert model["keep_warm"] is False
        for keep in (True, False):
            answer = await farm.http.patch(f"/v1/models/{model['id']}", json={"keep_warm": keep})
            assert (answer.status_code, answer.json()["keep_warm"]) == (200, keep)
            assert (await farm.http.get(f"/v1/models/{model['id']}")).json()["keep_warm"] is keep

    async def test_nothing_else_of_a_model_changes(self, farm: ApiFarm) -> None:
        model = await farm.register()
        for change in ({"name": "cube"}, {}, {"keep_warm": True, "digest": "0" * 64}):
            problem_of(await farm.http.patch(f"/v1/models/{model['id']}", json=change), 422, "invalid-input")

    async def test_a_model_that_no_replica_could_load_is_refused_with_what_to_do(self, farm: ApiFarm) -> None:
        model = await farm.register()
        await farm.set_model(model["id"], "incomplete", probe={"missing": [{"raw": "//wood.png"}]})
        answer = await farm.http.patch(f"/v1/models/{model['id']}", json={"keep_warm": True})
        assert "Upload the missing files" in problem_of(answer, 422, "invalid-input")["remedy"]

    async def test_a_key_of_a_project_may_look_and_not_mark(self, farm: ApiFarm) -> None:
        model = await farm.register()
        member = bearer(await farm.new_key("studio"))
        answer = await farm.http.patch(f"/v1/models/{model['id']}", json={"keep_warm": True}, headers=member)
        problem_of(answer, 403, "forbidden")

    async def test_another_projects_model_is_not_found(self, farm: ApiFarm) -> None:
        model = await farm.register()
        await farm.new_key("studio")
        elsewhere = {"X-Rayfarm-Project": "studio"}
        answer = await farm.http.patch(f"/v1/models/{model['id']}", json={"keep_warm": True}, headers=elsewhere)
        problem_of(answer, 404, "not-found")


class TestWait:
    async def test_who_waits_for_a_probe_reads_its_manifest_once(
        self, farm: ApiFarm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = await farm.http.post("/v1/models", json={"name": "sphere", "manifest": await manifest(farm)})
        whole: list[object] = []
        looks: list[object] = []

        async def get_model(*args: Any, **options: Any) -> Any:
            whole.append(options)
            return await repository.get_model(*args, **options)

        async def model_state(*args: Any, **options: Any) -> Any:
            looks.append(options)
            return await repository.model_state(*args, **options)

        monkeypatch.setattr(service, "get_model", get_model)
        monkeypatch.setattr(service, "model_state", model_state)
        answer = await farm.http.get(f"/v1/models/{made.json()['id']}", params={"wait": 1})
        assert answer.json()["state"] == "probing"
        assert len(whole) == 1
        assert len(looks) > 1

    async def test_a_project_without_a_place_to_wait_in_is_answered_at_once(self, farm: ApiFarm) -> None:
        made = await farm.http.post("/v1/models", json={"name": "sphere", "manifest": await manifest(farm)})
        services = farm.app.state.services
        with ExitStack() as held:
            for _ in range(services.settings.max_waits_per_project):
                held.enter_context(services.waits.take(farm.project_id))
            async with asyncio.timeout(services.settings.max_wait.total_seconds() / 2):
                answer = await farm.http.get(f"/v1/models/{made.json()['id']}", params={"wait": 3600})
        assert answer.json()["state"] == "probing"
