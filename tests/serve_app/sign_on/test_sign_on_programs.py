"""Programs that wait for a code, and faults of the provider."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable

import httpx
import pytest

from tests.oidc.openid_provider import (
    FARM,
    Browser,
    free_port,
    openid_provider,
    query_of,
    signing_keys,
)
from tests.serve_app.farm import ApiFarm, problem_of
from tests.serve_app.sign_on.steps import NOBODY, PEOPLE, invited, me


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

    async def test_a_page_of_the_farm_has_the_session_put_into_a_cookie(self, farm: ApiFarm, browser: Browser) -> None:
        await invited(farm)
        url, verifier = self.begin("/login/")
        end = (await browser.log_in("ada", url=url, stop_before=f"{FARM}/login/")).headers["location"]
        body = {"code": query_of(end)["code"], "code_verifier": verifier, "session": "cookie"}
        foreign = {**NOBODY, "Sec-Fetch-Site": "cross-site"}
        problem_of(await farm.http.post("/v1/auth/oidc/token", json=body, headers=foreign), 403, "forbidden")
        session = await farm.http.post("/v1/auth/oidc/token", json=body, headers=NOBODY)
        assert (session.status_code, session.json()["refresh_token"]) == (200, None)
        assert "HttpOnly" in session.headers["set-cookie"]
        renewed = await farm.http.post("/v1/auth/refresh", json={}, headers=NOBODY)
        assert (await me(farm, renewed))["email"] == "ada@example.org"

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

    async def test_claims_that_stand_in_the_id_token_itself_count_as_well(
        self, farm: ApiFarm, browser: Browser, oidc: dict[str, str]
    ) -> None:
        with openid_provider(PEOPLE, port=self.port_of(oidc), claims_in_id_token=True):
            assert (await me(farm, await browser.log_in("ada")))["email"] == "ada@example.org"

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
