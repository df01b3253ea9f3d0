"""What an attacker of logins, sessions and rights tries, and gets nothing by."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta
from typing import Any

import httpx
import pytest

from db import logins
from db.keys import create_key
from jobs.access import FarmRole, Permission
from serve_app.auth.passwords import Passwords
from tests.serve_app.farm import PASSWORD, ApiFarm, bearer, problem_of

EMAIL = "ada@example.org"
NOBODY = {"Authorization": ""}
MONTH = timedelta(days=30)


async def log_in(farm: ApiFarm, email: str = EMAIL, password: str = PASSWORD) -> httpx.Response:
    return await farm.http.post("/v1/auth/login", json={"email": email, "password": password}, headers=NOBODY)


async def refresh(farm: ApiFarm, token: str) -> httpx.Response:
    return await farm.http.post("/v1/auth/refresh", json={"refresh_token": token}, headers=NOBODY)


async def rights_of(farm: ApiFarm, token: str) -> Any:
    return (await farm.http.get("/v1/me", headers=bearer(token))).json()


class TestGuessing:
    async def test_guesses_that_come_at_once_are_no_more_than_guesses_that_come_in_turn(self, farm: ApiFarm) -> None:
        await farm.person(EMAIL)
        answers = await asyncio.gather(*(log_in(farm, password=f"guess number {number}") for number in range(30)))
        assert sum(answer.status_code == 401 for answer in answers) <= 6
        assert {answer.status_code for answer in answers} == {401, 429}

    async def test_a_flood_of_strangers_is_sent_away_and_builds_no_queue(self, farm: ApiFarm) -> None:
        flood = [log_in(farm, email=f"x{number}@example.org") for number in range(80)]
        answers = await asyncio.gather(*flood)
        codes = [answer.status_code for answer in answers]
        assert set(codes) == {401, 429}
        assert codes.count(429) >= 40
        sent_away = next(answer for answer in answers if answer.status_code == 429)
        assert problem_of(sent_away, 429, "too-many-at-once")["remedy"]

    async def test_who_guesses_at_an_address_does_not_lock_its_owner_out_of_their_own_session(
        self, farm: ApiFarm
    ) -> None:
        session = await farm.person(EMAIL)
        for _ in range(6):
            await log_in(farm, password="wrong")
        assert (await log_in(farm)).status_code == 429
        change = {"old": PASSWORD, "new": "a wholly new sentence"}
        changed = await farm.http.put("/v1/me/password", json=change, headers=bearer(session["access_token"]))
        assert changed.status_code == 204


class TestSessions:
    async def test_no_login_by_the_old_password_outlives_its_change(self, farm: ApiFarm) -> None:
        session = await farm.person(EMAIL)
        got: list[str] = []
        out = asyncio.Event()

        async def thief() -> None:
            while not out.is_set():
                answer = await log_in(farm)
                if answer.status_code == 200:
                    got.append(answer.json()["refresh_token"])

        thieves = [asyncio.create_task(thief()) for _ in range(6)]
        while len(got) < 3:
            await asyncio.sleep(0.05)
        change = {"old": PASSWORD, "new": "a wholly new sentence"}
        changed = await farm.http.put("/v1/me/password", json=change, headers=bearer(session["access_token"]))
        assert changed.status_code == 204
        out.set()
        await asyncio.gather(*thieves)
        for token in got:
            problem_of(await refresh(farm, token), 401, "unauthorized")

    async def test_a_session_that_is_renewed_while_its_account_is_disabled_ends_too(self, farm: ApiFarm) -> None:
        session = await farm.person(EMAIL)
        account = (await rights_of(farm, session["access_token"]))["id"]
        async with farm.db.transaction() as tx:
            renewed = await logins.renew_login(tx, refresh_token=session["refresh_token"], lifetime=MONTH)
            disable = asyncio.create_task(farm.http.patch(f"/v1/accounts/{account}", json={"disabled": True}))
            await asyncio.sleep(0.5)
        assert (await disable).status_code == 200
        assert isinstance(renewed, logins.Renewed)
        await farm.http.patch(f"/v1/accounts/{account}", json={"disabled": False})
        problem_of(await refresh(farm, renewed.refresh_token), 401, "unauthorized")

    async def test_a_session_that_is_renewed_while_its_password_changes_ends_too(self, farm: ApiFarm) -> None:
        session = await farm.person(EMAIL)
        change = {"old": PASSWORD, "new": "a wholly new sentence"}
        async with farm.db.transaction() as tx:
            renewed = await logins.renew_login(tx, refresh_token=session["refresh_token"], lifetime=MONTH)
            changing = asyncio.create_task(
                farm.http.put("/v1/me/password", json=change, headers=bearer(session["access_token"]))
            )
            await asyncio.sleep(0.5)
        assert (await changing).status_code == 204
        assert isinstance(renewed, logins.Renewed)
        problem_of(await refresh(farm, renewed.refresh_token), 401, "unauthorized")

    async def test_a_password_is_not_written_over_what_ended_its_sessions_while_it_was_hashed(
        self, farm: ApiFarm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session = await farm.person(EMAIL)
        headers = bearer(session["access_token"])
        hash_password = Passwords.hash

        async def hash_slowly(passwords: Passwords, password: str) -> str:
            assert (await farm.http.delete("/v1/me/sessions", headers=headers)).status_code == 204
            return await hash_password(passwords, password)

        monkeypatch.setattr(Passwords, "hash", hash_slowly)
        change = {"old": PASSWORD, "new": "the sentence of who stole it"}
        problem_of(await farm.http.put("/v1/me/password", json=change, headers=headers), 409, "conflict")
        assert (await log_in(farm)).status_code == 200

    async def test_a_renewal_under_way_does_not_save_a_chain_that_was_copied(self, farm: ApiFarm) -> None:
        session = await farm.person(EMAIL)
        second = (await refresh(farm, session["refresh_token"])).json()["refresh_token"]
        async with farm.db.transaction() as tx:
            third = await logins.renew_login(tx, refresh_token=second, lifetime=MONTH)
            copied = asyncio.create_task(refresh(farm, session["refresh_token"]))
            await asyncio.sleep(0.5)
        problem_of(await copied, 401, "unauthorized")
        assert isinstance(third, logins.Renewed)
        problem_of(await refresh(farm, third.refresh_token), 401, "unauthorized")


class TestRights:
    @pytest.mark.parametrize(
        ("keys", "role", "scope", "invitations", "offered"),
        [
            ("/v1/keys", "manager", "project:manage", "/v1/projects/default/invitations", "manager"),
            ("/v1/farm/keys", "admin", "project:manage", "/v1/projects/default/invitations", "viewer"),
            ("/v1/farm/keys", "admin", "farm:admin", "/v1/farm/invitations", "admin"),
        ],
    )
    async def test_a_narrowed_key_does_not_widen_itself_by_inviting(
        self, farm: ApiFarm, keys: str, role: str, scope: str, invitations: str, offered: str
    ) -> None:
        made = (await farm.http.post(keys, json={"name": "narrow", "role": role, "scopes": [scope]})).json()
        invited = await farm.http.post(invitations, json={"email": EMAIL, "role": offered}, headers=bearer(made["key"]))
        assert "rights that you do not have" in problem_of(invited, 403, "forbidden")["detail"]

    async def test_nor_by_making_a_member_or_an_administrator_of_somebody(self, farm: ApiFarm) -> None:
        session = await farm.person(EMAIL, role="viewer")
        account = (await rights_of(farm, session["access_token"]))["id"]
        wish = {"name": "narrow", "role": "admin", "scopes": ["project:manage", "farm:admin"]}
        narrow = bearer((await farm.http.post("/v1/farm/keys", json=wish)).json()["key"])
        path = f"/v1/projects/default/members/{account}"
        problem_of(await farm.http.put(path, json={"role": "manager"}, headers=narrow), 403, "forbidden")
        answer = await farm.http.patch(f"/v1/accounts/{account}", json={"farm_role": "admin"}, headers=narrow)
        problem_of(answer, 403, "forbidden")

    async def test_a_manager_who_is_taken_out_does_not_come_back_by_a_leftover_invitation(self, farm: ApiFarm) -> None:
        session = await farm.person(EMAIL, role="manager")
        headers = bearer(session["access_token"])
        account = (await rights_of(farm, session["access_token"]))["id"]
        path = "/v1/projects/default/invitations"
        offers = [
            (await farm.http.post(path, json={"email": email, "role": "manager"}, headers=headers)).json()
            for email in (EMAIL, "friend@example.org")
        ]
        assert (await farm.http.delete(f"/v1/projects/default/members/{account}")).status_code == 204
        for offer in offers:
            asked = {"token": offer["token"], "password": PASSWORD, "name": "Friend"}
            problem_of(await farm.http.post("/v1/auth/accept", json=asked, headers=NOBODY), 401, "unauthorized")

    async def test_a_farm_key_that_may_read_no_project_is_shown_none(self, farm: ApiFarm) -> None:
        async with farm.db.transaction() as tx:
            made = await create_key(tx, project_id=None, name="n", role=FarmRole.OPERATOR, scopes=[Permission.SELF])
        await farm.http.post("/v1/projects", json={"slug": "secret", "name": "Secret"})
        assert (await farm.http.get("/v1/projects", headers=bearer(made.key))).json()["items"] == []


class TestOddText:
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "/v1/auth/login", b'{"email":"a@b.cc","password":"\\ud800"}'),
            ("POST", "/v1/auth/accept", b'{"token":"rfi_x","password":"a long sentence","name":"a\\u0000b"}'),
            ("POST", "/v1/keys", b'{"name":"a\\u0000b"}'),
            ("POST", "/v1/keys", b'{"name":"\\u202eevil\\nline\\u001b[31m"}'),
            ("POST", "/v1/keys", b'{"name":"e","expires_at":"9999-12-31T23:59:59-23:59"}'),
            ("POST", "/v1/keys", b'{"name":"e","expires_at":"0001-01-01T00:00:00+23:59"}'),
            ("POST", "/v1/projects", b'{"slug":"a","name":"a\\u0000b"}'),
            ("PATCH", "/v1/projects/default", b'{"name":"\\ud800"}'),
        ],
    )
    async def test_text_that_nothing_can_hold_is_refused(
        self, farm: ApiFarm, method: str, path: str, body: bytes
    ) -> None:
        answer = await farm.http.request(method, path, content=body, headers={"Content-Type": "application/json"})
        problem_of(answer, 422, "invalid-input")

    @pytest.mark.parametrize("slug", ["%00", "a%00b", "DEFAULT", "default%20", "%ED%A0%80"])
    async def test_what_is_no_slug_names_no_project(self, farm: ApiFarm, slug: str) -> None:
        for path in (f"/v1/projects/{slug}", f"/v1/projects/{slug}/members"):
            problem_of(await farm.http.get(path), 404, "not-found")

    @pytest.mark.parametrize("part", [b'["a\\u0000"]', b'["\\ud800"]'])
    async def test_a_cursor_that_nothing_can_hold_is_refused(self, farm: ApiFarm, part: bytes) -> None:
        cursor = base64.urlsafe_b64encode(part).decode().rstrip("=")
        problem_of(await farm.http.get("/v1/accounts", params={"cursor": cursor}), 422, "bad-cursor")
