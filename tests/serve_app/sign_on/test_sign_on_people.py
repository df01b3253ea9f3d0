"""As whom somebody gets in: by address, by subject, and with which roles."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.oidc.openid_provider import (
    Browser,
    OpenIdProvider,
)
from tests.serve_app.farm import PASSWORD, ApiFarm, bearer, problem_of
from tests.serve_app.sign_on.steps import NOBODY, invited, me, settings


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

    @settings(**ROLES)
    @pytest.mark.parametrize(("name", "left"), [("ada", ["artist"]), ("eve", [])])
    async def test_who_loses_a_role_by_claims_comes_back_by_no_invitation_of_theirs(
        self, farm: ApiFarm, new_browser: Callable[[], Browser], name: str, left: list[str]
    ) -> None:
        session = await new_browser().log_in(name)
        who = await me(farm, session)
        await _claimed_before(farm, who["id"], farm_role="admin", member="manager")
        by = bearer(session.json()["access_token"])
        tokens = [
            await _offer(farm, path, {"email": email, "role": role}, by)
            for email in ("other@example.org", who["email"])
            for path, role in (("farm", "admin"), ("projects/default", "manager"))
        ]
        seen = await me(farm, await new_browser().log_in(name))
        assert seen["farm_role"] is None
        assert [each["role"] for each in seen["memberships"]] == left
        for token in tokens:
            await _offers_nothing(farm, token)

    @settings(**ROLES)
    async def test_who_is_lowered_in_a_project_by_claims_comes_back_by_no_invitation_into_it(
        self, farm: ApiFarm, new_browser: Callable[[], Browser]
    ) -> None:
        session = await new_browser().log_in("ada")
        await _claimed_before(farm, (await me(farm, session))["id"], farm_role=None, member="manager")
        wish = {"email": "other@example.org", "role": "manager"}
        token = await _offer(farm, "projects/default", wish, bearer(session.json()["access_token"]))
        seen = await me(farm, await new_browser().log_in("ada"))
        assert seen["memberships"] == [{"project": "default", "role": "artist"}]
        await _offers_nothing(farm, token)

    @settings(**{**ROLES, "ROLE_MAP": '{"film-crew": ["gone:artist"]}'})
    async def test_a_map_that_names_no_project_lets_people_in_all_the_same(
        self, farm: ApiFarm, browser: Browser
    ) -> None:
        assert (await me(farm, await browser.log_in("ada")))["memberships"] == []


async def _claimed_before(farm: ApiFarm, account: str, *, farm_role: str | None, member: str) -> None:
    """As if the claims of the last login had given these roles."""
    granted = ",".join([f"default:{member}", *([farm_role] if farm_role else [])])
    await farm.execute(f"update oidc_identity set granted = '{{{granted}}}' where account_id = :id", id=account)
    await farm.execute("update account set farm_role = :role where id = :id", role=farm_role, id=account)
    await farm.execute(
        "insert into member (project_id, account_id, role, created_at) values (:project, :id, :role, now())"
        " on conflict (project_id, account_id) do update set role = :role",
        project=farm.project_id,
        id=account,
        role=member,
    )


async def _offer(farm: ApiFarm, place: str, wish: dict[str, str], by: dict[str, str]) -> str:
    answer = await farm.http.post(f"/v1/{place}/invitations", json=wish, headers=by)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


async def _offers_nothing(farm: ApiFarm, token: str) -> None:
    wish = {"token": token, "password": PASSWORD, "name": "m"}
    problem_of(await farm.http.post("/v1/auth/accept", json=wish, headers=NOBODY), 401, "unauthorized")
