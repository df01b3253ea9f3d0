"""The feeds of a project and of the farm, and many watchers of one job, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from db.events import append_event, append_project_event
from db.settings import DatabaseSettings
from jobs.events import EventKind
from storage.settings import StorageSettings
from tests.serve_app.conftest import Server
from tests.serve_app.farm import ApiFarm, bearer, problem_of

ROOT = Path(__file__).resolve().parents[2]
PROJECT, FARM = "/v1/projects/default/events", "/v1/events"


@asynccontextmanager
async def feed(http: httpx.AsyncClient, path: str, **options: Any) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
    async with http.stream("GET", path, **options) as answer:
        assert answer.status_code == 200, await answer.aread()
        yield _read(answer)


async def _read(answer: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    """Id and body of each event."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line:
            if "data" in fields:
                yield fields.get("id", ""), json.loads(fields["data"])
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


async def _until(stream: AsyncIterator[tuple[str, Any]], kind: str) -> AsyncIterator[tuple[str, Any]]:
    async with asyncio.timeout(20):
        async for each in stream:
            yield each
            if each[1]["kind"] == kind:
                return


async def take(stream: AsyncIterator[tuple[str, Any]], count: int) -> list[tuple[str, Any]]:
    async with asyncio.timeout(20):
        return [await anext(stream) for _ in range(count)]


async def change(farm: ApiFarm, job: Any, word: str) -> None:
    async with farm.db.transaction() as tx:
        await append_event(tx, job_id=UUID(job["id"]), kind=EventKind.JOB_CHANGED, data={"word": word})


@pytest.mark.parametrize("path", [PROJECT, FARM])
async def test_a_feed_tells_what_happens_in_every_job_and_resumes_behind_what_was_seen(
    farm: ApiFarm, server: Server, path: str
) -> None:
    jobs = [await farm.submit() for _ in range(2)]
    async with feed(server.http, path, params={"kind": "job.changed"}) as stream:
        waits = asyncio.ensure_future(take(stream, 2))
        while not server.app.state.services.hub.streams:
            await asyncio.sleep(0.01)
        for number, job in enumerate(jobs):
            await change(farm, job, f"{number}")
        seen = await waits
    assert [(body["job"], body["data"]["word"]) for _, body in seen] == [(jobs[0]["id"], "0"), (jobs[1]["id"], "1")]
    async with feed(server.http, path, headers={"Last-Event-ID": seen[0][0]}) as stream:
        assert await take(stream, 1) == seen[1:]
    async with feed(server.http, path, params={"after": "0-0", "kind": "job.created"}) as stream:
        assert [body["job"] for _, body in await take(stream, 2)] == [job["id"] for job in jobs]


async def test_an_event_that_waits_for_an_older_transaction_is_told_when_that_ends_without_any_news(
    farm: ApiFarm, server: Server
) -> None:
    early, late = await farm.submit(), await farm.submit()
    async with feed(server.http, FARM, params={"kind": "job.changed"}) as stream:
        waits = asyncio.ensure_future(take(stream, 2))
        while not server.app.state.services.hub.streams:
            await asyncio.sleep(0.01)
        async with farm.db.transaction() as slow:
            await append_event(slow, job_id=UUID(late["id"]), kind=EventKind.JOB_CHANGED, data={"word": "late"})
            await change(farm, early, "early")
        assert [body["data"]["word"] for _, body in await waits] == ["late", "early"]


@pytest.mark.parametrize("place", ["7", "x", "1-", f"{2**62}-1", "1-2-3", "9" * 40])
async def test_an_id_that_no_event_can_have_is_refused(farm: ApiFarm, place: str) -> None:
    problem_of(await farm.http.get(FARM, params={"after": place}), 422, "invalid-input")


async def last_event_of(farm: ApiFarm) -> int:
    async with farm.db.transaction() as tx:
        return (await tx.execute(text("select event_seq from job"))).scalar_one()


class _Api:
    """A process of the API behind a real socket, in a session of its own."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        command = [sys.executable, "-m", "uvicorn", "--factory", "serve_app.app:build_app", "--log-level", "warning"]
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [*command, "--fd", str(self._listener.fileno())],
                cwd=ROOT,
                env=environment,
                pass_fds=[self._listener.fileno()],
                stdout=out,
                stderr=out,
            )

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)
        self._listener.close()  # so that who connects again is refused, and does not wait for nobody


@pytest.fixture
def apis(
    database_settings: DatabaseSettings, storage_settings: StorageSettings, tmp_path: Path
) -> Iterator[list[_Api]]:
    environment = {
        **os.environ,
        "RAYFARM_DATABASE_URL": database_settings.url.get_secret_value(),
        "RAYFARM_STORAGE_URL": storage_settings.url,
        "RAYFARM_API_RATE_READ": "100000",
    }
    started = [_Api(environment, tmp_path / f"api-{number}.log") for number in range(2)]
    try:
        yield started
    finally:
        for api in started:
            api.kill()


async def test_two_hundred_watchers_see_each_event_once_although_the_process_that_told_them_is_killed(
    farm: ApiFarm, apis: list[_Api]
) -> None:
    watchers, events = 200, 12
    job = await farm.submit(frames="1")
    first = 1 + await last_event_of(farm)
    key = bearer(await farm.new_key("default"))
    half = asyncio.Event()
    seen: list[list[int]] = [[] for _ in range(watchers)]

    async def watch(client: httpx.AsyncClient, mine: list[int]) -> None:
        urls = [api.url for api in apis]
        while len(mine) < events:
            headers = {**key, "Last-Event-ID": str(mine[-1] if mine else first - 1)}
            try:
                async with feed(client, f"{urls[0]}/v1/jobs/{job['id']}/events", headers=headers) as stream:
                    async for name, _ in stream:
                        mine.append(int(name))
                        if all(len(each) >= events // 2 for each in seen):
                            half.set()
                        if len(mine) == events:
                            return
            except httpx.HTTPError:
                urls.reverse()  # as a load balancer would, once one of two is gone
                await asyncio.sleep(0.05)

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with (
        httpx.AsyncClient(timeout=60, limits=limits) as client,
        asyncio.timeout(200),
        asyncio.TaskGroup() as tasks,
    ):
        for mine in seen:
            tasks.create_task(watch(client, mine))
        for number in range(events // 2):
            await change(farm, job, f"{number}")
        await half.wait()
        apis[0].kill()
        for number in range(events // 2, events):
            await change(farm, job, f"{number}")
    assert seen == [list(range(first, first + events))] * watchers


async def test_invoices_and_webhooks_that_fell_silent_are_told_to_managers_alone(farm: ApiFarm, server: Server) -> None:
    secret = (EventKind.INVOICE_ISSUED, EventKind.CREDIT_NOTE_ISSUED, EventKind.WEBHOOK_DISABLED)
    async with farm.db.transaction() as tx:
        for kind in secret:
            await append_project_event(tx, project_id=farm.project_id, kind=kind, data={})
    job = await farm.submit()
    path = "/v1/projects/default/events"
    viewer = bearer((await farm.person("ada@example.org", role="viewer"))["access_token"])
    manager = bearer((await farm.person("bo@example.org", role="manager"))["access_token"])
    async with feed(server.http, path, headers=viewer, params={"after": "0-0"}) as stream:
        heard = [body["kind"] async for _, body in _until(stream, "job.created")]
        assert not set(heard) & set(secret)
    asked: dict[str, Any] = {"after": "0-0", "kind": [str(kind) for kind in secret]}
    async with feed(server.http, path, headers=manager, params=asked) as stream:
        assert [body["kind"] for _, body in await take(stream, 3)] == asked["kind"]
    async with feed(server.http, path, headers=viewer, params=asked) as stream:
        silence = asyncio.create_task(take(stream, 1), name="what a viewer hears")
        await change(farm, job, "wakes the stream")
        done, _ = await asyncio.wait({silence}, timeout=2)
        assert not done
        silence.cancel()


async def test_a_key_of_the_farm_that_is_narrowed_to_its_workers_hears_nothing_of_projects(
    farm: ApiFarm, server: Server
) -> None:
    job = await farm.submit(name="the secret film")

    async def narrowed(*scopes: str) -> dict[str, str]:
        asked = {"name": "op", "role": "operator", "scopes": list(scopes)}
        return bearer((await farm.http.post("/v1/farm/keys", json=asked)).json()["key"])

    workers = await narrowed("farm:operate")
    problem = problem_of(await server.http.get(FARM, headers=workers, params={"after": "0-0"}), 403, "forbidden")
    assert problem["permission"] == "project:read"
    both = await narrowed("farm:operate", "project:read")
    async with feed(server.http, FARM, headers=both, params={"after": "0-0", "kind": "job.created"}) as stream:
        assert [body["job"] for _, body in await take(stream, 1)] == [job["id"]]
