"""The event feed: complete, in order, resumable, and over when the job is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from db.events import append_event
from jobs.events import EventKind
from serve_app.settings import ApiSettings
from tests.serve_app.conftest import Server
from tests.serve_app.farm import ApiFarm, problem_of


@dataclass(frozen=True, slots=True)
class Seen:
    id: int
    kind: str
    data: Any


@asynccontextmanager
async def feed(http: httpx.AsyncClient, path: str, **options: Any) -> AsyncIterator[AsyncIterator[Seen | str]]:
    """Events, and comments as text."""
    async with http.stream("GET", path, **options) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _read(answer)


async def _read(answer: httpx.Response) -> AsyncIterator[Seen | str]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line:
            if "data" in fields:
                body = json.loads(fields["data"])
                assert body["seq"] == int(fields["id"])
                assert body["kind"] == fields["event"]
                yield Seen(int(fields["id"]), fields["event"], body["data"])
            fields = {}
        elif line.startswith(":"):
            yield line
        else:
            name, _, value = line.partition(": ")
            fields[name] = value


async def events_of(stream: AsyncIterator[Seen | str]) -> list[Seen]:
    return [one async for one in stream if isinstance(one, Seen)]


async def next_event(stream: AsyncIterator[Seen | str]) -> Seen:
    async with asyncio.timeout(10):
        async for one in stream:
            if isinstance(one, Seen):
                return one
    raise AssertionError("the stream ended")


class TestFeed:
    async def test_a_finished_job_is_replayed_from_its_beginning_and_the_stream_ends(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="1-3")
        await farm.render(job["id"], frames=2)
        await farm.render(job["id"], frames=1)
        async with feed(farm.http, job["links"]["events"]) as stream:
            events = await events_of(stream)
        assert [event.id for event in events] == list(range(1, len(events) + 1))
        assert events[0].kind == "job.created"
        assert (events[-1].kind, events[-1].data["state"]) == ("job.state", "succeeded")
        committed = [
            frame["frame"] for event in events if event.kind == "frames.committed" for frame in event.data["frames"]
        ]
        assert committed == [1, 2, 3]

    async def test_a_client_resumes_behind_the_last_event_that_it_saw(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="1")
        await farm.render(job["id"], frames=1)
        async with feed(farm.http, job["links"]["events"]) as stream:
            everything = await events_of(stream)
        async with feed(farm.http, job["links"]["events"], headers={"Last-Event-ID": "2"}) as stream:
            assert await events_of(stream) == everything[2:]
        async with feed(farm.http, f"{job['links']['events']}?after=3") as stream:
            assert await events_of(stream) == everything[3:]
        done = await farm.http.get(job["links"]["events"], headers={"Last-Event-ID": str(everything[-1].id)})
        assert (done.status_code, done.content) == (204, b"")

    async def test_the_feed_of_an_ended_job_ends_although_an_output_was_told_behind_its_end(
        self, farm: ApiFarm
    ) -> None:
        job = await farm.submit(frames="1")
        await farm.render(job["id"], frames=1)
        async with farm.db.transaction() as tx:
            late = await append_event(
                tx, job_id=UUID(job["id"]), kind=EventKind.OUTPUT_READY, data={"kind": "preview", "artifacts": []}
            )
        async with asyncio.timeout(10), feed(farm.http, job["links"]["events"]) as stream:
            events = await events_of(stream)
        assert [event.kind for event in events[-2:]] == ["job.state", "output.ready"]
        async with (
            asyncio.timeout(10),
            feed(farm.http, job["links"]["events"], headers={"Last-Event-ID": str(late - 1)}) as stream,
        ):
            assert [event.id for event in await events_of(stream)] == [late]

    async def test_an_id_that_is_not_of_this_feed_is_refused(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        for last in ("x", "-1", "1.5", "999", "٣"):
            answer = await farm.http.get(job["links"]["events"], headers={b"Last-Event-ID": last.encode()})
            problem_of(answer, 422, "invalid-input")

    async def test_events_arrive_while_they_happen(self, farm: ApiFarm, server: Server) -> None:
        job = await farm.submit(frames="1-2")
        async with feed(server.http, job["links"]["events"]) as stream:
            assert (await next_event(stream)).kind == "job.created"
            await farm.start(job["id"])
            assert (await next_event(stream)).data["state"] == "running"
            replica, chunk = await farm.claim(job["id"], frames=2)
            assert (await next_event(stream)).kind == "chunk.started"
            for ordinal in (0, 1):
                await farm.commit(replica, chunk, ordinal)
                event = await next_event(stream)
                assert [frame["ordinal"] for frame in event.data["frames"]] == [ordinal]
            rest = await events_of(stream)
        assert rest[-1].data["state"] == "succeeded"

    async def test_many_streams_of_one_process_share_one_listener(self, farm: ApiFarm, server: Server) -> None:
        job = await farm.submit(frames="1")

        async def follow() -> list[int]:
            async with feed(server.http, job["links"]["events"]) as stream:
                return [event.id for event in await events_of(stream)]

        async with asyncio.TaskGroup() as group:
            streams = [group.create_task(follow()) for _ in range(20)]
            await farm.render(job["id"], frames=1)
        seen = {tuple(stream.result()) for stream in streams}
        assert len(seen) == 1
        listeners = await farm.count("pg_stat_activity where application_name like '% listen'")
        assert listeners == 2  # one of each of the two apps of this test

    async def test_silence_is_broken_by_comments(self, farm: ApiFarm, server: Server) -> None:
        job = await farm.submit()
        async with feed(server.http, job["links"]["events"]) as stream:
            assert (await next_event(stream)).kind == "job.created"
            async with asyncio.timeout(10):
                assert [await anext(stream), await anext(stream)] == [": still here"] * 2

    async def test_a_lost_notification_delays_an_event_by_one_heartbeat(self, farm: ApiFarm, server: Server) -> None:
        job = await farm.submit()
        async with feed(server.http, job["links"]["events"]) as stream:
            await next_event(stream)
            await farm.execute(  # as append_event does, but without its NOTIFY
                "insert into event (project_id, job_id, seq, kind, data) values (:project, :job, 2, 'job.state',"
                ' \'{"state": "running"}\')',
                project=farm.project_id,
                job=job["id"],
            )
            assert (await next_event(stream)).id == 2

    async def test_a_stream_outlives_a_lost_listener(self, farm: ApiFarm, server: Server) -> None:
        job = await farm.submit(frames="1")
        async with feed(server.http, job["links"]["events"]) as stream:
            await next_event(stream)
            await farm.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name like '% listen'"
            )
            await farm.render(job["id"], frames=1)
            assert (await events_of(stream))[-1].data["state"] == "succeeded"

    async def test_streams_end_when_the_server_stops(self, farm: ApiFarm, server: Server) -> None:
        job = await farm.submit()
        async with feed(server.http, job["links"]["events"]) as stream:
            await next_event(stream)
            async with asyncio.timeout(15):
                await server.stop()
                with suppress(httpx.RemoteProtocolError, httpx.ReadError):
                    assert await events_of(stream) == []

    async def test_a_client_that_goes_away_leaves_no_subscription_and_cancels_nothing(
        self, farm: ApiFarm, app: FastAPI, api_settings: ApiSettings
    ) -> None:
        job = await farm.submit()
        gone = asyncio.Event()
        started = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.body":
                started.set()

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": job["links"]["events"], "raw_path": job["links"]["events"].encode(), "query_string": b"",
            "root_path": "", "headers": [(b"authorization", f"Bearer {farm.key}".encode())],
            "client": ("127.0.0.1", 1), "server": ("farm.test", 80),
        }  # fmt: skip
        request = asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]
        async with asyncio.timeout(10):
            await started.wait()
            gone.set()
            await request
        assert app.state.services.hub.streams == 0
        assert (await farm.http.get(job["links"]["self"])).json()["state"] == "queued"


class TestLifetime:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return ApiSettings(heartbeat=timedelta(seconds=0.1), stream_lifetime=timedelta(seconds=0.3))

    async def test_a_stream_ends_after_its_longest_life_and_is_resumed(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        async with asyncio.timeout(10), feed(farm.http, job["links"]["events"]) as stream:
            assert [event.kind for event in await events_of(stream)] == ["job.created"]
