"""Every way to fail ends in a problem with an id; every answer carries the headers that browsers need."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from db.settings import DatabaseSettings
from jobs.errors import Conflict, Forbidden, InvalidInput, NotFound, RayfarmError, TooLarge, Unauthorized, Unavailable
from serve_app.app import build_app
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
                "database": False, "storage": True, "events": False,
            }  # fmt: skip
            assert "secret" not in ready.text
            answer = await client.get("/v1/jobs", headers={"Authorization": "Bearer rf_abcdefgh_" + "x" * 43})
            problem_of(answer, 503, "database-unavailable")
            assert answer.headers["retry-after"]


class TestHealth:
    async def test_a_farm_in_order_is_ready(self, farm: ApiFarm) -> None:
        answer = await farm.http.get("/v1/health/ready", headers={"Authorization": ""})
        assert answer.status_code == 200
        assert {check["name"] for check in answer.json()["checks"] if check["ok"]} == {"database", "storage", "events"}


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
