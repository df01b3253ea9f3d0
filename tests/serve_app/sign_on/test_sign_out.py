"""Who signs out of the farm can sign out of the identity provider too (RP-Initiated Logout 1.0)."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import jwt
import pytest

from db.loops.prune import Retention, prune
from tests.oidc.openid_provider import CLIENT_ID, FARM, Browser, OpenIdProvider, openid_provider, query_of
from tests.serve_app.farm import PASSWORD, ApiFarm
from tests.serve_app.sign_on.steps import NOBODY, PEOPLE, invited, settings

GOODBYE = f"{FARM}/goodbye"


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    with openid_provider(PEOPLE, client={"post_logout_redirect_uris": [GOODBYE]}) as running:
        yield running


async def sign_out(farm: ApiFarm, session: httpx.Response) -> httpx.Response:
    body = {"refresh_token": session.json()["refresh_token"]}
    return await farm.http.post("/v1/auth/logout", json=body, headers=NOBODY)


@settings(POST_LOGOUT_REDIRECT_URI=GOODBYE)
async def test_the_address_ends_the_session_at_the_provider_and_comes_back(
    farm: ApiFarm, browser: Browser, provider: OpenIdProvider
) -> None:
    await invited(farm)
    session = await browser.log_in("ada")
    again = await browser.go(f"{FARM}/v1/auth/oidc/login")
    assert "/interaction/" not in str(again.url)  # the provider lets this browser in without a password
    answer = await sign_out(farm, session)
    assert answer.status_code == 200, answer.text
    url = answer.json()["end_session_url"]
    asked = query_of(url)
    assert url.startswith(f"{provider.issuer}/session/end?")
    assert (asked["client_id"], asked["post_logout_redirect_uri"]) == (CLIENT_ID, GOODBYE)
    assert jwt.decode(asked["id_token_hint"], options={"verify_signature": False})["sub"] == "ada"
    end = await _agree_to(browser, await browser.go(url))
    assert end.headers["location"].startswith(GOODBYE)
    page = await browser.go(f"{FARM}/v1/auth/oidc/login")
    assert "/interaction/" in str(page.url)  # now it asks


async def test_without_a_page_of_ones_own_the_provider_shows_its_own(farm: ApiFarm, browser: Browser) -> None:
    await invited(farm)
    url = (await sign_out(farm, await browser.log_in("ada"))).json()["end_session_url"]
    assert "post_logout_redirect_uri" not in query_of(url)
    assert (await browser.go(url)).status_code == 200


async def test_the_session_of_a_renewed_token_is_the_one_of_the_login(farm: ApiFarm, browser: Browser) -> None:
    await invited(farm)
    token = (await browser.log_in("ada")).json()["refresh_token"]
    renewed = await farm.http.post("/v1/auth/refresh", json={"refresh_token": token}, headers=NOBODY)
    assert "end_session_url" in (await sign_out(farm, renewed)).json()
    assert (await sign_out(farm, renewed)).status_code == 204  # it has ended
    assert await farm.count("oidc_session") == 0


async def test_a_session_by_password_has_no_provider(farm: ApiFarm) -> None:
    await farm.person("eve@example.org")
    login = {"email": "eve@example.org", "password": PASSWORD}
    session = await farm.http.post("/v1/auth/login", json=login, headers=NOBODY)
    answer = await sign_out(farm, session)
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_provider_that_the_farm_has_got_since_is_not_shown_the_others_token(
    farm: ApiFarm, browser: Browser
) -> None:
    await invited(farm)
    session = await browser.log_in("ada")
    await farm.execute("update oidc_session set issuer = 'https://id.before.example'")
    assert (await sign_out(farm, session)).status_code == 204


async def test_a_provider_that_is_down_keeps_nobody_from_signing_out(
    farm: ApiFarm, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await invited(farm)
    session = await browser.log_in("ada")
    monkeypatch.setenv("RAYFARM_OIDC_ISSUER", "http://127.0.0.1:1")
    async with farm.app.router.lifespan_context(farm.app):  # knows nothing of the provider yet
        await farm.execute("update oidc_session set issuer = 'http://127.0.0.1:1'")
        assert (await sign_out(farm, session)).status_code == 204
    assert await farm.count("refresh_token") == 0


async def test_what_the_provider_said_of_a_person_goes_when_the_session_has_ended(
    farm: ApiFarm, new_browser: Callable[[], Browser]
) -> None:
    await invited(farm)
    for _ in range(2):
        await new_browser().log_in("ada")
    await farm.execute(
        "update oidc_session set ends_at = now() - interval '1 s' where family_id = (select min(family_id::text)::uuid "
        "from oidc_session)"
    )
    nothing = Retention(replicas=None, leaders=None, health=None, deliveries=None, events=None, logins=None)
    await prune(farm.db, retention=nothing, epoch=await farm._lead(), batches=1)
    assert await farm.count("oidc_session") == 1


async def _agree_to(browser: Browser, page: httpx.Response) -> httpx.Response:
    """Presses the provider's own button."""
    action = re.search(r'<form[^>]* action="([^"]+)"', page.text)
    secret = re.search(r'name="xsrf" value="(\w+)"', page.text)
    assert action is not None, page.text
    assert secret is not None, page.text
    assert urlsplit(str(page.url)).hostname == "127.0.0.1"
    form = {"xsrf": secret[1], "logout": "yes"}
    return await browser.http.post(str(page.url.join(html.unescape(action[1]))), data=form)
