"""The API that is fuzzed: a process of its own over a real PostgreSQL, with real things behind every address."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import httpx

from db.bootstrap import ensure_project
from db.embedded import EmbeddedPostgres
from db.keys import create_key
from db.migrate import upgrade
from jobs.access import FarmRole
from serve_app.app import build_app
from tests.fuzz.addresses import Value
from tests.serve_app.farm import PASSWORD, ApiFarm
from tests.serve_app.test_api_invoices import issued

Kept = dict[str, dict[str, list[Value]]]

ROOT = Path(__file__).resolve().parents[2]

_API = {
    "RAYFARM_API_STREAM_LIFETIME": "PT0.3S",
    "RAYFARM_API_HEARTBEAT": "PT0.1S",
    "RAYFARM_API_MAX_WAIT": "PT0.3S",
    "RAYFARM_API_READY_TIMEOUT": "PT10S",
    "RAYFARM_API_REPLICA_TIMEOUT": "P1D",
    "RAYFARM_API_ACCESS_TOKEN_LIFETIME": "P1D",
}
"""Nothing waits: a fuzzer that follows an event stream for half an hour finds nothing else. And a replica lives on
though nobody sends its beats, and whoever logged in stays so for the whole of a run."""

_READY_WITHIN_S = 120.0
_MANY = 4
"""Of what is used up: a first request that is wrong in another field leaves some for the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where the API is and who asks it."""

    url: str
    key: str
    log: Path
    document: dict[str, Any]
    """Its own OpenAPI document, as it serves it."""
    unlisted: dict[str, list[Value]] = field(default_factory=dict)
    """What addresses and bodies may name and no list shows, by the name of the parameter or field."""
    kept: Kept = field(default_factory=dict)
    """What one operation alone may use, as using it uses it up: by operation, then place (`path.job_id`)."""
    callers: dict[str, str] = field(default_factory=dict)
    """Credentials of operations that a key cannot call."""
    bodies: dict[str, list[Any]] = field(default_factory=dict)
    """Whole bodies that are right, of operations that need more than right fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """What a farm was filled with; the fields are those of ``World``."""

    unlisted: dict[str, list[Value]]
    kept: Kept
    callers: dict[str, str]
    bodies: dict[str, list[Any]]


@contextmanager
def fuzzed_api(folder: Path) -> Iterator[World]:
    """Up and seeded until the block ends."""
    folder.chmod(0o755)  # PostgreSQL runs as another user where this runs as root
    with ExitStack() as stack:
        server = EmbeddedPostgres(root=folder / "postgres")
        server.start()
        stack.callback(server.stop)
        upgrade(server.url)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RAYFARM_")},
            **_API,
            "RAYFARM_API_TOKEN_KEY": secrets.token_hex(32),
            "RAYFARM_WEBHOOK_KEY": secrets.token_hex(32),
            "RAYFARM_DATABASE_URL": server.url,
            "RAYFARM_STORAGE_URL": (folder / "storage").as_uri(),
            "RAYFARM_STORAGE_SIGNING_KEY": secrets.token_hex(32),
        }
        with mock.patch.dict(os.environ, environment):
            key, seeds = asyncio.run(_seed())
        log = folder / "api.log"
        url = stack.enter_context(_running(environment, log))
        document = httpx.get(f"{url}/openapi.json", timeout=60).json()
        yield World(
            url=url,
            key=key,
            log=log,
            document=document,
            unlisted=seeds.unlisted,
            kept=seeds.kept,
            callers=seeds.callers,
            bodies=seeds.bodies,
        )


async def _seed() -> tuple[str, Seeds]:
    """One of everything that an address can name, in each state that can be made without a renderer. Returns the key
    of the farm's administrator, and what no list shows."""
    app = build_app()
    async with app.router.lifespan_context(app):
        services = app.state.services
        async with services.database.transaction() as tx:
            project_id = await ensure_project(tx, slug="default", name="Default")
            admin = await create_key(tx, project_id=None, name="fuzzer", role=FarmRole.ADMIN)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://farm.test", headers=_bearer(admin.key)
        ) as http:
            farm = ApiFarm(
                db=services.database,
                storage=services.storage,
                http=http,
                key=admin.key,
                project_id=project_id,
                app=app,
            )
            return admin.key, await _fill(farm)


async def _fill(farm: ApiFarm) -> Seeds:
    """Jobs that wait, run, failed, ended and were canceled; people, keys, machines and licences."""
    done = await farm.submit(name="done", frames="1-2")
    await farm.render(done["id"], frames=2)
    model = str(done["model"])
    running = await farm.submit(name="running", frames="1-8", model=model)
    await farm.render(running["id"], frames=3)
    replica_id, chunk = await farm.claim(running["id"], frames=2)
    await farm.fail(replica_id, chunk, chunk.ordinals[0])
    await farm.submit(name="waits", frames="1-100", model=model)
    canceled = await farm.submit(name="canceled", model=model)
    await _made(farm, f"/v1/jobs/{canceled['id']}/cancel")
    await _made(farm, f"/v1/jobs/{running['id']}/steps", {"step": "denoise", "frames": "1"})
    await farm.model()
    await farm.register(name="to be probed")
    assert (await farm.http.put("/v1/licences/nuke", json={"capacity": 3})).is_success
    await _made(farm, "/v1/projects", {"slug": "other", "name": "Other"})
    await _made(farm, "/v1/keys", {"name": "a program", "role": "artist"})
    await _made(farm, "/v1/farm/keys", {"name": "an operator", "role": "operator"})
    await _made(farm, "/v1/projects/default/service-accounts", {"name": "ingest", "role": "artist"})
    await _made(farm, "/v1/farm/service-accounts", {"name": "monitor", "role": "operator"})
    await _made(farm, "/v1/projects/default/webhooks", {"url": "https://hooks.example.org/farm"})
    bucket = {"bucket": "studio-renders", "access_key_id": "AKIDEXAMPLE", "secret_access_key": "a-secret-of-nobody"}
    await _made(farm, "/v1/projects/default/destinations", {"name": "studio", **bucket})
    await farm.person("ada@example.org")
    for place in ("/v1/projects/default/invitations", "/v1/farm/invitations"):
        await _made(farm, place, {"email": "grace@example.org", "role": "artist" if "projects" in place else "admin"})
    await issued(farm)
    artifacts = (await farm.http.get(f"/v1/jobs/{done['id']}/artifacts")).json()["items"]
    unlisted: dict[str, list[Value]] = {
        "digest": [await farm.upload(content) for content in (b"one", b"another")],
        "token": [str(one["url"]).rpartition("/")[2] for one in artifacts],
        "model": [model],
        "with_job": [done["id"]],
        "job": [done["id"], running["id"]],
        "pipeline": ["fake"],
        "bucket": ["studio-renders"],
        "prefix": ["", "rayfarm/"],
        "region": ["eu-central-1"],
        "endpoint_url": ["https://s3.example.org"],
        "url": ["https://hooks.example.org/farm"],
        "frames": ["1", "1-3", "2,4-8:2", "8-1"],
        "X-Rayfarm-Project": ["default"],
        "email": ["ada@example.org"],
        "password": [PASSWORD],
        "old": [PASSWORD],
        "refresh_token": [(await _session(farm, "ada@example.org"))["refresh_token"] for _ in range(_MANY)],
    }
    return Seeds(
        unlisted=unlisted,
        kept=await _kept(farm, model),
        callers={
            operation: (await _session(farm, email))["access_token"]
            for operation, email in (("change_password", "joan@example.org"), ("end_my_sessions", "hedy@example.org"))
        },
        bodies={
            "register_model": [await _new_model(farm)],
            "accept_invitation": await _offers(farm),
            "submit_job": [job := {"name": "drawn", "model": model, "pipeline": "fake", "frames": "1-3"}],
            "estimate_job": [job],
        },
    )


async def _kept(farm: ApiFarm, model: str) -> Kept:
    """Jobs that wait for an approval or are paused: the first request that is right takes each."""
    for_approval, paused = [], []
    for number in range(_MANY):
        scouted = await farm.submit(name=f"scouted {number}", frames="1-4", model=model, approval=1)
        await farm.render(scouted["id"], frames=1)
        for_approval.append(str(scouted["id"]))
        stopped = await farm.submit(name=f"paused {number}", frames="1-4", model=model)
        await _made(farm, f"/v1/jobs/{stopped['id']}/pause")
        paused.append(str(stopped["id"]))
    return {"approve_job": {"path.job_id": for_approval}, "resume_job": {"path.job_id": paused}}


async def _offers(farm: ApiFarm) -> list[dict[str, Any]]:
    """What takes up an invitation each."""
    offers = []
    for number in range(_MANY):
        wanted = {"email": f"new{number}@example.org", "role": "artist"}
        token = (await _made(farm, "/v1/projects/other/invitations", wanted))["token"]
        offers.append({"token": token, "password": PASSWORD, "name": f"New {number}"})
    return offers


async def _session(farm: ApiFarm, email: str) -> Any:
    """Of somebody who is made where there is none."""
    if email not in {each["email"] for each in (await farm.http.get("/v1/accounts")).json()["items"]}:
        await farm.person(email)
    return await _made(farm, "/v1/auth/login", {"email": email, "password": PASSWORD})


async def _new_model(farm: ApiFarm) -> dict[str, Any]:
    content = b"a scene that nobody has registered"
    file = {"path": "scene", "digest": await farm.upload(content), "size_bytes": len(content)}
    return {"name": "new", "manifest": {"kind": "fake", "main": "scene", "files": [file]}}


async def _made(farm: ApiFarm, path: str, body: dict[str, Any] | None = None) -> Any:
    answer = await farm.http.post(path, json=body)
    assert answer.is_success, (path, answer.text)
    return answer.json()


@contextmanager
def _running(environment: dict[str, str], log: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "loadtests.noop.api", str(port)], cwd=ROOT, env=environment, stdout=out, stderr=out
        )
    try:
        end = time.monotonic() + _READY_WITHIN_S
        while True:
            try:
                if httpx.get(f"{url}/v1/health/ready", timeout=30).is_success:
                    break
            except httpx.TransportError:
                pass
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"The API did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
