"""Service accounts: what a program may do, and that its keys live and die with it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serve_app.farm import PASSWORD, ApiFarm, bearer, problem_of

PROJECT = "/v1/projects/default/service-accounts"
FARM = "/v1/farm/service-accounts"


async def made(farm: ApiFarm, where: str = PROJECT, **wishes: Any) -> Any:
    answer = await farm.http.post(where, json={"name": "Nightly CI", **wishes})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def key_of(farm: ApiFarm, account: Any, where: str = PROJECT, **wishes: Any) -> Any:
    answer = await farm.http.post(f"{where}/{account['id']}/keys", json={"name": "build-3", **wishes})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def rights_of(farm: ApiFarm, key: Any) -> set[str]:
    return set((await farm.http.get("/v1/me", headers=bearer(key["key"]))).json()["permissions"])


class TestProgram:
    async def test_its_key_is_what_the_account_is_and_says_so(self, farm: ApiFarm) -> None:
        account = await made(farm, role="viewer")
        key = await key_of(farm, account)
        seen = (await farm.http.get("/v1/me", headers=bearer(key["key"]))).json()
        assert (seen["kind"], seen["service_account"]) == ("key", "Nightly CI")
        assert seen["permissions"] == ["project:read", "self"]
        assert (key["role"], key["service_account"]) == ("viewer", account["id"])

    async def test_a_change_of_its_role_changes_all_its_keys_at_once(self, farm: ApiFarm) -> None:
        account = await made(farm, role="viewer")
        key = await key_of(farm, account)
        member = f"/v1/projects/default/members/{account['id']}"
        assert (await farm.http.put(member, json={"role": "artist"})).status_code == 200
        assert "project:render" in await rights_of(farm, key)
        assert (await farm.http.get("/v1/keys")).json()["items"][0]["role"] == "artist"
        assert (await farm.http.delete(member)).status_code == 204
        problem_of(await farm.http.get("/v1/me", headers=bearer(key["key"])), 401, "unauthorized")
        assert (await farm.http.get("/v1/keys")).json()["items"][0]["role"] is None

    async def test_scopes_narrow_its_key(self, farm: ApiFarm) -> None:
        account = await made(farm, role="artist")
        key = await key_of(farm, account, scopes=["project:read"])
        assert await rights_of(farm, key) == {"project:read", "self"}
        wish = {"name": "k", "scopes": ["project:manage"]}
        answer = await farm.http.post(f"{PROJECT}/{account['id']}/keys", json=wish)
        problem_of(answer, 422, "invalid-input")

    async def test_one_of_the_farm_acts_everywhere(self, farm: ApiFarm) -> None:
        account = await made(farm, FARM, role="operator")
        key = await key_of(farm, account, FARM)
        assert "farm:operate" in await rights_of(farm, key)
        await farm.http.patch(f"/v1/accounts/{account['id']}", json={"farm_role": "admin"})
        assert "farm:admin" in await rights_of(farm, key)

    async def test_its_keys_die_with_it_and_others_do_not(self, farm: ApiFarm) -> None:
        for where, role in ((PROJECT, "artist"), (FARM, "operator")):
            first, second = [await made(farm, where, role=role) for _ in range(2)]
            keys = [await key_of(farm, first, where), await key_of(farm, first, where)]
            other = await key_of(farm, second, where)
            assert (await farm.http.delete(f"{where}/{first['id']}")).status_code == 204
            for key in keys:
                problem_of(await farm.http.get("/v1/me", headers=bearer(key["key"])), 401, "unauthorized")
            assert await rights_of(farm, other)
            left = (await farm.http.get(where)).json()["items"]
            assert [each["id"] for each in left] == [second["id"]]
            problem_of(await farm.http.delete(f"{where}/{first['id']}"), 404, "not-found")
            answer = await farm.http.post(f"{where}/{first['id']}/keys", json={"name": "late"})
            problem_of(answer, 404, "not-found")

    async def test_a_disabled_ones_keys_rest_until_it_is_enabled(self, farm: ApiFarm) -> None:
        account = await made(farm)
        key = await key_of(farm, account)
        await farm.http.patch(f"/v1/accounts/{account['id']}", json={"disabled": True})
        problem_of(await farm.http.get("/v1/me", headers=bearer(key["key"])), 401, "unauthorized")
        answer = await farm.http.post(f"{PROJECT}/{account['id']}/keys", json={"name": "another"})
        problem_of(answer, 409, "conflict")
        await farm.http.patch(f"/v1/accounts/{account['id']}", json={"disabled": False})
        assert await rights_of(farm, key)


class TestBounds:
    async def test_lists_tell_programs_from_people(self, farm: ApiFarm) -> None:
        await farm.person("ada@example.org")
        account = await made(farm)
        assert account["email"].startswith("nightly-ci-")
        members = (await farm.http.get("/v1/projects/default/members")).json()["items"]
        assert {each["email"]: each["kind"] for each in members} == {
            "ada@example.org": "person",
            account["email"]: "service",
        }
        accounts = (await farm.http.get("/v1/accounts")).json()["items"]
        assert sorted(each["kind"] for each in accounts) == ["person", "service"]

    async def test_it_cannot_log_in_and_nobody_takes_its_address(self, farm: ApiFarm) -> None:
        account = await made(farm)
        wish = {"email": account["email"], "password": PASSWORD}
        answer = await farm.http.post("/v1/auth/login", json=wish, headers={"Authorization": ""})
        assert problem_of(answer, 422, "invalid-input")["field"] == "email"
        answer = await farm.http.post("/v1/projects/default/invitations", json={"email": account["email"]})
        problem_of(answer, 422, "invalid-input")

    async def test_nobody_makes_one_with_more_rights_than_their_own(self, farm: ApiFarm) -> None:
        manager = (await farm.person("ada@example.org", role="manager"))["access_token"]
        narrow = await farm.http.post("/v1/keys", json={"name": "n", "role": "manager", "scopes": ["project:manage"]})
        headers = bearer(narrow.json()["key"])
        answer = await farm.http.post(PROJECT, json={"name": "a", "role": "artist"}, headers=headers)
        problem_of(answer, 403, "forbidden")
        account = await made(farm, role="manager")
        answer = await farm.http.post(f"{PROJECT}/{account['id']}/keys", json={"name": "k"}, headers=headers)
        problem_of(answer, 403, "forbidden")
        answer = await farm.http.post(FARM, json={"name": "a", "role": "admin"}, headers=bearer(manager))
        problem_of(answer, 403, "forbidden")

    @pytest.mark.parametrize("end", ["", "/keys"])
    async def test_one_of_another_project_is_not_there(self, farm: ApiFarm, end: str) -> None:
        account = await made(farm)
        headers = bearer(await farm.new_key("other"))
        there = f"/v1/projects/other/service-accounts/{account['id']}{end}"
        answer = await (
            farm.http.post(there, json={"name": "k"}, headers=headers)
            if end
            else farm.http.delete(there, headers=headers)
        )
        problem_of(answer, 404, "not-found")
        problem_of(await farm.http.delete(f"{FARM}/{account['id']}"), 404, "not-found")

    async def test_one_of_a_project_gets_no_role_on_the_farm(self, farm: ApiFarm) -> None:
        account = await made(farm)
        answer = await farm.http.patch(f"/v1/accounts/{account['id']}", json={"farm_role": "operator"})
        problem_of(answer, 409, "conflict")


class TestPages:
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/v1/keys", {"role": "viewer"}),
            ("/v1/farm/keys", {"role": "operator"}),
            (PROJECT, {"role": "viewer"}),
            (FARM, {"role": "operator"}),
            ("/v1/projects/default/invitations", {"role": "viewer"}),
            ("/v1/farm/invitations", {"role": "operator"}),
        ],
    )
    async def test_a_list_comes_in_pages_newest_first(self, farm: ApiFarm, path: str, body: dict[str, str]) -> None:
        there = len((await farm.http.get(path)).json()["items"])
        made = []
        for number in range(3):
            name = {"email": f"p{number}@example.org"} if path.endswith("invitations") else {"name": f"p{number}"}
            answer = await farm.http.post(path, json={**name, **body})
            assert answer.status_code == 201, answer.text
            made.append(answer.json()["id"])
        found = await pages_of(farm, path)
        assert found[:3] == made[::-1]
        assert len(found) == there + 3

    async def test_members_come_in_pages_by_address(self, farm: ApiFarm) -> None:
        for number in range(3):
            body = {"name": f"p{number}", "role": "viewer"}
            assert (await farm.http.post(PROJECT, json=body)).status_code == 201
        path = "/v1/projects/default/members"
        whole = (await farm.http.get(path)).json()["items"]
        assert await pages_of(farm, path, "email") == sorted(member["email"] for member in whole)
        assert len(whole) >= 3


async def pages_of(farm: ApiFarm, path: str, name: str = "id") -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = (await farm.http.get(path, params={"limit": 1, **({"cursor": cursor} if cursor else {})})).json()
        assert len(page["items"]) == 1
        found.append(page["items"][0][name])
        cursor = page["next_cursor"]
        if cursor is None:
            return found
