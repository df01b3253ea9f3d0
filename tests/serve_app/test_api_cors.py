"""Pages of other origins may call the API where the operator has named them, and nowhere else."""

from __future__ import annotations

import pytest

from serve_app.settings import ApiSettings
from tests.serve_app.farm import ApiFarm

PAGE, OTHER = "https://farm.example.org", "https://evil.example.org"
NOBODY = {"Authorization": ""}


def preflight(origin: str, *, method: str = "POST", headers: str = "authorization,content-type") -> dict[str, str]:
    return {
        **NOBODY,
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }


class TestByDefault:
    async def test_no_page_may(self, farm: ApiFarm) -> None:
        asked = await farm.http.options("/v1/jobs", headers=preflight(PAGE))
        answer = await farm.http.get("/v1/jobs", headers={"Origin": PAGE})
        for each in (asked, answer):
            assert not [name for name in each.headers if name.startswith("access-control-")]
        assert asked.status_code == 405


class TestNamed:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return ApiSettings(cors_origins=(PAGE,), rate_stranger=3, page_size=98)

    async def test_a_preflight_needs_no_key(self, farm: ApiFarm) -> None:
        answer = await farm.http.options("/v1/jobs", headers=preflight(PAGE))
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "authorization" in answer.headers["access-control-allow-headers"].lower()
        assert "access-control-allow-credentials" not in answer.headers
        assert "Origin" in answer.headers["vary"]

    async def test_preflights_do_not_use_up_the_rate_of_strangers(self, farm: ApiFarm) -> None:
        answers = [await farm.http.options("/v1/jobs", headers=preflight(PAGE)) for _ in range(9)]
        assert {answer.status_code for answer in answers} == {200}

    async def test_another_page_and_another_method_are_refused_with_a_problem(self, farm: ApiFarm) -> None:
        for headers in (preflight(OTHER), preflight(PAGE, method="TRACE"), preflight(PAGE, headers="x-secret")):
            answer = await farm.http.options("/v1/jobs", headers=headers)
            assert answer.status_code == 403
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["code"] == "forbidden"
            assert "RAYFARM_API_CORS_ORIGINS" in answer.json()["remedy"]
        refused = await farm.http.options("/v1/jobs", headers=preflight(OTHER))
        assert "access-control-allow-origin" not in refused.headers

    async def test_the_page_reads_answers_and_errors_with_the_headers_it_needs(self, farm: ApiFarm) -> None:
        key = await farm.new_key("other")
        for headers, status in (({"Authorization": f"Bearer {key}"}, 200), (NOBODY, 401)):
            answer = await farm.http.get("/v1/jobs", headers={**headers, "Origin": PAGE})
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == PAGE
            exposed = {each.strip() for each in answer.headers["access-control-expose-headers"].split(",")}
            assert {
                "ETag",
                "Link",
                "Location",
                "RateLimit",
                "RateLimit-Policy",
                "Retry-After",
                "X-Request-Id",
            } <= exposed
            assert "Origin" in answer.headers["vary"]

    async def test_what_is_refused_before_a_body_is_read_can_be_read_too(self, farm: ApiFarm) -> None:
        answer = await farm.http.post("/v1/jobs", content=b"{}", headers={**NOBODY, "Origin": PAGE})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, PAGE)

    async def test_no_other_page_reads_anything(self, farm: ApiFarm) -> None:
        for origin in (OTHER, "null", PAGE + ".evil.example.org", PAGE.upper()):
            answer = await farm.http.get("/v1/jobs", headers={"Origin": origin})
            assert "access-control-allow-origin" not in answer.headers, origin
            assert "Origin" in answer.headers["vary"]


class TestEverybody:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return ApiSettings(cors_origins=("*",), page_size=97)

    async def test_all_pages_may_without_their_visitors_cookies(self, farm: ApiFarm) -> None:
        answer = await farm.http.get("/v1/jobs", headers={"Origin": OTHER, "Cookie": "session=1"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
