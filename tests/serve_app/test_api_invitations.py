"""Open invitations and roles that change meanwhile: nobody keeps by an invitation what was taken from them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.serve_app.farm import PASSWORD, ApiFarm, bearer, problem_of

NO_KEY = {"Authorization": ""}
OTHER = {"email": "other@example.org", "role": "admin"}
HOME = "/v1/projects/default"


async def offer(farm: ApiFarm, path: str, wish: dict[str, str], by: dict[str, str] | None = None) -> str:
    answer = await farm.http.post(path, json=wish, headers=by)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


async def accept(farm: ApiFarm, token: str) -> httpx.Response:
    wish = {"token": token, "password": PASSWORD, "name": "m"}
    return await farm.http.post("/v1/auth/accept", json=wish, headers=NO_KEY)


async def me(farm: ApiFarm, session: Any) -> Any:
    return (await farm.http.get("/v1/me", headers=bearer(session["access_token"]))).json()


class TestLoweredOnTheFarm:
    @pytest.mark.parametrize("role", [None, "operator"])
    async def test_an_administrator_who_was_lowered_comes_back_by_no_invitation_of_theirs(
        self, farm: ApiFarm, role: str | None
    ) -> None:
        mallory = await farm.person("mallory@example.org", project=None, role="admin")
        by = bearer(mallory["access_token"])
        tokens = [
            await offer(farm, "/v1/farm/invitations", OTHER, by),
            await offer(farm, f"{HOME}/invitations", {**OTHER, "role": "manager"}, by),
        ]
        account = (await me(farm, mallory))["id"]
        assert (await farm.http.patch(f"/v1/accounts/{account}", json={"farm_role": role})).status_code == 200
        for token in tokens:
            problem_of(await accept(farm, token), 401, "unauthorized")
        assert await farm.count("account where email = 'other@example.org'") == 0

    async def test_an_offer_that_was_made_to_them_before_gives_nothing_back(self, farm: ApiFarm) -> None:
        olga = await farm.person("olga@example.org", project=None, role="operator")
        token = await offer(farm, "/v1/farm/invitations", {"email": "olga@example.org", "role": "admin"})
        account = (await me(farm, olga))["id"]
        assert (await farm.http.patch(f"/v1/accounts/{account}", json={"farm_role": None})).status_code == 200
        problem_of(await accept(farm, token), 401, "unauthorized")
        assert (await me(farm, olga))["farm_role"] is None

    async def test_who_is_renamed_or_raised_keeps_what_they_have_offered(self, farm: ApiFarm) -> None:
        olga = await farm.person("olga@example.org", role="manager")
        wish = {"email": "other@example.org", "role": "viewer"}
        token = await offer(farm, f"{HOME}/invitations", wish, bearer(olga["access_token"]))
        account = (await me(farm, olga))["id"]
        for change in ({"name": "Olga"}, {"farm_role": "operator"}, {"farm_role": "admin"}, {"farm_role": "admin"}):
            assert (await farm.http.patch(f"/v1/accounts/{account}", json=change)).status_code == 200
        assert (await accept(farm, token)).status_code == 200


class TestOvertaken:
    @pytest.mark.parametrize(
        ("project", "offered", "present"), [(True, "viewer", "manager"), (False, "operator", "admin")]
    )
    async def test_an_offer_of_less_than_they_have_become_lowers_nobody(
        self, farm: ApiFarm, project: bool, offered: str, present: str
    ) -> None:
        path = f"{HOME}/invitations" if project else "/v1/farm/invitations"
        old = await offer(farm, path, {"email": "ada@example.org", "role": offered})
        ada = await farm.person("ada@example.org", project="default" if project else None, role=present)
        assert (await accept(farm, old)).status_code == 200
        seen = await me(farm, ada)
        assert present in (seen["farm_role"], *(each["role"] for each in seen["memberships"]))
        problem_of(await accept(farm, old), 401, "unauthorized")

    @pytest.mark.parametrize(
        ("project", "offered", "present"), [(True, "manager", "viewer"), (False, "admin", "operator")]
    )
    async def test_an_offer_of_more_raises_them(self, farm: ApiFarm, project: bool, offered: str, present: str) -> None:
        path = f"{HOME}/invitations" if project else "/v1/farm/invitations"
        ada = await farm.person("ada@example.org", project="default" if project else None, role=present)
        token = await offer(farm, path, {"email": "ada@example.org", "role": offered})
        assert (await accept(farm, token)).status_code == 200
        seen = await me(farm, ada)
        assert offered in (seen["farm_role"], *(each["role"] for each in seen["memberships"]))
