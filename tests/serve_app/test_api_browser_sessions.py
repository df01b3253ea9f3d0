"""The session of a browser: its refresh token stands in a cookie that no script reads and no other site spends."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import HttpUrl, SecretStr

from serve_app.settings import ApiSettings
from tests.serve_app.farm import PASSWORD, ApiFarm, bearer, problem_of

EMAIL = "ada@example.org"
PAGE = {"Origin": "http://farm.test", "Sec-Fetch-Site": "same-origin"}
KEY = SecretStr("a-key-of-these-tests-alone-0123456789")


@pytest.fixture
async def browser(farm: ApiFarm, app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Keeps cookies as a browser does; Ada has an account."""
    await farm.person(EMAIL)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://farm.test", headers=PAGE
    ) as client:
        yield client


async def log_in(client: httpx.AsyncClient, **others: Any) -> httpx.Response:
    asked = {"email": EMAIL, "password": PASSWORD, "session": "cookie", **others}
    return await client.post("/v1/auth/login", json=asked)


async def refresh(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await client.post("/v1/auth/refresh", json={}, headers=headers)


def with_cookie(value: str) -> dict[str, str]:
    return {"Cookie": f"rayfarm-session={value}"}


def cookie_in(answer: httpx.Response) -> str:
    """The refresh token that an answer sets."""
    assert answer.status_code == 200, answer.text
    found = re.match(r"rayfarm-session=([^;]+);", answer.headers["set-cookie"])
    assert found is not None
    return found[1]


class TestCookie:
    async def test_a_login_puts_the_refresh_token_where_no_script_reads_it(self, browser: httpx.AsyncClient) -> None:
        answer = await log_in(browser)
        assert answer.json()["refresh_token"] is None
        assert answer.json()["access_token"]
        words = {word.strip().lower() for word in answer.headers["set-cookie"].split(";")[1:]}
        assert words == {"httponly", "samesite=strict", "path=/v1/auth", "max-age=2592000"}

    async def test_a_program_gets_its_token_as_ever_and_no_cookie(self, browser: httpx.AsyncClient) -> None:
        answer = await log_in(browser, session="token")
        assert answer.json()["refresh_token"].startswith("rfr_")
        assert "set-cookie" not in answer.headers
        again = await browser.post("/v1/auth/refresh", json={"refresh_token": answer.json()["refresh_token"]})
        assert again.json()["refresh_token"].startswith("rfr_")
        assert "set-cookie" not in again.headers

    async def test_it_renews_the_session_and_is_replaced_each_time(
        self, farm: ApiFarm, browser: httpx.AsyncClient
    ) -> None:
        first = cookie_in(await log_in(browser))
        renewed = await refresh(browser)
        assert renewed.json()["refresh_token"] is None
        assert cookie_in(renewed) != first
        access = renewed.json()["access_token"]
        assert (await farm.http.get("/v1/me", headers=bearer(access))).json()["email"] == EMAIL
        assert (await refresh(browser)).status_code == 200

    async def test_an_invitation_is_taken_up_into_a_cookie_too(self, farm: ApiFarm, browser: httpx.AsyncClient) -> None:
        asked = {"email": "bo@example.org", "role": "artist"}
        invited = await farm.http.post("/v1/projects/default/invitations", json=asked)
        offer = {"token": invited.json()["token"], "password": PASSWORD, "name": "Bo", "session": "cookie"}
        answer = await browser.post("/v1/auth/accept", json=offer)
        assert answer.json()["refresh_token"] is None
        assert (await refresh(browser)).status_code == 200

    async def test_logging_out_ends_the_session_and_takes_the_cookie_back(self, browser: httpx.AsyncClient) -> None:
        token = cookie_in(await log_in(browser))
        out = await browser.post("/v1/auth/logout", json={})
        assert out.status_code == 204
        assert not browser.cookies
        assert out.headers["clear-site-data"] == '"cache"'
        problem_of(await refresh(browser, **with_cookie(token)), 401, "unauthorized")
        assert (await browser.post("/v1/auth/logout", json={})).status_code == 204

    async def test_without_a_session_the_browser_is_told_to_log_in(self, browser: httpx.AsyncClient) -> None:
        assert "Log in" in problem_of(await refresh(browser), 401, "unauthorized")["remedy"]

    async def test_a_login_in_place_of_a_session_ends_it(self, browser: httpx.AsyncClient) -> None:
        first = cookie_in(await log_in(browser))
        second = cookie_in(await log_in(browser))
        problem_of(await refresh(browser, **with_cookie(first)), 401, "unauthorized")
        assert (await refresh(browser, **with_cookie(second))).status_code == 200

    async def test_so_does_an_invitation_that_is_taken_up(self, farm: ApiFarm, browser: httpx.AsyncClient) -> None:
        first = cookie_in(await log_in(browser))
        asked = {"email": "bo@example.org", "role": "artist"}
        invited = await farm.http.post("/v1/projects/default/invitations", json=asked)
        offer = {"token": invited.json()["token"], "password": PASSWORD, "name": "Bo", "session": "cookie"}
        assert (await browser.post("/v1/auth/accept", json=offer)).status_code == 200
        problem_of(await refresh(browser, **with_cookie(first)), 401, "unauthorized")

    async def test_a_login_of_a_program_leaves_the_session_of_the_browser(self, browser: httpx.AsyncClient) -> None:
        await log_in(browser)
        await log_in(browser, session="token")
        assert (await refresh(browser)).status_code == 200

    async def test_a_refusal_that_comes_late_leaves_the_cookie_of_another_tab(self, browser: httpx.AsyncClient) -> None:
        await log_in(browser)
        late = await refresh(browser, **with_cookie("rfr_of-a-session-that-has-ended"))
        problem_of(late, 401, "unauthorized")
        assert "set-cookie" not in late.headers


class TestOtherPages:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
            {"Sec-Fetch-Site": "same-site", "Origin": "http://other.farm.test"},
            {"Sec-Fetch-Site": "cross-site", "Origin": "http://farm.test"},
            {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
            {"Sec-Fetch-Site": "none", "Origin": "null"},
            {"Sec-Fetch-Site": "none", "Origin": "https://farm.test"},
        ],
        ids=lambda headers: " ".join(headers.values()),
    )
    async def test_no_page_of_another_origin_spends_or_sets_the_cookie(
        self, browser: httpx.AsyncClient, headers: dict[str, str]
    ) -> None:
        token = cookie_in(await log_in(browser))
        problem_of(await refresh(browser, **headers), 403, "forbidden")
        out = await browser.post("/v1/auth/logout", json={}, headers=headers)
        assert "RAYFARM_API_PUBLIC_URL" in problem_of(out, 403, "forbidden")["remedy"]
        asked = {"email": EMAIL, "password": PASSWORD, "session": "cookie"}
        problem_of(await browser.post("/v1/auth/login", json=asked, headers=headers), 403, "forbidden")
        assert (await refresh(browser, **with_cookie(token))).status_code == 200  # nothing of it was done

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Origin": "http://farm.test"},
            {"Sec-Fetch-Site": "none"},
            {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:3000"},  # a proxy has changed the host
        ],
        ids=lambda headers: " ".join(headers.values()) or "nothing",
    )
    async def test_the_farm_s_own_pages_and_browsers_that_say_less_do(
        self, farm: ApiFarm, browser: httpx.AsyncClient, headers: dict[str, str]
    ) -> None:
        token = cookie_in(await log_in(browser))
        said = {"Authorization": "", **with_cookie(token), **headers}
        assert (await farm.http.post("/v1/auth/refresh", json={}, headers=said)).status_code == 200

    async def test_a_form_of_another_page_is_not_read(self, browser: httpx.AsyncClient) -> None:
        await log_in(browser)
        answer = await browser.post("/v1/auth/refresh", content="{}", headers={"Content-Type": "text/plain"})
        assert answer.status_code == 415


class TestLostAnswers:
    async def test_a_browser_that_lost_the_answer_asks_again_and_stays_in(
        self, farm: ApiFarm, browser: httpx.AsyncClient
    ) -> None:
        first = cookie_in(await log_in(browser))
        await refresh(browser)  # whose answer never comes
        again = cookie_in(await refresh(browser, **with_cookie(first)))
        following = cookie_in(await refresh(browser, **with_cookie(again)))
        assert (await refresh(browser, **with_cookie(following))).status_code == 200

    async def test_two_tabs_that_ask_at_once_both_stay_in_whichever_answer_comes_last(
        self, browser: httpx.AsyncClient
    ) -> None:
        first = cookie_in(await log_in(browser))
        one = cookie_in(await refresh(browser, **with_cookie(first)))
        cookie_in(await refresh(browser, **with_cookie(first)))
        assert (await refresh(browser, **with_cookie(one))).status_code == 200

    async def test_a_copy_within_the_time_is_found_out_as_soon_as_both_were_used(
        self, browser: httpx.AsyncClient
    ) -> None:
        first = cookie_in(await log_in(browser))
        owner = cookie_in(await refresh(browser, **with_cookie(first)))
        thief = cookie_in(await refresh(browser, **with_cookie(first)))
        following = cookie_in(await refresh(browser, **with_cookie(owner)))
        problem_of(await refresh(browser, **with_cookie(thief)), 401, "unauthorized")
        problem_of(await refresh(browser, **with_cookie(following)), 401, "unauthorized")

    async def test_once_its_successor_was_used_a_copy_ends_the_session_at_once(
        self, browser: httpx.AsyncClient
    ) -> None:
        first = cookie_in(await log_in(browser))
        second = cookie_in(await refresh(browser, **with_cookie(first)))
        third = cookie_in(await refresh(browser, **with_cookie(second)))
        problem_of(await refresh(browser, **with_cookie(first)), 401, "unauthorized")
        problem_of(await refresh(browser, **with_cookie(third)), 401, "unauthorized")

    async def test_after_the_time_a_copy_ends_the_session(self, farm: ApiFarm, browser: httpx.AsyncClient) -> None:
        first = cookie_in(await log_in(browser))
        second = cookie_in(await refresh(browser, **with_cookie(first)))
        await farm.execute("update refresh_token set used_at = used_at - interval '11 s' where used_at is not null")
        problem_of(await refresh(browser, **with_cookie(first)), 401, "unauthorized")
        problem_of(await refresh(browser, **with_cookie(second)), 401, "unauthorized")

    async def test_a_program_s_token_is_good_once_and_not_a_moment_longer(self, browser: httpx.AsyncClient) -> None:
        token = (await log_in(browser, session="token")).json()["refresh_token"]
        assert (await browser.post("/v1/auth/refresh", json={"refresh_token": token})).status_code == 200
        problem_of(await browser.post("/v1/auth/refresh", json={"refresh_token": token}), 401, "unauthorized")

    async def test_whoever_was_disabled_meanwhile_gets_no_other(
        self, farm: ApiFarm, browser: httpx.AsyncClient
    ) -> None:
        first = cookie_in(await log_in(browser))
        await refresh(browser)
        await farm.execute("update account set disabled_at = now()")
        problem_of(await refresh(browser, **with_cookie(first)), 401, "unauthorized")


class TestNever:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return ApiSettings(token_key=KEY, refresh_again_within=timedelta(0))

    async def test_an_operator_may_leave_no_such_time(self, browser: httpx.AsyncClient) -> None:
        first = cookie_in(await log_in(browser))
        await refresh(browser)
        problem_of(await refresh(browser, **with_cookie(first)), 401, "unauthorized")


class TestHttps:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return ApiSettings(token_key=KEY, public_url=HttpUrl("https://farm.test"))

    async def test_over_https_the_cookie_is_of_https_alone(self, browser: httpx.AsyncClient) -> None:
        browser.headers["Origin"] = "https://farm.test"
        del browser.headers["Sec-Fetch-Site"]
        answer = await log_in(browser)
        assert answer.status_code == 200, answer.text
        assert answer.headers["set-cookie"].startswith("__Host-rayfarm-session=rfr_")
        assert "; Secure" in answer.headers["set-cookie"]
        assert "; Path=/;" in answer.headers["set-cookie"]
        assert "domain" not in answer.headers["set-cookie"].lower()
