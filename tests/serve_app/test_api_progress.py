"""Progress of frames on a job's stream and in the list of its frames."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from db.queue import ClaimedChunk, tell_progress
from jobs.events import EventKind
from serve_app.events.live import MOST_FRAMES, Subscription
from serve_app.settings import ApiSettings
from tests.serve_app.conftest import Server
from tests.serve_app.farm import ApiFarm


@pytest.fixture
def api_settings() -> ApiSettings:
    return ApiSettings(heartbeat=timedelta(seconds=0.2), progress_every=timedelta(seconds=0.05))


@asynccontextmanager
async def pieces_of(http: httpx.AsyncClient, path: str) -> AsyncIterator[AsyncIterator[dict[str, str]]]:
    """The fields of each piece of the stream that has data."""

    async def read(answer: httpx.Response) -> AsyncIterator[dict[str, str]]:
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if line and name:
                fields[name] = value
            elif not line:
                if "data" in fields:
                    yield fields
                fields = {}

    async with asyncio.timeout(30), http.stream("GET", path) as answer:
        yield read(answer)


async def next_of(stream: AsyncIterator[dict[str, str]], kind: str) -> dict[str, str]:
    async for piece in stream:
        if piece["event"] == kind:
            return piece
    raise AssertionError(f"the stream ended without {kind}")


async def tell(farm: ApiFarm, chunk: ClaimedChunk, replica: UUID, ordinal: int, fraction: float) -> bool:
    told = {
        "job_id": chunk.job_id,
        "work_id": chunk.work_id,
        "fence": chunk.fence,
        "ordinal": ordinal,
        "frame": chunk.frames[chunk.ordinals.index(ordinal)],
        "fraction": fraction,
        "done": round(64 * fraction),
        "total": 64,
        "unit": "samples",
        "eta_seconds": 2.0,
        "detail": "rendering",
    }
    return await tell_progress(
        farm.db,
        replica_id=replica,
        work_id=chunk.work_id,
        fence=chunk.fence,
        ordinal=ordinal,
        current=told,
        told=told,
    )


async def test_progress_comes_on_the_stream_without_an_id_and_is_not_replayed(farm: ApiFarm, server: Server) -> None:
    job = await farm.submit(frames="5-6")
    await farm.start(job["id"])
    replica, chunk = await farm.claim(job["id"], frames=2)
    async with pieces_of(server.http, job["links"]["events"]) as stream:
        await next_of(stream, "chunk.started")
        assert await tell(farm, chunk, replica, 0, 0.5)
        piece = await next_of(stream, "frame.progress")
    assert "id" not in piece
    body = json.loads(piece["data"])
    assert (body["kind"], body["job"], "seq" in body) == ("frame.progress", job["id"], False)
    assert body["data"] == {
        "ordinal": 0,
        "frame": 5,
        "part": None,
        "parts": None,
        "fraction": 0.5,
        "done": 32,
        "total": 64,
        "unit": "samples",
        "eta_seconds": 2.0,
        "detail": "rendering",
        "preview": None,
        "replica": str(replica),
    }
    await farm.commit(replica, chunk)
    async with pieces_of(farm.http, job["links"]["events"]) as stream:
        kinds = [piece["event"] async for piece in stream]
    assert "frame.progress" not in kinds
    assert kinds[-1] == "job.state"


async def test_the_list_of_frames_shows_where_one_stands_until_it_is_done(farm: ApiFarm) -> None:
    job = await farm.submit(frames="1-3")
    await farm.start(job["id"])
    replica, chunk = await farm.claim(job["id"], frames=2)
    assert await tell(farm, chunk, replica, 0, 0.25)

    async def shown() -> list[Any]:
        answer = await farm.http.get(job["links"]["frames"])
        return [(frame["state"], frame["progress"]) for frame in answer.json()["items"]]

    progress = {
        "fraction": 0.25,
        "done": 16,
        "total": 64,
        "unit": "samples",
        "eta_seconds": 2.0,
        "detail": "rendering",
        "preview": None,
    }
    assert await shown() == [("rendering", progress), ("leased", None), ("queued", None)]
    one = await farm.http.get(f"/v1/jobs/{job['id']}/frames/1")
    assert one.json()["progress"] == progress
    await farm.commit(replica, chunk, 0)
    assert await shown() == [("committed", None), ("rendering", None), ("queued", None)]


class TestSubscription:
    """What one stream holds between two of its turns."""

    def word(self, ordinal: int, *, seq: int = 5, fraction: float = 0.5) -> dict[str, Any]:
        return {"ordinal": ordinal, "part": None, "seq": seq, "fraction": fraction}

    def test_only_the_newest_word_of_a_frame_waits(self) -> None:
        mine = Subscription()
        for fraction in (0.1, 0.2, 0.3):
            mine.tell(self.word(1, fraction=fraction))
        assert [word["fraction"] for word in mine.take_words()] == [0.3]
        assert mine.take_words() == []

    def test_a_word_that_comes_behind_the_end_of_its_frame_is_dropped(self) -> None:
        mine = Subscription()
        mine.note_event(EventKind.FRAMES_COMMITTED, 6, {"frames": [{"ordinal": 1}]})
        mine.tell(self.word(1, seq=5))
        mine.tell(self.word(2, seq=5))
        assert [word["ordinal"] for word in mine.take_words()] == [2]

    def test_a_frame_that_is_rendered_again_is_told_of_again(self) -> None:
        mine = Subscription()
        mine.note_event(EventKind.FRAME_RETRIED, 6, {"ordinal": 1})
        mine.tell(self.word(1, seq=6))
        assert [word["ordinal"] for word in mine.take_words()] == [1]

    def test_a_slow_client_costs_a_bounded_number_of_words(self) -> None:
        mine = Subscription()
        for ordinal in range(3 * MOST_FRAMES):
            mine.tell(self.word(ordinal))
        assert [word["ordinal"] for word in mine.take_words()] == list(range(2 * MOST_FRAMES, 3 * MOST_FRAMES))

    async def test_rows_do_not_wait_for_the_turn_of_progress(self) -> None:
        mine = Subscription()
        mine.tell(self.word(1))
        asyncio.get_running_loop().call_soon(mine.wake)
        never = asyncio.get_running_loop().time() + 3600
        async with asyncio.timeout(20):
            assert await mine.wait(words_from=never, until=never)
        assert mine.take_rows()
        assert not mine.take_rows()
