"""Who may do what: every route for every role, held against the one table."""

from __future__ import annotations

import pytest

from db.keys import create_key
from jobs.access import GRANTS, FarmRole, Permission, ProjectRole, Role
from serve_app.permissions import REQUIRED, require_complete
from tests.serve_app.farm import ApiFarm, bearer, problem_of
from tests.serve_app.routes import routes_of

ROLES: tuple[Role, ...] = (*ProjectRole, *FarmRole)


async def key_of(farm: ApiFarm, role: Role, scopes: tuple[str, ...] = ()) -> dict[str, str]:
    project_id = farm.project_id if isinstance(role, ProjectRole) else None
    async with farm.db.transaction() as tx:
        return bearer((await create_key(tx, project_id=project_id, name=role, role=role, scopes=scopes)).key)


OF_PEOPLE = frozenset({"change_password", "end_my_sessions"})
"""Routes that change who asks."""


async def allowed(farm: ApiFarm, headers: dict[str, str]) -> set[str]:
    """The routes that answer with anything but a refusal; what is asked for is not there, or not valid."""
    found = set()
    for route in routes_of(farm):
        if route.name in OF_PEOPLE:
            continue
        answer = await farm.http.request(route.method, route.address, headers=headers, json={})
        assert answer.status_code not in (401, 500), (route, answer.text)
        if answer.status_code == 403:
            assert route.method == "head" or answer.json()["code"] == "forbidden"
        else:
            found.add(route.name)
    return found


def reachable(*rights: Permission) -> set[str]:
    """What the table says."""
    return {name for name, permission in REQUIRED.items() if permission in rights} - OF_PEOPLE


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_reaches_the_routes_of_its_rights_and_no_other(farm: ApiFarm, role: Role) -> None:
    assert await allowed(farm, await key_of(farm, role)) == reachable(*GRANTS[role])


@pytest.mark.parametrize("role", [ProjectRole.VIEWER, ProjectRole.MANAGER, FarmRole.OPERATOR])
async def test_a_person_reaches_what_a_key_of_the_same_role_does(farm: ApiFarm, role: Role) -> None:
    project = "default" if isinstance(role, ProjectRole) else None
    session = await farm.person("ada@example.org", project=project, role=role)
    assert await allowed(farm, bearer(session["access_token"])) == reachable(*GRANTS[role])


async def test_scopes_narrow_a_key_and_never_widen_it(farm: ApiFarm) -> None:
    reader = await key_of(farm, ProjectRole.MANAGER, (Permission.PROJECT_READ,))
    assert await allowed(farm, reader) == reachable(Permission.SELF, Permission.PROJECT_READ)
    greedy = await key_of(farm, ProjectRole.VIEWER, (Permission.FARM_ADMIN, Permission.PROJECT_READ))
    assert await allowed(farm, greedy) == reachable(Permission.SELF, Permission.PROJECT_READ)


async def test_no_role_of_one_project_is_anything_in_another(farm: ApiFarm) -> None:
    await farm.new_key("other")
    session = await farm.person("ada@example.org", role="manager")
    for headers in (await key_of(farm, ProjectRole.MANAGER), bearer(session["access_token"])):
        there = {**headers, "X-Rayfarm-Project": "other"}
        for route in routes_of(farm, project="other"):
            answer = await farm.http.request(route.method, route.address, headers=there, json={})
            assert answer.status_code == 404, (route, answer.text)
        for path in ("/v1/projects/other", "/v1/projects/other/members", "/v1/projects/other/invitations"):
            problem_of(await farm.http.get(path, headers=headers), 404, "not-found")


def test_a_route_without_a_right_and_a_right_without_a_route_stop_the_start() -> None:
    with pytest.raises(LookupError, match="brand_new"):
        require_complete([*REQUIRED, "brand_new"])
    with pytest.raises(LookupError, match="read_job"):
        require_complete(REQUIRED.keys() - {"read_job"})
