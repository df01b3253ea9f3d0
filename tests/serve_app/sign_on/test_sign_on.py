"""Single sign-on against a real OpenID provider: who gets in, and what is refused on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from db.identities import record_login
from tests.oidc.openid_provider import (
    CALLBACK,
    FARM,
    Browser,
    OpenIdProvider,
)
from tests.serve_app.farm import PASSWORD, ApiFarm, bearer, problem_of
from tests.serve_app.sign_on.steps import NOBODY, invited, me, settings


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

    @settings(CREATE_ACCOUNTS="true")
    async def test_under_maintenance_who_came_before_gets_in_and_nobody_else_does(
        self, farm: ApiFarm, new_browser: Callable[[], Browser]
    ) -> None:
        assert (await new_browser().log_in("ada")).status_code == 200
        await invited(farm)
        await farm.http.put("/v1/maintenance", json={"active": True})
        problem_of(await new_browser().log_in("chief"), 503, "maintenance")
        assert await farm.count("account") == 1
        assert (await me(farm, await new_browser().log_in("ada")))["memberships"] == []
        await farm.http.put("/v1/maintenance", json={"active": False})
        assert (await me(farm, await new_browser().log_in("ada")))["memberships"] != []

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

    async def test_the_audit_log_has_who_logged_in_how_and_who_did_not(
        self, farm: ApiFarm, new_browser: Callable[[], Browser], provider: OpenIdProvider
    ) -> None:
        await new_browser().log_in("ada")
        await invited(farm)
        seen = await me(farm, await new_browser().log_in("ada"))
        entries = (await farm.http.get("/v1/audit", params={"action": "login."})).json()["items"]
        assert [each["action"] for each in entries] == ["login.succeed", "login.fail"]
        assert (entries[0]["actor_id"], entries[0]["actor_name"]) == (seen["id"], "ada@example.org")
        facts = entries[0]["after"]
        assert (facts["how"], facts["issuer"], facts["subject"]) == ("created", provider.issuer, "ada")
        assert len(facts["invitations"]) == 1
        assert entries[1]["after"]["why"] == "sign-in-refused"

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

    async def test_somebody_without_a_password_takes_up_another_role_at_the_provider_alone(
        self, farm: ApiFarm, new_browser: Callable[[], Browser]
    ) -> None:
        await invited(farm)
        await new_browser().log_in("ada")
        await farm.http.post("/v1/projects", json={"slug": "film", "name": "Film"})
        offer = await farm.http.post("/v1/projects/film/invitations", json={"email": "ada@example.org"})
        wish = {"token": offer.json()["token"], "password": PASSWORD, "name": "Mallory"}
        problem_of(await farm.http.post("/v1/auth/accept", json=wish, headers=NOBODY), 409, "conflict")
        seen = await me(farm, await new_browser().log_in("ada"))
        assert [each["project"] for each in seen["memberships"]] == ["default", "film"]


class TestAttacks:
    async def test_a_return_that_this_browser_did_not_begin_is_refused(
        self, farm: ApiFarm, new_browser: Callable[[], Browser]
    ) -> None:
        await invited(farm)
        theirs = await new_browser().return_of("ada")
        for victim in (new_browser(), new_browser()):
            problem_of(await victim.http.get(theirs), 401, "sign-in-failed")
            await victim.http.get(f"{FARM}/v1/auth/oidc/login")  # now with a login of its own under way
            problem = problem_of(await victim.http.get(theirs), 401, "sign-in-failed")
            assert "begun in this browser" in problem["detail"]  # said by the farm: the provider was not even asked
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

    async def test_a_provider_that_takes_a_code_twice_still_gets_one_session_out_of_a_login(
        self, farm: ApiFarm, browser: Browser
    ) -> None:
        await invited(farm)
        account_id = UUID((await me(farm, await browser.log_in("ada")))["id"])
        short = timedelta(minutes=1)
        same: dict[str, Any] = {"state": "s", "account_id": account_id, "session_epoch": 1, "code_challenge": None}
        same |= dict.fromkeys(("session_lifetime", "kept", "code_lifetime"), short)
        async with farm.db.transaction() as tx:
            assert await record_login(tx, **same) is not None
        async with farm.db.transaction() as tx:
            assert await record_login(tx, **same) is None

    async def test_an_answer_of_another_issuer_or_of_none_is_refused(self, farm: ApiFarm, browser: Browser) -> None:
        await invited(farm)
        for mixed_up in ("https://evil.example", "https://évil.example", None):
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
