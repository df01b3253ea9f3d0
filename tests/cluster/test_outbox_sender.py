"""Events reach receivers outside in order, however these behave, and cost the farm no slot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from structlog.testing import capture_logs

from cluster.loops.deliver import HttpDeliver, NotTaken
from cluster.loops.outbox import OutboxSender, TargetKeeper, outbox_loops
from cluster.loops.settings import LoopSettings
from db.session import Database
from jobs.errors import InvalidSettings
from tests.db.builders import CLUSTER, Farm

SETTINGS = LoopSettings(delivery_timeout=timedelta(seconds=60), delivery_attempts=3)


@pytest.fixture
async def db(settings: Any) -> AsyncIterator[Database]:
    database = Database(settings)
    yield database
    await database.close()


@pytest.fixture
async def farm(db: Database) -> Farm:
    return await Farm.create(db)


@dataclass
class Receiver:
    """A real HTTP server that keeps what it was told."""

    url: str = ""
    status: int = 200
    hangs: bool = False
    told: list[dict[str, Any]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
            )
            body = await reader.readexactly(length)
            if self.hangs:
                writer.write(b"HTTP/1.1 200 OK\r\n")  # and never the rest
                await writer.drain()
                await reader.read()
                return
            if self.status == 200:
                self.told.append(httpx.Response(200, content=body).json())
            writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % self.status)
            await writer.drain()
        finally:
            writer.close()

    def seqs(self, job_id: UUID) -> list[int]:
        return [event["seq"] for event in self.told if event["job"] == str(job_id)]


@asynccontextmanager
async def receiver(**behaviour: Any) -> AsyncIterator[Receiver]:
    made = Receiver(**behaviour)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield made
    finally:
        server.close()


class TestSender:
    async def test_it_tells_every_event_of_every_job_in_its_order_once(self, farm: Farm) -> None:
        async with receiver() as taken:
            sender = await _sender(farm, taken.url)
            jobs = [await farm.start() for _ in range(3)]
            await farm.change(jobs[0], "cancel")
            assert await sender.tick(await farm.lead()) == len(taken.told)
            for job_id in jobs:
                events = await farm.events(job_id)
                assert taken.seqs(job_id) == [seq for seq, _, _ in events]
            [first] = [event for event in taken.told if event["job"] == str(jobs[0]) and event["seq"] == 1]
            assert (first["kind"], first["project"]) == ("job.created", str(farm.project_id))
            assert await sender.tick(await farm.lead()) == 0

    async def test_a_receiver_that_refuses_is_asked_again_and_then_given_up_and_order_is_kept(self, farm: Farm) -> None:
        async with receiver(status=503) as taken:
            sender = await _sender(farm, taken.url)
            job_id = await farm.start()
            with capture_logs():
                for attempt in range(1, SETTINGS.delivery_attempts):
                    await sender.tick(await farm.lead())
                    row = await farm.one("select * from outbox order by id limit 1")
                    assert (row.state, row.attempts, row.error) == ("queued", attempt, "HTTP status 503.")
                    assert row.not_before > row.updated_at
                    await farm.execute("update outbox set not_before = now()")
                await sender.tick(await farm.lead())
            row = await farm.one("select * from outbox order by id limit 1")
            assert (row.state, row.attempts) == ("failed", SETTINGS.delivery_attempts)
            taken.status = 200
            await farm.execute("update outbox set not_before = now()")
            await sender.tick(await farm.lead())
            assert taken.seqs(job_id) == [seq for seq, _, _ in await farm.events(job_id)][1:]

    async def test_a_receiver_that_hangs_holds_up_neither_another_nor_a_slot(self, farm: Farm) -> None:
        async with receiver(hangs=True) as hanging, receiver() as well:
            settings = SETTINGS.model_copy(update={"event_targets": (hanging.url, well.url)})
            keeper, *senders = outbox_loops(
                database=farm.db, cluster_id=CLUSTER, settings=settings,
                deliver=HttpDeliver(timeout=timedelta(minutes=5)),
            )  # fmt: skip
            assert [sender.name for sender in senders] == ["outbox 127.0.0.1", "outbox 127.0.0.1 2"]
            await keeper.tick(await farm.lead())
            job_id = await farm.start(frames="1-2")
            stuck = asyncio.create_task(senders[0].tick(await farm.lead()))
            chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
            assert await farm.commit(chunk) == [0, 1]
            await senders[1].tick(await farm.lead())
            assert well.seqs(job_id) == [seq for seq, _, _ in await farm.events(job_id)]
            assert not stuck.done()
            stuck.cancel()
            await asyncio.gather(stuck, return_exceptions=True)

    async def test_an_event_that_trips_a_bug_does_not_stop_those_of_other_jobs(self, farm: Farm) -> None:
        poisoned, well = await self._two_jobs(farm)
        told: list[tuple[str, int]] = []

        async def deliver(_: str, payload: Any) -> None:
            if payload["job"] == str(poisoned):
                raise RuntimeError("a bug")
            told.append((payload["job"], payload["seq"]))

        sender = OutboxSender(name="o", target="http://a", database=farm.db, settings=SETTINGS, deliver=deliver)
        with capture_logs() as logs:
            assert await sender.tick(await farm.lead()) == 2
        assert told == [(str(well), 1), (str(well), 2)]
        assert [line["event"] for line in logs] == ["delivery_broke"]

    async def _two_jobs(self, farm: Farm) -> tuple[UUID, UUID]:
        await TargetKeeper(database=farm.db, cluster_id=CLUSTER, targets=["http://a"]).tick(await farm.lead())
        return await farm.start(), await farm.start()


class TestHttp:
    @pytest.mark.parametrize("status", [301, 404, 500])
    async def test_what_is_not_2xx_is_not_taken(self, status: int) -> None:
        async with receiver(status=status) as taken:
            with pytest.raises(NotTaken, match=str(status)):
                await HttpDeliver(timeout=timedelta(seconds=5))(taken.url, {"id": 1})

    async def test_a_receiver_that_hangs_is_left_in_time(self) -> None:
        async with receiver(hangs=True) as taken:
            with pytest.raises(NotTaken, match=r"No answer within 0.2 s|Timeout"):
                await HttpDeliver(timeout=timedelta(seconds=0.2))(taken.url, {"id": 1})

    async def test_one_that_is_not_there_is_said_to_be_so(self) -> None:
        async with receiver() as gone:
            pass
        with pytest.raises(NotTaken, match="ConnectError"):
            await HttpDeliver(timeout=timedelta(seconds=5))(gone.url, {"id": 1})


@pytest.mark.parametrize("urls", [("ftp://a/b",), ("not a url",), ("http://a/", "http://a/")])
def test_a_target_that_cannot_be_told_is_refused_at_the_start(urls: tuple[str, ...]) -> None:
    with pytest.raises(InvalidSettings, match="event target"):
        LoopSettings(event_targets=urls)


def test_pauses_grow_and_are_bounded() -> None:
    settings = LoopSettings()
    sender = OutboxSender(name="o", target="http://a", database=None, settings=settings, deliver=None)  # type: ignore[arg-type]
    pauses = [sender._pause(attempts) for attempts in range(1, settings.delivery_attempts)]
    assert all(pause is not None and pause <= settings.delivery_longest_pause for pause in pauses)
    assert sum((pause for pause in pauses if pause), timedelta(0)) > timedelta(days=2)
    assert sender._pause(settings.delivery_attempts) is None


async def _sender(farm: Farm, url: str) -> OutboxSender:
    keeper = TargetKeeper(database=farm.db, cluster_id=CLUSTER, targets=[url])
    await keeper.tick(await farm.lead())
    return OutboxSender(
        name="outbox", target=url, database=farm.db, settings=SETTINGS,
        deliver=HttpDeliver(timeout=SETTINGS.delivery_timeout),
    )  # fmt: skip
