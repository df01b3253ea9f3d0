"""Every single thing that may be changed has a version, and a change that names an older one changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jobs.mail import MailSettings
from tests.serve_app.audited import DESTINATIONS, NEW_DESTINATION, NEW_WEBHOOK, WEBHOOKS, account
from tests.serve_app.farm import ApiFarm, bearer, problem_of
from tests.serve_app.test_api_billing import PRICES

PROJECT = "/v1/projects/default"

Made = Callable[[ApiFarm], Awaitable[tuple[str, dict[str, str]]]]
"""Makes the thing; its address, and headers to reach it with."""


def at(address: str, *, first: Any = None) -> Made:
    async def make(farm: ApiFarm) -> tuple[str, dict[str, str]]:
        if first is not None:
            assert (await farm.http.put(address, json=first)).is_success
        return address, {}

    return make


async def job(farm: ApiFarm) -> tuple[str, dict[str, str]]:
    return (await farm.submit())["links"]["self"], {}


async def model(farm: ApiFarm) -> tuple[str, dict[str, str]]:
    return f"/v1/models/{await farm.model()}", {}


async def person(farm: ApiFarm) -> tuple[str, dict[str, str]]:
    return f"/v1/accounts/{await account(farm)}", {}


async def member(farm: ApiFarm) -> tuple[str, dict[str, str]]:
    return f"{PROJECT}/members/{await account(farm)}", {}


async def webhook(farm: ApiFarm) -> tuple[str, dict[str, str]]:
    return f"{WEBHOOKS}/{(await farm.http.post(WEBHOOKS, json=NEW_WEBHOOK)).json()['id']}", {}


async def destination(farm: ApiFarm) -> tuple[str, dict[str, str]]:
    return f"{DESTINATIONS}/{(await farm.http.post(DESTINATIONS, json=NEW_DESTINATION)).json()['id']}", {}


async def notices(farm: ApiFarm) -> tuple[str, dict[str, str]]:
    object.__setattr__(farm.app.state.services, "mail", MailSettings(host="127.0.0.1", sender="farm@example.org"))
    return "/v1/me/notices", bearer((await farm.person("ada@example.org"))["access_token"])


NIGHTS = {"node": "n1", "windows": [{"begin": "20:00", "end": "08:00"}]}

THINGS: dict[str, tuple[Made, Any, Any]] = {
    "change_job": (job, {"weight": 7}, {"weight": 8}),
    "change_model": (model, {"keep_warm": True}, {"keep_warm": False}),
    "change_project": (at(PROJECT), {"weight": 7}, {"weight": 8}),
    "change_account": (person, {"name": "Countess"}, {"name": "Lady"}),
    "set_member": (member, {"role": "manager"}, {"role": "viewer"}),
    "change_webhook": (webhook, {"description": "one"}, {"description": "two"}),
    "change_destination": (destination, {"prefix": "one"}, {"prefix": "two"}),
    "change_notices": (notices, {"email": ["job.failed"]}, {"email": []}),
    "set_budget": (at(f"{PROJECT}/budget"), {"amount": "5"}, {"amount": "6"}),
    "set_quotas": (at(f"{PROJECT}/quotas"), {"slots": 5}, {"slots": 6}),
    "set_billing": (at(f"{PROJECT}/billing"), {"recipient": "Film Ltd"}, {"recipient": "Other Ltd"}),
    "set_licence": (at("/v1/licences/nuke", first={"capacity": 1}), {"capacity": 3}, {"capacity": 4}),
    "set_schedule": (at("/v1/schedules/nights", first=NIGHTS), {**NIGHTS, "node": "n2"}, {**NIGHTS, "node": "n3"}),
    "set_flag": (at("/v1/flags/frame-splitting"), {"enabled": False}, {"enabled": True, "percent": 5}),
    "set_maintenance": (at("/v1/maintenance"), {"active": True, "message": "disks"}, {"active": False}),
}
"""Name of a change -> what it is of, and two changes; a new one needs a line here."""


def changes_of(farm: ApiFarm) -> dict[str, tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name of each change of a thing that can be read at the same address -> method, change and read, as documented."""
    return {
        item[method]["operationId"]: (method, item[method], item["get"])
        for item in farm.app.openapi()["paths"].values()
        if "get" in item
        for method in ("put", "patch")
        if method in item and "application/json" in item[method].get("requestBody", {}).get("content", {})
    }


async def test_the_table_names_every_change_and_the_document_its_versions(farm: ApiFarm) -> None:
    changes = changes_of(farm)
    assert set(changes) == set(THINGS)
    for name, (_, change, read) in changes.items():
        headers = [{each["name"].lower() for each in operation["parameters"]} for operation in (change, read)]
        assert "if-match" in headers[0], name
        assert "if-none-match" in headers[1], name
        assert "412" in change["responses"], name
        assert "304" in read["responses"], name
        assert all("ETag" in operation["responses"]["200"]["headers"] for operation in (change, read)), name


@pytest.mark.parametrize("name", THINGS)
async def test_a_stale_change_is_refused_and_changes_nothing(farm: ApiFarm, name: str) -> None:
    make, one, other = THINGS[name]
    method = changes_of(farm)[name][0]
    address, headers = await make(farm)
    first = (await farm.http.get(address, headers=headers)).headers["etag"]
    known = await farm.http.get(address, headers={**headers, "If-None-Match": first})
    assert (known.status_code, known.content) == (304, b"")

    changed = await farm.http.request(method, address, json=one, headers={**headers, "If-Match": first})
    assert changed.status_code == 200, changed.text
    now = await farm.http.get(address, headers=headers)
    assert now.headers["etag"] == changed.headers["etag"] != first

    stale = await farm.http.request(method, address, json=other, headers={**headers, "If-Match": first})
    assert problem_of(stale, 412, "precondition-failed")["etag"] == now.headers["etag"]
    after = await farm.http.get(address, headers=headers)
    assert (after.json(), after.headers["etag"]) == (now.json(), now.headers["etag"])

    fresh = {**headers, "If-Match": changed.headers["etag"]}
    assert (await farm.http.request(method, address, json=other, headers=fresh)).status_code == 200
    assert (await farm.http.request(method, address, json=one, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "name", ["set_quotas", "set_budget", "set_licence", "set_member", "change_webhook", "change_destination"]
)
async def test_of_writers_at_once_one_wins(farm: ApiFarm, name: str) -> None:
    make, one, other = THINGS[name]
    method = changes_of(farm)[name][0]
    address, _ = await make(farm)
    tag = (await farm.http.get(address)).headers["etag"]
    answers = await asyncio.gather(
        *(farm.http.request(method, address, json=body, headers={"If-Match": tag}) for body in (one, other) * 4)
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7


@pytest.mark.parametrize("name", ["set_licence", "set_schedule", "set_member", "change_webhook", "change_destination"])
async def test_what_was_changed_meanwhile_is_not_deleted(farm: ApiFarm, name: str) -> None:
    make, one, _ = THINGS[name]
    method = changes_of(farm)[name][0]
    address, _ = await make(farm)
    tag = (await farm.http.get(address)).headers["etag"]
    changed = await farm.http.request(method, address, json=one)
    problem_of(await farm.http.delete(address, headers={"If-Match": tag}), 412, "precondition-failed")
    assert (await farm.http.get(address)).headers["etag"] == changed.headers["etag"]
    assert (await farm.http.delete(address, headers={"If-Match": changed.headers["etag"]})).status_code == 204
    problem_of(await farm.http.get(address), 404, "not-found")


async def test_a_version_of_what_is_not_there_makes_nothing(farm: ApiFarm) -> None:
    for address, body in (("/v1/licences/nuke", {"capacity": 3}), ("/v1/schedules/nights", NIGHTS)):
        for tag in ("*", '"0123"'):
            answer = await farm.http.put(address, json=body, headers={"If-Match": tag})
            problem_of(answer, 412, "precondition-failed")
        problem_of(await farm.http.get(address), 404, "not-found")


async def test_what_is_spent_and_used_meanwhile_is_nobodys_change(farm: ApiFarm) -> None:
    quotas, budget = f"{PROJECT}/quotas", f"{PROJECT}/budget"
    tag = (await farm.http.get(quotas)).headers["etag"]
    assert (await farm.http.post("/v1/prices", json=PRICES)).is_success
    job = await farm.submit()
    moved = await farm.http.get(quotas, headers={"If-None-Match": tag})
    assert moved.status_code == 200
    assert (await farm.http.put(quotas, json={"slots": 5}, headers={"If-Match": tag})).status_code == 200
    tag = (await farm.http.get(budget)).headers["etag"]
    await farm.render(job["id"], frames=1)
    assert (await farm.http.get(budget, headers={"If-None-Match": tag})).status_code == 200
    assert (await farm.http.put(budget, json={"amount": "5"}, headers={"If-Match": tag})).status_code == 200
