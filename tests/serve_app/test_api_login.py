"""People: from an invitation to the end of a session, and what attackers try on the way."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from tests.serve_app.farm import PASSWORD, ApiFarm, bearer, problem_of

EMAIL = "ada@example.org"
KEY = "a-key-of-these-tests-alone-0123456789"
NOBODY = {"Authorization": ""}


async def log_in(farm: ApiFarm, email: str = EMAIL, password: str = PASSWORD) -> httpx.Response:
    return await farm.http.post("/v1/auth/login", json={"email": email, "password": password}, headers=NOBODY)


async def refresh(farm: ApiFarm, token: str) -> httpx.Response:
    return await farm.http.post("/v1/auth/refresh", json={"refresh_token": token}, headers=NOBODY)


async def me(farm: ApiFarm, token: str) -> httpx.Response:
    return await farm.http.get("/v1/me", headers=bearer(token))


class TestInvitation:
    async def test_an_invited_person_is_what_the_invitation_says(self, farm: ApiFarm) -> None:
        session = await farm.person("Ada@Example.org", role="artist")
        seen = (await me(farm, session["access_token"])).json()
        assert (seen["kind"], seen["email"]) == ("account", EMAIL)
        assert seen["memberships"] == [{"project": "default", "role": "artist"}]
        assert seen["permissions"] == ["project:read", "project:render", "self"]
        [member] = (await farm.http.get("/v1/projects/default/members")).json()["items"]
        assert (member["email"], member["role"]) == (EMAIL, "artist")

    async def test_an_invitation_is_taken_up_once_however_many_try_at_the_same_time(self, farm: ApiFarm) -> None:
        invited = (await farm.http.post("/v1/projects/default/invitations", json={"email": EMAIL})).json()
        offer = {"token": invited["token"], "password": PASSWORD, "name": "Ada"}
        answers = await asyncio.gather(
            *(farm.http.post("/v1/auth/accept", json=offer, headers=NOBODY) for _ in range(4))
        )
        assert sorted(answer.status_code for answer in answers)[0] == 200
        assert sum(answer.status_code == 200 for answer in answers) == 1
        problem_of(await farm.http.post("/v1/auth/accept", json=offer, headers=NOBODY), 401, "unauthorized")
        assert (await farm.count("account"), await farm.count("member")) == (1, 1)

    async def test_somebody_with_an_account_takes_up_another_role_by_their_password_alone(self, farm: ApiFarm) -> None:
        await farm.person(EMAIL)
        await farm.http.post("/v1/projects", json={"slug": "film", "name": "Film"})
        invited = (
            await farm.http.post("/v1/projects/film/invitations", json={"email": EMAIL, "role": "viewer"})
        ).json()
        offer = {"token": invited["token"], "password": "not the one of this account", "name": "Mallory"}
        problem_of(await farm.http.post("/v1/auth/accept", json=offer, headers=NOBODY), 401, "unauthorized")
        offer = {"token": invited["token"], "password": PASSWORD}
        session = (await farm.http.post("/v1/auth/accept", json=offer, headers=NOBODY)).json()
        seen = (await me(farm, session["access_token"])).json()
        assert [each["project"] for each in seen["memberships"]] == ["default", "film"]
        assert seen["name"] == "ada"
        listed = await farm.http.get("/v1/jobs", headers=bearer(session["access_token"]))
        assert listed.status_code == 200  # in `default`, which is one of theirs

    async def test_a_withdrawn_and_an_expired_invitation_offer_nothing(self, farm: ApiFarm) -> None:
        path = "/v1/projects/default/invitations"
        withdrawn = (await farm.http.post(path, json={"email": EMAIL})).json()
        assert (await farm.http.delete(f"{path}/{withdrawn['id']}")).status_code == 204
        expired = (await farm.http.post(path, json={"email": EMAIL})).json()
        await farm.execute("update invitation set expires_at = now() where id = :id", id=expired["id"])
        assert (await farm.http.get(path)).json()["items"] == []
        for one in (withdrawn, expired):
            offer = {"token": one["token"], "password": PASSWORD, "name": "Ada"}
            problem_of(await farm.http.post("/v1/auth/accept", json=offer, headers=NOBODY), 401, "unauthorized")

    @pytest.mark.parametrize("password", ["short", "x" * 257])
    async def test_a_password_has_bounds(self, farm: ApiFarm, password: str) -> None:
        offer = {"token": "rfi_x", "password": password, "name": "Ada"}
        answer = await farm.http.post("/v1/auth/accept", json=offer, headers=NOBODY)
        problem = problem_of(answer, 422, "invalid-input")
        assert password not in json.dumps(problem)

    @pytest.mark.parametrize("email", ["ada", "@example.org", "ada@", "a b@example.org", "ada@ex\nample.org"])
    async def test_what_is_no_address_is_refused(self, farm: ApiFarm, email: str) -> None:
        answer = await farm.http.post("/v1/projects/default/invitations", json={"email": email})
        assert problem_of(answer, 422, "invalid-input")["field"] == "email"


class TestLogin:
    async def test_a_wrong_password_and_an_unknown_address_are_told_alike(self, farm: ApiFarm) -> None:
        await farm.person(EMAIL)
        assert (await log_in(farm)).status_code == 200
        wrong = problem_of(await log_in(farm, password="wrong"), 401, "unauthorized")
        unknown = problem_of(await log_in(farm, email="eve@example.org"), 401, "unauthorized")
        assert (wrong["detail"], wrong["remedy"]) == (unknown["detail"], unknown["remedy"])

    @pytest.mark.parametrize("email", [EMAIL, "eve@example.org"])
    async def test_many_failures_make_the_next_wait_whoever_has_the_address(self, farm: ApiFarm, email: str) -> None:
        await farm.person(EMAIL)
        for _ in range(5):
            problem_of(await log_in(farm, email=email, password="wrong"), 401, "unauthorized")
        await farm.execute("update login_throttle set last_at = now() + interval '1 minute'")  # a slow machine
        answer = await log_in(farm, email=email)
        problem_of(answer, 429, "too-many-logins")
        assert int(answer.headers["retry-after"]) >= 1
        await farm.execute("update login_throttle set last_at = now() - interval '1 hour'")
        assert (await log_in(farm, email=email)).status_code == (200 if email == EMAIL else 401)

    async def test_whoever_is_disabled_is_out_at_once_and_cannot_come_back(self, farm: ApiFarm) -> None:
        session = await farm.person(EMAIL)
        account = (await me(farm, session["access_token"])).json()["id"]
        changed = await farm.http.patch(f"/v1/accounts/{account}", json={"disabled": True})
        assert changed.json()["disabled_at"]
        problem_of(await me(farm, session["access_token"]), 401, "unauthorized")
        problem_of(await refresh(farm, session["refresh_token"]), 401, "unauthorized")
        problem_of(await log_in(farm), 401, "unauthorized")
        await farm.http.patch(f"/v1/accounts/{account}", json={"disabled": False})
        assert (await log_in(farm)).status_code == 200

    async def test_a_new_password_ends_every_session(self, farm: ApiFarm) -> None:
        session = await farm.person(EMAIL)
        other = (await log_in(farm)).json()
        change = {"old": PASSWORD, "new": "another sentence of mine"}
        headers = bearer(session["access_token"])
        wrong = await farm.http.put("/v1/me/password", json={**change, "old": "guess"}, headers=headers)
        assert problem_of(wrong, 422, "invalid-input")["field"] == "old"
        assert (await farm.http.put("/v1/me/password", json=change, headers=headers)).status_code == 204
        for token in (session, other):
            problem_of(await me(farm, token["access_token"]), 401, "unauthorized")
            problem_of(await refresh(farm, token["refresh_token"]), 401, "unauthorized")
        problem_of(await log_in(farm), 401, "unauthorized")
        assert (await log_in(farm, password=change["new"])).status_code == 200

    async def test_a_member_who_is_taken_out_sees_the_project_no_more(self, farm: ApiFarm) -> None:
        session = await farm.person(EMAIL)
        headers = bearer(session["access_token"])
        [member] = (await farm.http.get("/v1/projects/default/members")).json()["items"]
        demoted = await farm.http.put(f"/v1/projects/default/members/{member['account']}", json={"role": "viewer"})
        assert demoted.json()["role"] == "viewer"
        problem_of(await farm.http.post("/v1/jobs", json={}, headers=headers), 403, "forbidden")
        removed = await farm.http.delete(f"/v1/projects/default/members/{member['account']}")
        assert removed.status_code == 204
        problem_of(await farm.http.get("/v1/jobs", headers=headers), 404, "not-found")
        assert (await me(farm, session["access_token"])).json()["memberships"] == []

    async def test_no_password_token_or_key_gets_into_the_log(
        self, farm: ApiFarm, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        session = await farm.person(EMAIL)
        await log_in(farm, password="wrong sentence entirely")
        assert (await refresh(farm, session["refresh_token"])).status_code == 200
        problem_of(await refresh(farm, session["refresh_token"]), 401, "unauthorized")
        made = (await farm.http.post("/v1/keys", json={"name": "ci"})).json()
        await farm.http.get("/v1/jobs", headers=bearer(made["key"]))
        said = "".join(capfd.readouterr()) + caplog.text
        secrets = (PASSWORD, "wrong sentence", session["access_token"], session["refresh_token"], made["key"])
        assert "auth.reuse" in said
        assert not [secret for secret in secrets if secret in said]


class TestRefresh:
    async def test_each_refresh_token_is_good_once(self, farm: ApiFarm) -> None:
        session = await farm.person(EMAIL)
        following = (await refresh(farm, session["refresh_token"])).json()
        assert following["refresh_token"] != session["refresh_token"]
        assert (await me(farm, following["access_token"])).status_code == 200
        assert (await refresh(farm, following["refresh_token"])).status_code == 200

    async def test_a_copied_refresh_token_ends_the_session_for_thief_and_owner(self, farm: ApiFarm) -> None:
        session = await farm.person(EMAIL)
        stolen = session["refresh_token"]
        following = (await refresh(farm, stolen)).json()
        problem_of(await refresh(farm, stolen), 401, "unauthorized")
        problem_of(await refresh(farm, following["refresh_token"]), 401, "unauthorized")
        assert (await log_in(farm)).status_code == 200

    async def test_a_refresh_token_that_is_sent_many_times_at_once_renews_once(self, farm: ApiFarm) -> None:
        session = await farm.person(EMAIL)
        answers = await asyncio.gather(*(refresh(farm, session["refresh_token"]) for _ in range(5)))
        assert sum(answer.status_code == 200 for answer in answers) == 1

    async def test_logging_out_ends_one_session_and_no_other(self, farm: ApiFarm) -> None:
        first, second = await farm.person(EMAIL), (await log_in(farm)).json()
        out = await farm.http.post("/v1/auth/logout", json={"refresh_token": first["refresh_token"]}, headers=NOBODY)
        assert out.status_code == 204
        problem_of(await refresh(farm, first["refresh_token"]), 401, "unauthorized")
        assert (await refresh(farm, second["refresh_token"])).status_code == 200

    async def test_an_expired_refresh_token_is_nothing(self, farm: ApiFarm) -> None:
        session = await farm.person(EMAIL)
        await farm.execute("update refresh_token set expires_at = now()")
        problem_of(await refresh(farm, session["refresh_token"]), 401, "unauthorized")


def forged(claims: dict[str, Any], *, key: str = KEY, algorithm: str = "HS256", **headers: Any) -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers={"typ": "at+jwt", **headers})


class TestForgedTokens:
    @pytest.fixture
    async def claims(self, farm: ApiFarm) -> dict[str, Any]:
        """Those of a token that is good."""
        session = await farm.person(EMAIL)
        found: dict[str, Any] = jwt.decode(session["access_token"], options={"verify_signature": False})
        assert (await me(farm, forged(found))).status_code == 200
        return found

    @pytest.mark.parametrize(
        "change",
        [
            {"aud": "another-api"},
            {"iss": "another-farm"},
            {"exp": datetime.now(UTC) - timedelta(minutes=1)},
            {"sub": str(uuid4())},
            {"sub": "not a uuid"},
            {"epoch": 2},
            {"epoch": "1"},
            {"epoch": True},
            {"exp": None},
            {"aud": None},
            {"epoch": None},
        ],
        ids=str,
    )
    async def test_a_claim_that_is_not_right_opens_nothing(
        self, farm: ApiFarm, claims: dict[str, Any], change: dict[str, Any]
    ) -> None:
        spoiled = {name: value for name, value in {**claims, **change}.items() if value is not None}
        problem_of(await me(farm, forged(spoiled)), 401, "unauthorized")

    async def test_no_other_algorithm_key_or_type_is_believed(self, farm: ApiFarm, claims: dict[str, Any]) -> None:
        head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').rstrip(b"=").decode()
        body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
        good = forged(claims)
        for token in (
            f"{head}.{body}.",
            forged(claims, key=2 * KEY, algorithm="HS512"),
            forged(claims, key="another-key-of-somebody-else-0123456789"),
            forged(claims, typ="JWT"),
            good[:-2] + ("AA" if good[-2:] != "AA" else "BA"),
            "a.b.c",
            "..",
        ):
            problem_of(await me(farm, token), 401, "unauthorized")


class TestKeys:
    async def test_a_key_is_shown_once_and_opens_what_its_role_allows(self, farm: ApiFarm) -> None:
        made = (await farm.http.post("/v1/keys", json={"name": "ci", "role": "viewer"})).json()
        assert (await farm.http.get("/v1/jobs", headers=bearer(made["key"]))).status_code == 200
        problem_of(await farm.http.post("/v1/jobs", json={}, headers=bearer(made["key"])), 403, "forbidden")
        [listed] = (await farm.http.get("/v1/keys")).json()["items"]
        assert "key" not in listed
        assert (listed["prefix"], listed["created_by"]) == (made["prefix"], "key test")
        assert listed["last_used_at"] is not None
        assert (await farm.http.delete(f"/v1/keys/{made['id']}")).status_code == 204
        problem_of(await farm.http.get("/v1/jobs", headers=bearer(made["key"])), 401, "unauthorized")

    async def test_nobody_makes_a_key_that_may_more_than_they(self, farm: ApiFarm) -> None:
        scopes = ["project:manage", "project:read"]
        narrow = (await farm.http.post("/v1/keys", json={"name": "a", "role": "manager", "scopes": scopes})).json()
        answer = await farm.http.post("/v1/keys", json={"name": "b", "role": "artist"}, headers=bearer(narrow["key"]))
        assert "project:render" in problem_of(answer, 403, "forbidden")["detail"]
        manager = await farm.new_key("studio")
        answer = await farm.http.post("/v1/farm/keys", json={"name": "c", "role": "admin"}, headers=bearer(manager))
        problem_of(answer, 403, "forbidden")

    async def test_a_scope_beyond_the_role_is_refused_by_name(self, farm: ApiFarm) -> None:
        wish = {"name": "a", "role": "viewer", "scopes": ["project:render"]}
        problem = problem_of(await farm.http.post("/v1/keys", json=wish), 422, "invalid-input")
        assert "project:render" in problem["detail"]

    async def test_a_key_of_another_project_cannot_be_revoked(self, farm: ApiFarm) -> None:
        made = (await farm.http.post("/v1/keys", json={"name": "ci"})).json()
        stranger = bearer(await farm.new_key("stranger"))
        problem_of(await farm.http.delete(f"/v1/keys/{made['id']}", headers=stranger), 404, "not-found")
        assert (await farm.http.get("/v1/jobs", headers=bearer(made["key"]))).status_code == 200


class TestProjects:
    async def test_a_new_project_is_empty_and_its_slug_is_taken_once(self, farm: ApiFarm) -> None:
        new = {"slug": "film", "name": "Film", "weight": 300}
        made = await farm.http.post("/v1/projects", json=new)
        assert (made.status_code, made.json()["weight"]) == (201, 300)
        problem_of(await farm.http.post("/v1/projects", json=new), 409, "conflict")
        listed = await farm.http.get("/v1/jobs", headers={"X-Rayfarm-Project": "film"})
        assert listed.json()["items"] == []

    async def test_a_person_sees_their_own_projects_and_no_other(self, farm: ApiFarm) -> None:
        await farm.http.post("/v1/projects", json={"slug": "film", "name": "Film"})
        session = await farm.person(EMAIL)
        headers = bearer(session["access_token"])
        assert [each["slug"] for each in (await farm.http.get("/v1/projects", headers=headers)).json()["items"]] == [
            "default"
        ]
        assert len((await farm.http.get("/v1/projects")).json()["items"]) == 2

    async def test_who_is_in_several_projects_and_names_none_is_asked_which(self, farm: ApiFarm) -> None:
        for slug in ("film", "game"):
            await farm.http.post("/v1/projects", json={"slug": slug, "name": slug})
        await farm.person(EMAIL, project="film")
        invited = (await farm.http.post("/v1/projects/game/invitations", json={"email": EMAIL})).json()
        offer = {"token": invited["token"], "password": PASSWORD}
        session = (await farm.http.post("/v1/auth/accept", json=offer, headers=NOBODY)).json()
        headers = bearer(session["access_token"])
        problem = problem_of(await farm.http.get("/v1/jobs", headers=headers), 422, "invalid-input")
        assert "film, game" in problem["detail"]
        named = await farm.http.get("/v1/jobs", headers={**headers, "X-Rayfarm-Project": "game"})
        assert named.status_code == 200
