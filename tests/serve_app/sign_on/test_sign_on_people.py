"""As whom somebody gets in: by address, by subject, and with which roles."""

from __future__ import annotations

from collections.abc import Callable

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

    @settings(**{**ROLES, "ROLE_MAP": '{"film-crew": ["gone:artist"]}'})
    async def test_a_map_that_names_no_project_lets_people_in_all_the_same(
        self, farm: ApiFarm, browser: Browser
    ) -> None:
        assert (await me(farm, await browser.log_in("ada")))["memberships"] == []
