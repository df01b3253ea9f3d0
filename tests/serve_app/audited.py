"""How each changing route of the API is called so that it changes something; a new one needs a line here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import boto3
import httpx
from moto.server import ThreadedMotoServer

from jobs.egress import EgressSettings
from jobs.mail import MailSettings
from tests.jobs.openjd_templates import RENDER
from tests.serve_app.farm import PASSWORD, ApiFarm, bearer
from tests.serve_app.test_api_invoices import issued, unclear
from tests.serve_app.test_api_steps import rendered

Call = Callable[[ApiFarm], Awaitable[httpx.Response]]

EMAIL = "ada@example.org"
NOBODY = {"Authorization": ""}


async def account(farm: ApiFarm) -> str:
    await farm.person(EMAIL)
    [member] = (await farm.http.get("/v1/projects/default/members")).json()["items"]
    return str(member["account"])


def post(path: str, body: Any = None) -> Call:
    return lambda farm: farm.http.post(path, json=body)


def put(path: str, body: Any) -> Call:
    return lambda farm: farm.http.put(path, json=body)


def of_job(command: str, *, first: tuple[str, ...] = (), body: Any = None, **spec: Any) -> Call:
    async def call(farm: ApiFarm) -> httpx.Response:
        job = await farm.submit(**spec)
        for each in first:
            assert (await farm.http.post(f"/v1/jobs/{job['id']}/{each}")).is_success
        return await farm.http.post(f"/v1/jobs/{job['id']}/{command}", json=body)

    return call


def of_replica(command: str, *, first: str | None = None) -> Call:
    async def call(farm: ApiFarm) -> httpx.Response:
        root = f"/v1/replicas/{await farm.replica()}"
        if first:
            await farm.http.post(f"{root}/{first}")
        return await farm.http.post(f"{root}/{command}")

    return call


def of_node(command: str, *, first: str | None = None) -> Call:
    async def call(farm: ApiFarm) -> httpx.Response:
        await farm.replica()
        if first:
            await farm.http.post(f"/v1/nodes/n1/{first}")
        return await farm.http.post(f"/v1/nodes/n1/{command}")

    return call


async def submit(farm: ApiFarm) -> httpx.Response:
    return await farm.http.post("/v1/jobs", json=await farm.spec())


async def import_openjd(farm: ApiFarm) -> httpx.Response:
    model = await farm.model(kind="blender")
    return await farm.http.post("/v1/jobs:import-openjd", json={"template": RENDER, "model": model})


async def change_job(farm: ApiFarm) -> httpx.Response:
    job = await farm.submit()
    return await farm.http.patch(f"/v1/jobs/{job['id']}", json={"weight": 7})


async def approve_job(farm: ApiFarm) -> httpx.Response:
    job = await farm.submit(approval=2)
    await farm.render(job["id"], frames=2)
    return await farm.http.post(f"/v1/jobs/{job['id']}/approve")


async def add_job_step(farm: ApiFarm) -> httpx.Response:
    return await farm.http.post(f"/v1/jobs/{await rendered(farm)}/steps", json={"step": "denoise", "quality": "fast"})


async def failed_on_n1(farm: ApiFarm) -> str:
    job = await farm.submit()
    await farm.start(job["id"])
    replica, chunk = await farm.claim(job["id"], frames=2)
    await farm.fail(replica, chunk, chunk.ordinals[0])
    return str(job["id"])


async def reset_blocklist(farm: ApiFarm) -> httpx.Response:
    return await farm.http.delete(f"/v1/jobs/{await failed_on_n1(farm)}/blocklist/n1")


async def reset_blocklists(farm: ApiFarm) -> httpx.Response:
    await failed_on_n1(farm)
    return await farm.http.post("/v1/blocklists/reset", json={"node": "n1"})


async def register_model(farm: ApiFarm) -> httpx.Response:
    digest = await farm.upload(b"scene")
    manifest = {"kind": "fake", "main": "scene", "files": [{"path": "scene", "digest": digest, "size_bytes": 5}]}
    return await farm.http.post("/v1/models", json={"name": "sphere", "manifest": manifest})


async def change_model(farm: ApiFarm) -> httpx.Response:
    return await farm.http.patch(f"/v1/models/{await farm.model()}", json={"keep_warm": True})


async def drop_licence(farm: ApiFarm) -> httpx.Response:
    await set_licence(farm)
    return await farm.http.delete("/v1/licences/nuke")


async def set_schedule(farm: ApiFarm) -> httpx.Response:
    return await farm.http.put(
        "/v1/schedules/nights", json={"node": "n1", "windows": [{"begin": "20:00", "end": "08:00"}]}
    )


async def drop_schedule(farm: ApiFarm) -> httpx.Response:
    await set_schedule(farm)
    return await farm.http.delete("/v1/schedules/nights")


async def set_licence(farm: ApiFarm) -> httpx.Response:
    return await farm.http.put("/v1/licences/nuke", json={"capacity": 3})


FLAG = "/v1/flags/frame-splitting"


async def drop_flag(farm: ApiFarm) -> httpx.Response:
    assert (await farm.http.put(FLAG, json={"enabled": False})).is_success
    return await farm.http.delete(FLAG)


async def change_project(farm: ApiFarm) -> httpx.Response:
    return await farm.http.patch("/v1/projects/default", json={"weight": 7})


async def set_member(farm: ApiFarm) -> httpx.Response:
    return await farm.http.put(f"/v1/projects/default/members/{await account(farm)}", json={"role": "manager"})


async def drop_member(farm: ApiFarm) -> httpx.Response:
    return await farm.http.delete(f"/v1/projects/default/members/{await account(farm)}")


async def change_account(farm: ApiFarm) -> httpx.Response:
    return await farm.http.patch(f"/v1/accounts/{await account(farm)}", json={"disabled": True})


def withdrawn(path: str, role: str) -> Call:
    async def call(farm: ApiFarm) -> httpx.Response:
        made = (await farm.http.post(path, json={"email": EMAIL, "role": role})).json()
        return await farm.http.delete(f"{path}/{made['id']}")

    return call


def revoked(path: str, role: str) -> Call:
    async def call(farm: ApiFarm) -> httpx.Response:
        made = (await farm.http.post(path, json={"name": "ci", "role": role})).json()
        return await farm.http.delete(f"{path}/{made['id']}")

    return call


async def accept_invitation(farm: ApiFarm) -> httpx.Response:
    made = (await farm.http.post("/v1/projects/default/invitations", json={"email": EMAIL, "role": "artist"})).json()
    offer = {"token": made["token"], "password": PASSWORD, "name": "Ada"}
    return await farm.http.post("/v1/auth/accept", json=offer, headers=NOBODY)


async def add_credit_note(farm: ApiFarm) -> httpx.Response:
    url = f"/v1/projects/default/invoices/{await issued(farm)}/credit-notes"
    return await farm.http.post(url, json={"amount": "1", "reference": "ticket-1"})


async def resolve_usage_report(farm: ApiFarm) -> httpx.Response:
    url = f"/v1/projects/default/usage-reports/{await unclear(farm)}/resolve"
    return await farm.http.post(url, json={"arrived": False})


async def log_in(farm: ApiFarm) -> httpx.Response:
    await farm.person(EMAIL)
    return await farm.http.post("/v1/auth/login", json={"email": EMAIL, "password": PASSWORD}, headers=NOBODY)


async def log_out(farm: ApiFarm) -> httpx.Response:
    session = await farm.person(EMAIL)
    body = {"refresh_token": session["refresh_token"]}
    return await farm.http.post("/v1/auth/logout", json=body, headers=NOBODY)


async def change_password(farm: ApiFarm) -> httpx.Response:
    session = await farm.person(EMAIL)
    body = {"old": PASSWORD, "new": "another sentence of mine"}
    return await farm.http.put("/v1/me/password", json=body, headers=bearer(session["access_token"]))


async def end_my_sessions(farm: ApiFarm) -> httpx.Response:
    session = await farm.person(EMAIL)
    return await farm.http.delete("/v1/me/sessions", headers=bearer(session["access_token"]))


async def change_notices(farm: ApiFarm) -> httpx.Response:
    object.__setattr__(farm.app.state.services, "mail", MailSettings(host="127.0.0.1", sender="farm@example.org"))
    session = await farm.person(EMAIL)
    return await farm.http.patch(
        "/v1/me/notices", json={"email": ["job.failed"]}, headers=bearer(session["access_token"])
    )


WEBHOOKS = "/v1/projects/default/webhooks"
NEW_WEBHOOK = {"url": "https://hooks.example.org/T0/in"}


def of_webhook(method: str, path: str = "", body: Any = None) -> Call:
    async def call(farm: ApiFarm) -> httpx.Response:
        made = (await farm.http.post(WEBHOOKS, json=NEW_WEBHOOK)).json()
        return await farm.http.request(method, f"{WEBHOOKS}/{made['id']}{path}", json=body)

    return call


def of_service(path: str, role: str, *, end: str = "") -> Call:
    async def call(farm: ApiFarm) -> httpx.Response:
        made = (await farm.http.post(path, json={"name": "ci", "role": role})).json()
        there = f"{path}/{made['id']}{end}"
        return await (farm.http.post(there, json={"name": "k"}) if end else farm.http.delete(there))

    return call


async def redeliver(farm: ApiFarm) -> httpx.Response:
    asked = (await of_webhook("POST", ":test")(farm)).json()
    await farm.execute("update outbox set state = 'failed'")
    [webhook] = (await farm.http.get(WEBHOOKS)).json()["items"]
    return await farm.http.post(f"{WEBHOOKS}/{webhook['id']}/deliveries/{asked['id']}:redeliver")


DESTINATIONS = "/v1/projects/default/destinations"
BUCKET_KEY = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "a-secret-of-nobody"}
NEW_DESTINATION = {"name": "studio", "bucket": "studio-renders", **BUCKET_KEY}


def of_destination(method: str, path: str = "", body: Any = None) -> Call:
    async def call(farm: ApiFarm) -> httpx.Response:
        made = (await farm.http.post(DESTINATIONS, json=NEW_DESTINATION)).json()
        return await farm.http.request(method, f"{DESTINATIONS}/{made['id']}{path}", json=body)

    return call


async def try_destination(farm: ApiFarm) -> httpx.Response:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        farm.app.state.services.destinations.egress.settings = EgressSettings(
            allow_http=True,
            allowed_networks=("127.0.0.0/8",),  # type: ignore[arg-type]
        )
        signed = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
        s3 = boto3.client("s3", endpoint_url=url, **signed)
        if "studio-renders" not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(Bucket="studio-renders")
        made = (await farm.http.post(DESTINATIONS, json={**NEW_DESTINATION, "endpoint_url": url})).json()
        return await farm.http.post(f"{DESTINATIONS}/{made['id']}:test")
    finally:
        server.stop()


PROJECT_SERVICES, FARM_SERVICES = "/v1/projects/default/service-accounts", "/v1/farm/service-accounts"

CALLS: dict[str, Call] = {
    "create_webhook": post(WEBHOOKS, NEW_WEBHOOK),
    "change_webhook": of_webhook("PATCH", body={"url": "https://hooks.example.org/T1/in"}),
    "delete_webhook": of_webhook("DELETE"),
    "rotate_webhook": of_webhook("POST", ":rotate"),
    "test_webhook": of_webhook("POST", ":test"),
    "redeliver": redeliver,
    "create_destination": post(DESTINATIONS, NEW_DESTINATION),
    "change_destination": of_destination("PATCH", body={"prefix": "other"}),
    "set_destination_key": of_destination("PUT", "/key", body={**BUCKET_KEY, "access_key_id": "AKIDOTHER"}),
    "delete_destination": of_destination("DELETE"),
    "test_destination": try_destination,
    "retry_job_deliveries": of_job("deliveries/retry"),
    "create_service_account": post(PROJECT_SERVICES, {"name": "ci"}),
    "create_farm_service_account": post(FARM_SERVICES, {"name": "ci", "role": "operator"}),
    "delete_service_account": of_service(PROJECT_SERVICES, "artist"),
    "delete_farm_service_account": of_service(FARM_SERVICES, "operator"),
    "create_service_key": of_service(PROJECT_SERVICES, "artist", end="/keys"),
    "create_farm_service_key": of_service(FARM_SERVICES, "operator", end="/keys"),
    "submit_job": submit,
    "import_openjd": import_openjd,
    "clone_job": of_job("clone", body={"frames": "5-6"}),
    "change_job": change_job,
    "cancel_job": of_job("cancel"),
    "pause_job": of_job("pause"),
    "resume_job": of_job("resume", first=("pause",)),
    "approve_job": approve_job,
    "retry_job": of_job("retry", first=("cancel",)),
    "act_on_frames": of_job("frames/actions", body={"action": "skip", "frames": "1-2"}),
    "add_job_step": add_job_step,
    "reset_blocklist": reset_blocklist,
    "reset_blocklists": reset_blocklists,
    "register_model": register_model,
    "change_model": change_model,
    "set_schedule": set_schedule,
    "drop_schedule": drop_schedule,
    "set_maintenance": put("/v1/maintenance", {"active": True, "message": "disks"}),
    "set_flag": put(FLAG, {"enabled": False, "note": "Merges fail."}),
    "drop_flag": drop_flag,
    "set_licence": set_licence,
    "drop_licence": drop_licence,
    "drain_replica": of_replica("drain"),
    "disable_replica": of_replica("disable"),
    "enable_replica": of_replica("enable", first="disable"),
    "restart_replica": of_replica("restart"),
    "restart_node": of_node("restart"),
    "drain_node": of_node("drain"),
    "disable_node": of_node("disable"),
    "enable_node": of_node("enable", first="disable"),
    "create_project": post("/v1/projects", {"slug": "film", "name": "Film"}),
    "change_project": change_project,
    "set_member": set_member,
    "drop_member": drop_member,
    "change_account": change_account,
    "add_prices": post("/v1/prices", {"currency": "EUR", "prices": [{"gpu_second": "1"}]}),
    "add_credit": post("/v1/projects/default/credits", {"amount": "5", "reference": "first"}),
    "set_budget": put("/v1/projects/default/budget", {"amount": "5"}),
    "set_prepaid": put("/v1/projects/default/prepaid", {"prepaid": True}),
    "set_billing": put("/v1/projects/default/billing", {"recipient": "Film Ltd"}),
    "add_credit_note": add_credit_note,
    "resolve_usage_report": resolve_usage_report,
    "set_quotas": put("/v1/projects/default/quotas", {"slots": 5}),
    "invite": post("/v1/projects/default/invitations", {"email": EMAIL, "role": "artist"}),
    "revoke_invitation": withdrawn("/v1/projects/default/invitations", "artist"),
    "invite_to_farm": post("/v1/farm/invitations", {"email": EMAIL, "role": "operator"}),
    "revoke_farm_invitation": withdrawn("/v1/farm/invitations", "operator"),
    "accept_invitation": accept_invitation,
    "create_key": post("/v1/keys", {"name": "ci", "role": "viewer"}),
    "revoke_key": revoked("/v1/keys", "viewer"),
    "create_farm_key": post("/v1/farm/keys", {"name": "ci", "role": "operator"}),
    "revoke_farm_key": revoked("/v1/farm/keys", "operator"),
    "log_in": log_in,
    "log_out": log_out,
    "change_password": change_password,
    "end_my_sessions": end_my_sessions,
    "change_notices": change_notices,
}
"""Name of a route -> a call of it that succeeds, behind whatever it needs."""
