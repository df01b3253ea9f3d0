"""Single sign-on against a real OpenID provider: who gets in, as whom, and what is refused on the way."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.oidc.openid_provider import (
    CALLBACK,
    CLIENT_ID,
    CLIENT_SECRET,
    FARM,
    Browser,
    OpenIdProvider,
    free_port,
    openid_provider,
    query_of,
    signing_keys,
)
from tests.serve_app.farm import PASSWORD, ApiFarm, bearer, problem_of

PEOPLE: dict[str, dict[str, Any]] = {
    "ada": {"email": "Ada@Example.org", "email_verified": True, "name": "Ada", "groups": ["film-crew", "others"]},
    "eve": {"email": "eve@evil.example", "email_verified": True, "name": "Eve"},
    "mallory": {"email": "ada@example.org", "email_verified": False, "name": "Mallory"},
    "unsaid": {"email": "una@example.org", "name": "Una"},
    "nameless": {"name": "Nobody"},
    "chief": {"email": "chief@example.org", "email_verified": True, "groups": ["render-admins"]},
}
NOBODY = {"Authorization": ""}


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    with openid_provider(PEOPLE) as running:
        yield running


@pytest.fixture
def oidc() -> dict[str, str]:
    """Settings of the farm beside those that every test has; a class or test may override it."""
    return {}


@pytest.fixture(autouse=True)
def environment(provider: OpenIdProvider, oidc: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"ISSUER": provider.issuer, "CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET, **oidc}
    for name, value in given.items():
        monkeypatch.setenv(f"RAYFARM_OIDC_{name}", value)


@pytest.fixture
async def new_browser(farm: ApiFarm) -> AsyncIterator[Callable[[], Browser]]:
    async with AsyncExitStack() as stack:

        def make() -> Browser:
            browser = Browser(farm.app)
            stack.push_async_callback(browser.http.aclose)
            return browser

        yield make


@pytest.fixture
def browser(new_browser: Callable[[], Browser]) -> Browser:
    return new_browser()


def settings(**values: str) -> Any:
    return pytest.mark.parametrize("oidc", [values], ids=[",".join(values)])


async def invited(farm: ApiFarm, email: str = "ada@example.org", role: str = "artist") -> None:
    answer = await farm.http.post("/v1/projects/default/invitations", json={"email": email, "role": role})
    assert answer.status_code == 201, answer.text


async def me(farm: ApiFarm, session: httpx.Response) -> Any:
    assert session.status_code == 200, session.text
    return (await farm.http.get("/v1/me", headers=bearer(session.json()["access_token"]))).json()


class TestLogin:
    async def test_an_invited_person_logs_in_at_the_provider_and_has_the_invitations_role(
        self, farm: ApiFarm, browser: Browser
    ) -> None:
        await invited(farm, role="manager")
        seen = await me(farm, await browser.log_in("ada"))
        assert (seen["kind"], seen["email"], seen["name"]) == ("account", "ada@example.org", "Ada")
        assert seen["memberships"] == [{"project": "default", "role": "manager"}]
        assert (await farm.http.get("/v1/projects/default/invitations")).json()["items"] == []

    async def test_the_second_login_of_a_person_is_the_same_account(
        self, farm: ApiFarm, new_browser: Callable[[], Browser]
    ) -> None:
        await invited(farm)
        first = await me(farm, await new_browser().log_in("ada"))
        second = await me(farm, await new_browser().log_in("ada"))
        assert first["id"] == second["id"]
        assert await farm.count("account") == 1

    async def test_who_was_not_invited_gets_no_account(self, farm: ApiFarm, browser: Browser) -> None:
        problem = problem_of(await browser.log_in("ada"), 403, "sign-in-refused")
        assert "ada@example.org" in problem["detail"]
        assert await farm.count("account") == await farm.count("oidc_identity") == 0

    @settings(CREATE_ACCOUNTS="true")
    async def test_where_unknown_people_are_made_accounts_they_are_in_no_project(
        self, farm: ApiFarm, browser: Browser
    ) -> None:
        seen = await me(farm, await browser.log_in("ada"))
        assert (seen["memberships"], seen["farm_role"]) == ([], None)

    async def test_the_ways_in_are_told_to_strangers(self, farm: ApiFarm) -> None:
        shown = (await farm.http.get("/v1/auth/methods", headers=NOBODY)).json()
        button = {"name": "Single sign-on", "login": "/v1/auth/oidc/login"}
        assert shown == {"password": True, "single_sign_on": button}

    async def test_the_session_is_renewed_as_any_other_and_ends_at_its_time(
        self, farm: ApiFarm, browser: Browser
    ) -> None:
        await invited(farm)
        token = (await browser.log_in("ada")).json()["refresh_token"]
        renewed = await farm.http.post("/v1/auth/refresh", json={"refresh_token": token}, headers=NOBODY)
        assert renewed.status_code == 200
        hours = "select max(extract(epoch from session_ends_at - created_at) / 3600) <= 12, bool_and("
        async with farm.db.transaction() as tx:
            row = (await tx.execute(text(f"{hours}expires_at <= session_ends_at) from refresh_token"))).one()
        assert tuple(row) == (True, True)
        await farm.execute("update refresh_token set expires_at = now() - interval '1 s'")
        token = renewed.json()["refresh_token"]
        late = await farm.http.post("/v1/auth/refresh", json={"refresh_token": token}, headers=NOBODY)
        problem_of(late, 401, "unauthorized")

    async def test_a_disabled_person_stays_out(self, farm: ApiFarm, new_browser: Callable[[], Browser]) -> None:
        await invited(farm)
        seen = await me(farm, await new_browser().log_in("ada"))
        await farm.http.patch(f"/v1/accounts/{seen['id']}", json={"disabled": True})
        problem_of(await new_browser().log_in("ada"), 403, "sign-in-refused")
        assert await farm.count("refresh_token") == 0

    async def test_somebody_without_a_password_neither_logs_in_by_one_nor_changes_it(
        self, farm: ApiFarm, browser: Browser
    ) -> None:
        await invited(farm)
        token = (await browser.log_in("ada")).json()["access_token"]
        wish = {"email": "ada@example.org", "password": PASSWORD}
        problem_of(await farm.http.post("/v1/auth/login", json=wish, headers=NOBODY), 401, "unauthorized")
        change = {"old": PASSWORD, "new": PASSWORD}
        problem_of(await farm.http.put("/v1/me/password", json=change, headers=bearer(token)), 409, "conflict")


class TestAttacks:
    async def test_a_return_that_this_browser_did_not_begin_is_refused(
        self, farm: ApiFarm, new_browser: Callable[[], Browser]
    ) -> None:
        await invited(farm)
        theirs = await new_browser().return_of("ada")
        for victim in (new_browser(), new_browser()):
            problem_of(await victim.http.get(theirs), 401, "sign-in-failed")
            await victim.http.get(f"{FARM}/v1/auth/oidc/login")  # now with a login of its own under way
            problem_of(await victim.http.get(theirs), 401, "sign-in-failed")
        assert await farm.count("oidc_login") == 0

    async def test_a_return_is_good_once(self, farm: ApiFarm, browser: Browser) -> None:
        await invited(farm)
        back = await browser.return_of("ada")
        sealed = browser.http.cookies["rayfarm-login"]
        assert (await browser.http.get(back)).status_code == 200
        assert "rayfarm-login" not in browser.http.cookies
        problem_of(await browser.http.get(back), 401, "sign-in-failed")
        browser.http.cookies.set("rayfarm-login", sealed, domain="farm.test", path="/v1/auth/oidc")
        problem_of(await browser.http.get(back), 401, "sign-in-failed")
        assert await farm.count("oidc_login") == 1

    async def test_an_answer_of_another_issuer_or_of_none_is_refused(self, farm: ApiFarm, browser: Browser) -> None:
        await invited(farm)
        for mixed_up in ("https://evil.example", None):
            back = httpx.URL(await browser.return_of("ada"))
            back = back.copy_remove_param("iss")
            back = back if mixed_up is None else back.copy_add_param("iss", mixed_up)
            problem_of(await browser.http.get(back), 401, "sign-in-failed")

    async def test_what_the_provider_refuses_is_told(self, farm: ApiFarm, browser: Browser) -> None:
        back = httpx.URL(await browser.return_of("ada"))
        refused = back.copy_remove_param("code").copy_add_param("error", "access_denied")
        problem = problem_of(await browser.http.get(refused), 403, "sign-in-refused")
        assert "access_denied" in problem["detail"]

    @pytest.mark.parametrize(
        "target",
        [
            "https://evil.example/",
            "//evil.example/",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "http://127.0.0.1@evil.example:80/",
            "http://127.0.0.1.evil.example:80/",
            "http://localhost:5000/",
            "http://127.0.0.1/",
            "javascript:alert(1)",
            "farm.test/x",
        ],
    )
    async def test_the_end_of_a_login_is_the_farm_or_this_machine(self, farm: ApiFarm, target: str) -> None:
        asked = {"return_to": target, "code_challenge": "a" * 43}
        problem_of(await farm.http.get("/v1/auth/oidc/login", params=asked), 422, "invalid-input")

    async def test_the_cookie_of_a_login_is_kept_from_scripts_and_from_plain_http(
        self, farm: ApiFarm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plain = (await farm.http.get("/v1/auth/oidc/login")).headers["set-cookie"]
        assert "HttpOnly" in plain
        assert "SameSite=lax" in plain
        transport = httpx.ASGITransport(farm.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://farm.test") as secure:
            cookie = (await secure.get("/v1/auth/oidc/login")).headers["set-cookie"]
        assert cookie.startswith("__Host-rayfarm-login=")
        assert {"Secure", "Path=/", "HttpOnly"} <= set(cookie.split("; "))


class TestAddresses:
    @settings(CREATE_ACCOUNTS="true", LINK_BY_EMAIL="true")
    async def test_an_unverified_address_gets_nobodys_account(self, farm: ApiFarm, browser: Browser) -> None:
        await farm.person("ada@example.org")
        problem_of(await browser.log_in("mallory"), 403, "sign-in-refused")
        assert await farm.count("oidc_identity") == 0

    @settings(CREATE_ACCOUNTS="true")
    async def test_a_verified_address_gets_no_account_of_before_unless_the_operator_says_so(
        self, farm: ApiFarm, browser: Browser
    ) -> None:
        await farm.person("ada@example.org")
        problem_of(await browser.log_in("ada"), 409, "address-taken")

    @settings(LINK_BY_EMAIL="true")
    async def test_who_is_linked_by_address_keeps_their_roles_and_the_password_is_void(
        self, farm: ApiFarm, browser: Browser
    ) -> None:
        before = await farm.person("ada@example.org", role="viewer")
        seen = await me(farm, await browser.log_in("ada"))
        assert seen["memberships"] == [{"project": "default", "role": "viewer"}]
        problem_of(await farm.http.get("/v1/me", headers=bearer(before["access_token"])), 401, "unauthorized")
        wish = {"email": "ada@example.org", "password": PASSWORD}
        problem_of(await farm.http.post("/v1/auth/login", json=wish, headers=NOBODY), 401, "unauthorized")

    @settings(LINK_BY_EMAIL="true", CREATE_ACCOUNTS="true")
    async def test_an_address_that_the_provider_gave_to_another_person_brings_no_account_with_it(
        self, farm: ApiFarm, browser: Browser, provider: OpenIdProvider
    ) -> None:
        assert (await browser.log_in("ada")).status_code == 200
        await farm.execute("update oidc_identity set subject = 'who had the address before'")
        again = Browser(farm.app)
        problem_of(await again.log_in("ada"), 409, "address-taken")

    @settings(CREATE_ACCOUNTS="true", ALLOWED_DOMAINS='["example.org"]')
    async def test_only_addresses_of_the_domains_that_are_let_in_come_in(
        self, farm: ApiFarm, new_browser: Callable[[], Browser]
    ) -> None:
        problem_of(await new_browser().log_in("eve"), 403, "sign-in-refused")
        problem_of(await new_browser().log_in("nameless"), 403, "sign-in-refused")
        assert (await new_browser().log_in("ada")).status_code == 200

    @settings(CREATE_ACCOUNTS="true")
    async def test_an_address_of_which_nothing_is_said_does_not_count(self, farm: ApiFarm, browser: Browser) -> None:
        problem_of(await browser.log_in("unsaid"), 403, "sign-in-refused")

    @settings(CREATE_ACCOUNTS="true", TRUST_UNSAID_EMAILS="true")
    async def test_a_trusted_directory_may_leave_it_unsaid_and_never_say_no(
        self, farm: ApiFarm, new_browser: Callable[[], Browser]
    ) -> None:
        assert (await me(farm, await new_browser().log_in("unsaid")))["email"] == "una@example.org"
        problem_of(await new_browser().log_in("mallory"), 403, "sign-in-refused")


ROLES = {
    "CREATE_ACCOUNTS": "true",
    "SCOPES": '["openid", "email", "profile", "groups"]',
    "ROLE_MAP": '{"film-crew": ["default:artist"], "render-admins": ["admin", "default:manager"]}',
}


class TestRoles:
    @settings(**ROLES)
    async def test_claims_give_roles_and_take_back_what_they_gave(
        self, farm: ApiFarm, new_browser: Callable[[], Browser]
    ) -> None:
        seen = await me(farm, await new_browser().log_in("ada"))
        assert seen["memberships"] == [{"project": "default", "role": "artist"}]
        chief = await me(farm, await new_browser().log_in("chief"))
        assert (chief["farm_role"], chief["memberships"][0]["role"]) == ("admin", "manager")
        await farm.execute("update oidc_identity set granted = '{operator,default:viewer}' where subject = 'ada'")
        await farm.execute("update account set farm_role = 'operator' where email = 'ada@example.org'")
        await farm.execute("update member set role = 'viewer' where account_id = :id", id=seen["id"])
        seen = await me(farm, await new_browser().log_in("ada"))
        assert (seen["farm_role"], seen["memberships"][0]["role"]) == (None, "artist")

    @settings(**ROLES)
    async def test_a_role_that_was_given_by_hand_is_not_lowered_by_claims(
        self, farm: ApiFarm, new_browser: Callable[[], Browser]
    ) -> None:
        await invited(farm, role="manager")
        for _ in range(2):
            seen = await me(farm, await new_browser().log_in("ada"))
            assert seen["memberships"] == [{"project": "default", "role": "manager"}]

    @settings(**{**ROLES, "ROLE_MAP": '{"film-crew": ["gone:artist"]}'})
    async def test_a_map_that_names_no_project_lets_people_in_all_the_same(
        self, farm: ApiFarm, browser: Browser
    ) -> None:
        assert (await me(farm, await browser.log_in("ada")))["memberships"] == []


class TestProgram:
    """The web page or the CLI, which waits for a code."""

    @staticmethod
    def begin(return_to: str) -> tuple[str, str]:
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {"return_to": return_to, "code_challenge": challenge, "state": "of the program"}
        return str(httpx.URL(f"{FARM}/v1/auth/oidc/login", params=asked)), verifier

    @staticmethod
    async def exchange(farm: ApiFarm, code: str, verifier: str) -> httpx.Response:
        body = {"code": code, "code_verifier": verifier}
        return await farm.http.post("/v1/auth/oidc/token", json=body, headers=NOBODY)

    @pytest.mark.parametrize("return_to", ["http://127.0.0.1:45671/done", "/app/after-login?tab=jobs"])
    async def test_it_changes_the_code_for_a_session_once(
        self, farm: ApiFarm, browser: Browser, return_to: str
    ) -> None:
        await invited(farm)
        url, verifier = self.begin(return_to)
        target = return_to if return_to.startswith("http") else FARM + return_to
        end = (await browser.log_in("ada", url=url, stop_before=target)).headers["location"]
        assert end.startswith(return_to)
        assert query_of(end)["state"] == "of the program"
        code = query_of(end)["code"]
        assert (await me(farm, await self.exchange(farm, code, verifier)))["email"] == "ada@example.org"
        problem_of(await self.exchange(farm, code, verifier), 401, "sign-in-failed")

    async def test_a_code_without_its_secret_is_worth_nothing_and_is_used_up(
        self, farm: ApiFarm, browser: Browser
    ) -> None:
        await invited(farm)
        url, verifier = self.begin("http://127.0.0.1:45671/")
        end = (await browser.log_in("ada", url=url, stop_before="http://127.0.0.1:45671")).headers["location"]
        code = query_of(end)["code"]
        problem_of(await self.exchange(farm, code, "x" * 43), 401, "sign-in-failed")
        problem_of(await self.exchange(farm, code, verifier), 401, "sign-in-failed")
        assert await farm.count("refresh_token") == 0

    async def test_an_old_code_and_one_of_an_account_that_was_disabled_meanwhile_are_refused(
        self, farm: ApiFarm, new_browser: Callable[[], Browser]
    ) -> None:
        await invited(farm)
        for event in (
            "update oidc_login set code_expires_at = now() - interval '1 s'",
            "update account set disabled_at = now()",
        ):
            url, verifier = self.begin("http://127.0.0.1:45671/")
            there = "http://127.0.0.1:45671"
            end = (await new_browser().log_in("ada", url=url, stop_before=there)).headers["location"]
            await farm.execute(event)
            problem_of(await self.exchange(farm, query_of(end)["code"], verifier), 401, "sign-in-failed")

    async def test_it_is_told_why_nobody_comes(self, farm: ApiFarm, browser: Browser) -> None:
        url, _ = self.begin("http://127.0.0.1:45671/")
        end = (await browser.log_in("ada", url=url, stop_before="http://127.0.0.1:45671")).headers["location"]
        told = query_of(end)
        assert (told["error"], told["state"]) == ("sign-in-refused", "of the program")
        assert "invited" in told["error_description"]

    async def test_a_program_without_a_secret_of_its_own_is_refused(self, farm: ApiFarm) -> None:
        answer = await farm.http.get("/v1/auth/oidc/login", params={"return_to": "/app"})
        problem_of(answer, 422, "invalid-input")


class TestProvider:
    """Faults of the provider, each with a provider of its own."""

    @pytest.fixture
    def oidc(self) -> dict[str, str]:
        return {"CREATE_ACCOUNTS": "true", "KEYS_PAUSE": "PT0.001S", "ISSUER": f"http://127.0.0.1:{free_port()}"}

    @staticmethod
    def port_of(oidc: dict[str, str]) -> int:
        return int(oidc["ISSUER"].rpartition(":")[2])

    async def test_a_provider_that_is_down_is_said_to_be(
        self, farm: ApiFarm, browser: Browser, oidc: dict[str, str]
    ) -> None:
        problem = problem_of(await farm.http.get("/v1/auth/oidc/login"), 503, "identity-provider-unavailable")
        assert "127.0.0.1" in problem["detail"]
        assert problem["remedy"]
        with openid_provider(PEOPLE, port=self.port_of(oidc)):
            back = await browser.return_of("ada")
        problem_of(await browser.http.get(back), 503, "identity-provider-unavailable")

    async def test_a_provider_that_changes_its_keys_is_believed_by_the_new_ones(
        self, farm: ApiFarm, new_browser: Callable[[], Browser], oidc: dict[str, str]
    ) -> None:
        for name in ("first", "second"):
            with openid_provider(PEOPLE, port=self.port_of(oidc), jwks=signing_keys(name)):
                answer = await new_browser().log_in("ada")
                assert answer.status_code == 200, answer.text

    async def test_an_expired_id_token_lets_nobody_in(
        self, farm: ApiFarm, browser: Browser, oidc: dict[str, str]
    ) -> None:
        with openid_provider(PEOPLE, port=self.port_of(oidc), id_token_age_s=7200):
            problem = problem_of(await browser.log_in("ada"), 401, "sign-in-failed")
        assert "expired" in problem["detail"]

    async def test_a_client_that_the_provider_does_not_know_is_the_operators_matter(
        self, farm: ApiFarm, browser: Browser, oidc: dict[str, str]
    ) -> None:
        with openid_provider(PEOPLE, port=self.port_of(oidc), client={"client_secret": "another one"}):
            problem = problem_of(await browser.log_in("ada"), 503, "identity-provider-unavailable")
        assert "RAYFARM_OIDC_CLIENT_SECRET" in problem["remedy"]

    async def test_a_client_without_a_secret_is_protected_by_pkce_alone(
        self, farm: ApiFarm, browser: Browser, oidc: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        public = {"token_endpoint_auth_method": "none"}
        with openid_provider(PEOPLE, port=self.port_of(oidc), client=public):
            monkeypatch.delenv("RAYFARM_OIDC_CLIENT_SECRET")
            async with farm.app.router.lifespan_context(farm.app):  # reads its settings anew
                assert (await browser.log_in("ada")).status_code == 200

    async def test_a_provider_under_another_name_than_its_own_is_not_used(
        self, farm: ApiFarm, oidc: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with openid_provider(PEOPLE, port=self.port_of(oidc)):
            monkeypatch.setenv("RAYFARM_OIDC_ISSUER", oidc["ISSUER"] + "/")
            async with farm.app.router.lifespan_context(farm.app):
                answer = await farm.http.get("/v1/auth/oidc/login")
        problem_of(answer, 503, "identity-provider-unavailable")


class TestNone:
    async def test_without_a_provider_there_is_no_single_sign_on(
        self, farm: ApiFarm, app: FastAPI, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("ISSUER", "CLIENT_ID"):
            monkeypatch.delenv(f"RAYFARM_OIDC_{name}")
        async with app.router.lifespan_context(app):
            problem_of(await farm.http.get("/v1/auth/oidc/login"), 404, "not-found")
            problem_of(await farm.http.get(CALLBACK, params={"state": "s", "code": "c"}), 404, "not-found")
            assert (await farm.http.get("/v1/auth/methods")).json()["single_sign_on"] is None
