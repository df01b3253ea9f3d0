"""Every way to fail ends in a problem with an id; every answer carries the headers that browsers need."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from db.settings import DatabaseSettings
from jobs.errors import Conflict, Forbidden, InvalidInput, NotFound, RayfarmError, TooLarge, Unauthorized, Unavailable
from serve_app.app import build_app
from serve_app.places import Places, TooManyAtOnce
from serve_app.problems import status_of
from serve_app.settings import ApiSettings
from storage.settings import StorageSettings
from tests.serve_app.farm import ApiFarm, pieces, problem_of


class TestFramework:
    async def test_an_unknown_route_is_a_problem(self, farm: ApiFarm) -> None:
        problem = problem_of(await farm.http.get("/v1/nothing"), 404, "route-not-found")
        assert problem["instance"] == "/v1/nothing"
        assert "/docs" in problem["remedy"]

    async def test_a_method_that_a_route_does_not_take_is_a_problem(self, farm: ApiFarm) -> None:
        answer = await farm.http.delete("/v1/jobs")
        problem_of(answer, 405, "method-not-allowed")
        assert set(answer.headers["allow"].replace(" ", "").split(",")) & {"GET", "POST"}

    async def test_a_body_that_is_no_json_object_is_a_problem(self, farm: ApiFarm) -> None:
        for body in (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"{" * 5000):
            answer = await farm.http.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code in (400, 422), body
            assert answer.headers["content-type"] == "application/problem+json", body

    async def test_all_wrong_fields_are_told_at_once(self, farm: ApiFarm) -> None:
        answer = await farm.http.post("/v1/jobs", json={"model": "x", "frames": "", "colour": 1})
        problem = problem_of(answer, 422, "invalid-input")
        assert {error["field"] for error in problem["errors"]} == {"model", "frames", "colour"}

    async def test_a_body_of_another_type_is_told_which_type_to_send(self, farm: ApiFarm) -> None:
        for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/octet-stream"):
            answer = await farm.http.post("/v1/jobs", content=b'{"a": 1}', headers={"Content-Type": content_type})
            problem = problem_of(answer, 415, "invalid-input")
            assert content_type in problem["detail"]
            assert "application/json" in problem["remedy"]

    async def test_a_body_of_countless_wrong_items_gets_a_short_answer(self, farm: ApiFarm) -> None:
        body = b'{"digests":[' + b"1," * 100_000 + b"1]}"
        answer = await farm.http.post("/v1/blobs/lacking", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422
        assert len(answer.content) < 2000

    async def test_a_manifest_of_countless_wrong_files_gets_a_short_answer(self, farm: ApiFarm) -> None:
        manifest = {"main": "a.blend", "files": [1] * 10_000, "remap": {str(number): "../x" for number in range(5000)}}
        answer = await farm.http.post("/v1/models", json={"name": "x", "kind": "blender", "manifest": manifest})
        assert answer.status_code == 422
        assert "at least 1 item" not in answer.text
        assert len(answer.content) < 20_000


class TestBug:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        """Of its own, so that the app with a broken route is not another test's."""
        return ApiSettings(page_size=99)

    async def test_a_bug_is_a_problem_without_its_secrets(self, farm: ApiFarm) -> None:
        async def broken() -> None:
            raise RuntimeError("password=hunter2")

        farm.app.add_api_route("/v1/broken", broken)
        answer = await farm.http.get("/v1/broken")
        problem_of(answer, 500, "internal-error")
        assert "hunter2" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"


class TestLimits:
    @pytest.mark.parametrize("announced", [True, False])
    async def test_a_json_body_over_the_limit_is_refused(
        self, farm: ApiFarm, api_settings: ApiSettings, announced: bool
    ) -> None:
        body = json.dumps({"digests": ["0" * 64], "x": "x" * api_settings.max_json_bytes}).encode()
        content: Any = body if announced else pieces(body[:1000], body[1000:])
        answer = await farm.http.post(
            "/v1/blobs/lacking", content=content, headers={"Content-Type": "application/json"}
        )
        assert problem_of(answer, 413, "body-too-large")["limit_bytes"] == api_settings.max_json_bytes


class TestCrawl:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return ApiSettings.model_validate({"body_idle_timeout": "PT0.2S", "min_body_rate": 1000})

    async def test_a_body_that_drips_is_given_up_and_leaves_nothing(self, farm: ApiFarm, tmp_path: Path) -> None:
        async def dripping() -> AsyncIterator[bytes]:
            for _ in range(200):
                yield b"x"
                await asyncio.sleep(0.02)

        answer = await farm.http.put(f"/v1/blobs/{'0' * 64}", content=dripping())
        assert "bytes per second" in problem_of(answer, 408, "request-stalled")["detail"]
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


class TestPlaces:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return ApiSettings(max_uploads_per_project=1, max_streams_per_project=1)

    async def test_uploads_over_the_limit_are_refused_and_the_place_comes_back(self, farm: ApiFarm) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield b"sce"
            begun.set()
            await go_on.wait()
            yield b"ne"

        digest = hashlib.sha256(b"scene").hexdigest()
        first = asyncio.create_task(farm.http.put(f"/v1/blobs/{digest}", content=slow()))
        await begun.wait()
        refused = await farm.http.put(f"/v1/blobs/{digest}", content=b"scene")
        problem = problem_of(refused, 429, "too-many-at-once")
        assert problem["limit"] == 1
        assert refused.headers["retry-after"]
        go_on.set()
        assert (await first).status_code == 201
        assert (await farm.http.put(f"/v1/blobs/{digest}", content=b"scene")).status_code == 200

    def test_one_project_cannot_take_the_places_of_all(self) -> None:
        places, greedy, modest = Places(what="streams", total=3, per_project=2), uuid4(), uuid4()
        with places.take(greedy), places.take(greedy):
            with pytest.raises(TooManyAtOnce, match="this project"):
                places.require_one(greedy)
            with places.take(modest), pytest.raises(TooManyAtOnce, match="process"):
                places.require_one(modest)
        places.require_one(greedy)


class TestSilence:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return ApiSettings.model_validate({"body_idle_timeout": "PT0.1S"})

    async def test_a_json_body_that_stops_coming_is_given_up(self, farm: ApiFarm) -> None:
        never = asyncio.Event()

        async def stalled() -> AsyncIterator[bytes]:
            yield b"{"
            await never.wait()

        problem_of(await farm.http.post("/v1/jobs", content=stalled()), 408, "request-stalled")


class TestHeaders:
    async def test_a_request_id_is_taken_over_where_it_is_safe(self, farm: ApiFarm) -> None:
        answer = await farm.http.get("/v1/jobs", headers={"X-Request-Id": "trace-1:a.b_c"})
        assert answer.headers["x-request-id"] == "trace-1:a.b_c"
        for unsafe in (b"a b", b"x" * 129, b'a"b', "é".encode()):
            answer = await farm.http.get("/v1/jobs", headers={b"X-Request-Id": unsafe})
            assert len(answer.headers["x-request-id"]) == 32

    async def test_every_answer_forbids_framing_sniffing_and_referrers(self, farm: ApiFarm) -> None:
        for path in ("/", "/docs", "/v1/jobs", "/v1/health/live", "/v1/nothing", "/openapi.json"):
            headers = (await farm.http.get(path, headers={"Accept": "text/html"})).headers
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["referrer-policy"] == "no-referrer", path
            assert "frame-ancestors 'none'" in headers["content-security-policy"], path
            assert "default-src 'none'" in headers["content-security-policy"], path
            assert "unsafe-inline" not in headers["content-security-policy"], path


class TestOutage:
    @pytest.fixture
    def database_settings(self) -> DatabaseSettings:
        return DatabaseSettings.model_validate(
            {"url": "postgresql://nobody:secret@127.0.0.1:1/none", "connect_timeout": "PT2S"}
        )

    async def test_the_api_starts_and_says_what_is_away(
        self, database_settings: DatabaseSettings, storage_settings: StorageSettings
    ) -> None:
        settings = ApiSettings.model_validate({"ready_timeout": "PT0.5S"})
        app: FastAPI = build_app(settings, database_settings=database_settings, storage_settings=storage_settings)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://farm.test"
            ) as client,
        ):
            assert (await client.get("/v1/health/live")).json()["status"] == "alive"
            ready = await client.get("/v1/health/ready")
            problem = problem_of(ready, 503, "not-ready")
            assert {check["name"]: check["ok"] for check in problem["checks"]} == {
                "database": False, "schema": False, "storage": True,
                "dispatcher": False, "loops": False, "events": False,
            }  # fmt: skip
            assert "secret" not in ready.text
            answer = await client.get("/v1/jobs", headers={"Authorization": "Bearer rf_abcdefgh_" + "x" * 43})
            problem_of(answer, 503, "database-unavailable")
            assert answer.headers["retry-after"]


class TestHealth:
    async def test_a_farm_in_order_is_ready(self, farm: ApiFarm) -> None:
        answer = await farm.http.get("/v1/health/ready", headers={"Authorization": ""})
        assert answer.status_code == 200
        required = {check["name"] for check in answer.json()["checks"] if check["required"]}
        assert required == {"database", "schema", "storage"}
        assert required < {check["name"] for check in answer.json()["checks"] if check["ok"]}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInput(), 422),
        (TooLarge(), 413),
        (Unauthorized(), 401),
        (Forbidden(), 403),
        (NotFound(), 404),
        (Conflict(), 409),
        (Unavailable(), 503),
        (RayfarmError(), 500),
    ],
)
def test_each_error_of_the_domain_has_its_status(error: RayfarmError, status: int) -> None:
    assert status_of(error) == status


class TestMethods:
    async def test_allow_names_every_method_of_an_address_and_none_of_a_template_beside_it(self, farm: ApiFarm) -> None:
        somewhere = f"/v1/jobs/{farm.project_id}"
        for method, address, allowed in (
            ("OPTIONS", "/v1/keys", "GET, POST"),
            ("OPTIONS", f"{somewhere}/frames/actions", "POST"),
            ("GET", f"{somewhere}/frames/actions", "POST"),
            ("PUT", "/v1/blobs/lacking", "POST"),
            ("DELETE", "/v1/jobs/estimate", "POST"),
        ):
            answer = await farm.http.request(method, address)
            problem_of(answer, 405, "method-not-allowed")
            assert answer.headers["allow"] == allowed, (method, address)

    async def test_a_method_that_only_a_template_beside_it_takes_is_refused_before_the_body_and_the_project(
        self, farm: ApiFarm
    ) -> None:
        nowhere = {"X-Rayfarm-Project": "nowhere"}
        answer = await farm.http.patch("/v1/jobs/estimate", json={"weight": 1}, headers=nowhere)
        problem_of(answer, 405, "method-not-allowed")

    async def test_a_template_still_takes_what_is_no_address_of_its_own(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="1-4")
        assert (await farm.http.get(f"/v1/jobs/{job['id']}/frames/1")).status_code == 200
        problem_of(await farm.http.get(f"/v1/jobs/{job['id']}/frames/one"), 422, "invalid-input")

    async def test_a_number_is_no_yes_or_no(self, farm: ApiFarm) -> None:
        model = await farm.register()
        answer = await farm.http.patch(f"/v1/models/{model['id']}", json={"keep_warm": 1})
        assert problem_of(answer, 422, "invalid-input")["field"] == "keep_warm"

    @pytest.mark.parametrize("number", ["0", "1767225600", "17e8"])
    async def test_a_number_is_no_day_and_no_time(self, farm: ApiFarm, number: str) -> None:
        answer = await farm.http.get("/v1/projects/default/usage", params={"until": number})
        assert problem_of(answer, 422, "invalid-input")["field"] == "until"
        spec = await farm.spec(start_before=float(number))
        assert problem_of(await farm.http.post("/v1/jobs", json=spec), 422, "invalid-input")["field"] == "start_before"
        assert (await farm.http.get("/v1/projects/default/usage", params={"until": "2026-01-31"})).status_code == 200

    async def test_an_empty_project_header_is_refused_by_its_own_name(self, farm: ApiFarm) -> None:
        answer = await farm.http.get("/v1/me", headers={"X-Rayfarm-Project": ""})
        assert problem_of(answer, 404, "not-found")["detail"] == "There is no project ''."
