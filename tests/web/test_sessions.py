"""How long one stays in: sessions that go on unseen, and sessions that have ended."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from jobs.access import ProjectRole
from tests.serve_app.farm import PASSWORD
from tests.web.served_farm import ServedFarm
from tests.web.test_signing_in import sign_in
from tests.web.visitor import Visitor
from tests.web.world import email_of

Visit = Callable[..., Visitor]
RENEWAL = "POST /v1/auth/refresh"


def test_a_token_near_its_end_is_renewed_before_a_request_meets_it(visit: Visit, farm: ServedFarm) -> None:
    visitor = visit(ProjectRole.ARTIST)
    visitor.page.clock.install()
    page = visitor.go(f"{farm.home}/jobs/")
    visitor.requests.clear()
    page.clock.fast_forward("14:45")
    visitor.follow("Models")
    assert visitor.requests.count(RENEWAL) == 1
    assert visitor.faults.take() == []


def test_a_token_that_the_farm_no_longer_takes_is_renewed_unseen(visit: Visit, farm: ServedFarm) -> None:
    """As when the farm's signing key was changed under everybody."""
    visitor = visit(ProjectRole.ARTIST)
    visitor.go(f"{farm.home}/jobs/")
    visitor.live()
    visitor.requests.clear()
    farm.api.kill()
    farm.api.start(RAYFARM_API_TOKEN_KEY=secrets.token_hex(32))
    visitor.live()
    page = visitor.follow("Models")
    assert RENEWAL in visitor.requests
    assert urlsplit(page.url).path == f"{farm.home}/models/"


def test_whose_session_ended_signs_in_again_and_is_back_on_the_page(visit: Visit, farm: ServedFarm) -> None:
    visitor = visit(ProjectRole.ARTIST)
    link = f"{farm.home}/jobs/{farm.world.large_job}/"
    page = visitor.go(link)
    bearer = {"Authorization": f"Bearer {_token(visitor)}"}
    ended = visitor.context.request.delete("/v1/me/sessions", headers=bearer)
    assert ended.ok, ended.text()
    visitor.page.get_by_role("navigation", name="Pages").get_by_role("link", name="Models").click()
    page.wait_for_url("**/sign-in/**")
    query = parse_qs(urlsplit(page.url).query)
    assert query["why"] == ["expired"]
    expect(visitor.problem()).to_contain_text("session has ended")
    sign_in(page)
    page.wait_for_url(f"**{query['next'][0]}")
    visitor.settled()


def _token(visitor: Visitor) -> str:
    """An access token of the same person: theirs stands in the memory of the page alone."""
    offer = {"email": email_of(ProjectRole.ARTIST), "password": PASSWORD}
    return str(visitor.context.request.post("/v1/auth/login", data=offer).json()["access_token"])
