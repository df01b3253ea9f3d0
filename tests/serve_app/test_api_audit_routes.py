"""Every changing route of the OpenAPI document writes into the audit log, or a table says why it does not."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from fastapi import FastAPI

from serve_app.audit.actions import ACTIONS, EXEMPT, action_of
from tests.serve_app.audited import CALLS
from tests.serve_app.farm import ApiFarm, digest_of

TAR = {"Content-Type": "application/x-tar"}
CHANGING = frozenset({"post", "put", "patch", "delete"})


def changing_routes(app: FastAPI) -> set[str]:
    return {
        operation["operationId"]
        for operations in app.openapi()["paths"].values()
        for method, operation in operations.items()
        if method in CHANGING
    }


def unaccounted(routes: Iterable[str]) -> set[str]:
    return set(routes) - EXEMPT.keys() - CALLS.keys()


def test_every_changing_route_is_called_here_or_has_a_reason_to_stay_out(app: FastAPI) -> None:
    routes = changing_routes(app)
    assert unaccounted(routes) == set(), "add a call to tests/serve_app/audited.py"
    assert unaccounted({*routes, "launch_rocket"}) == {"launch_rocket"}
    assert (EXEMPT.keys() | CALLS.keys()) <= routes
    assert not EXEMPT.keys() & CALLS.keys()
    assert all(reason.endswith(".") for reason in EXEMPT.values())


def test_every_name_in_the_table_is_that_of_a_route(app: FastAPI) -> None:
    names = {operation["operationId"] for each in app.openapi()["paths"].values() for operation in each.values()}
    assert ACTIONS.keys() <= names


@pytest.mark.parametrize("route", sorted(CALLS))
async def test_a_change_is_in_the_log_with_who_did_what_to_which(farm: ApiFarm, route: str) -> None:
    answer = await CALLS[route](farm)
    assert answer.is_success, answer.text
    request_id = answer.headers["x-request-id"]
    [entry] = [each for each in (await farm.http.get("/v1/audit")).json()["items"] if each["request_id"] == request_id]
    assert entry["action"] == action_of(route)
    assert (entry["actor_kind"], entry["actor_name"]) in (("key", "test"), ("account", "ada@example.org"))
    assert entry["actor_id"]
    assert entry["resource_type"]
    assert entry["resource_id"]
    assert entry["address"] == "127.0.0.1"
    assert entry["user_agent"].startswith("python-httpx/")


@pytest.mark.parametrize("route", sorted(EXEMPT.keys() - {"refresh_session", "exchange_code"}))
async def test_what_stays_out_writes_nothing(farm: ApiFarm, route: str) -> None:
    upload, sent = [
        (await farm.http.post("/v1/uploads", json={"digest": digest_of(each), "size_bytes": 1})).json()
        for each in (b"x", b"y")
    ]
    [part] = upload["parts"]
    assert (await farm.http.put(sent["parts"][0]["url"], content=b"y")).is_success
    calls = {
        "estimate_job": ("POST", "/v1/jobs/estimate", {"json": await farm.spec()}),
        "check_settings": ("POST", "/v1/pipelines/fake/check", {"json": {"settings": {"width": 64}}}),
        "ask_lacking": ("POST", "/v1/blobs/lacking", {"json": {"digests": ["0" * 64]}}),
        "upload_blob": ("PUT", f"/v1/blobs/{digest_of(b'x')}", {"content": b"x"}),
        "upload_batch": ("POST", "/v1/blobs:batch", {"content": bytes(1024), "headers": TAR}),
        "begin_upload": ("POST", "/v1/uploads", {"json": {"digest": "0" * 64, "size_bytes": 1}}),
        "write_part": ("PUT", part["url"], {"content": b"x"}),
        "complete_upload": ("POST", f"/v1/uploads/{sent['id']}:complete", {}),
        "drop_upload": ("DELETE", f"/v1/uploads/{upload['id']}", {}),
    }
    before = await farm.count("audit_entry")
    method, path, body = calls[route]
    assert (await farm.http.request(method, path, **body)).is_success
    assert await farm.count("audit_entry") == before
