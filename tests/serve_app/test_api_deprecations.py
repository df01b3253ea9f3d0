"""A route that will go says so in its answers and in the OpenAPI document; one that stays does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from serve_app.deprecations import Deprecation, mark_deprecated
from serve_app.settings import ApiSettings
from tests.serve_app.farm import ApiFarm

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
ENDS = Deprecation(
    since=SINCE,
    sunset=datetime(2027, 3, 1, 12, tzinfo=timezone(timedelta(hours=2))),
    successor="/v2/old",
    explained_at="https://farm.example.org/changes",
)


class TestMarked:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        """Of its own, so that the app with an old route is not another test's."""
        return ApiSettings(page_size=96)

    async def test_its_answers_carry_both_fields_and_links(self, farm: ApiFarm) -> None:
        router = APIRouter()

        @router.get("/old")
        async def read_old() -> None:
            """An old route."""

        mark_deprecated([route for route in router.routes if isinstance(route, APIRoute)], {"read_old": ENDS})
        farm.app.include_router(router, prefix="/v1")
        headers = (await farm.http.get("/v1/old")).headers
        assert headers["deprecation"] == "@1772323200"
        assert headers["sunset"] == "Mon, 01 Mar 2027 10:00:00 GMT"
        assert '</v2/old>; rel="successor-version"' in headers["link"]
        assert '<https://farm.example.org/changes>; rel="deprecation"' in headers["link"]
        farm.app.openapi_schema = None
        paths = farm.app.openapi()["paths"]
        assert paths["/v1/old"]["get"]["deprecated"] is True
        assert "deprecated" not in paths["/v1/jobs"]["get"]
        assert not {"deprecation", "sunset"} & set((await farm.http.get("/v1/jobs")).headers)


def test_a_name_that_no_route_has_stops_the_start() -> None:
    with pytest.raises(LookupError, match="read_gone"):
        mark_deprecated([], {"read_gone": ENDS})


def test_a_route_does_not_end_before_it_is_deprecated() -> None:
    with pytest.raises(ValueError, match="9745"):
        Deprecation(since=SINCE, sunset=SINCE - timedelta(days=1))


def test_an_application_without_deprecated_routes_starts(app: FastAPI) -> None:
    assert app.openapi()["paths"]
