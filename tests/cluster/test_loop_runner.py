"""Loops under one leader: each for itself, bounded, seen; and a leader that stands still is replaced."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from cluster.loops.base import Loop, Patient
from cluster.loops.rescuer import Rescuer
from cluster.loops.runner import LoopRunner
from cluster.loops.settings import LoopSettings
from cluster.metrics.ports import SILENT, LoopMeter
from cluster.settings import ClusterSettings
from db.dispatch import LOOPS_ROLE, LostLeadership, lead
from db.errors import DatabaseUnavailable, RowsBusy
from db.session import Database, Transaction
from db.settings import DatabaseSettings
from jobs.limits import FarmLimits

WAIT_S = 200.0
"""Seconds that any wait of these tests may take; a machine that is idle needs a few."""
CLUSTER = ClusterSettings(
    id="c",
    leader_ttl=timedelta(seconds=1),
    retry_first=timedelta(milliseconds=10),
    retry_longest=timedelta(milliseconds=50),
)


class Scripted:
    """A loop whose ticks do what the test says."""

    every = timedelta(milliseconds=5)

    def __init__(self, name: str, act: Callable[[int], Awaitable[int]] | None = None) -> None:
        self.name = name
        self.epochs: list[int] = []
        self._act = act

    async def tick(self, epoch: int) -> int:
        self.epochs.append(epoch)
        return 1 if self._act is None else await self._act(epoch)


class PatientOne(Scripted):
    grace = timedelta(seconds=1.5)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.at: list[float] = []

    async def tick(self, epoch: int) -> int:
        self.at.append(time.monotonic())
        return await super().tick(epoch)


class Meter:
    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    def observe(self, name: str, *, took_s: float, handled: int, failures: int) -> None:
        self.seen.append((name, handled, failures))

    def clear(self) -> None: ...


class Flickering(Database):
    """Away for as long as the test says."""

    away = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        if self.away:
            raise DatabaseUnavailable
        async with super().transaction() as tx:
            yield tx


@pytest.fixture
async def db(settings: DatabaseSettings) -> AsyncIterator[Flickering]:
    database = Flickering(settings)
    yield database
    database.away = False
    await database.close()


@asynccontextmanager
async def running(db: Database, *loops: Loop, meter: LoopMeter = SILENT, **settings: Any) -> AsyncIterator[LoopRunner]:
    runner = LoopRunner(database=db, settings=CLUSTER, loop_settings=LoopSettings(**settings), loops=loops, meter=meter)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runner.close()


async def until(look: Callable[[], Any]) -> Any:
    async with asyncio.timeout(WAIT_S):
        while True:
            answer = look()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return answer
            await asyncio.sleep(0.01)


async def health(db: Database, name: str) -> Any:
    async with db.transaction() as tx:
        rows = await tx.execute(text("select * from loop_health where name = :name"), {"name": name})
        return rows.one_or_none()


class TestContainment:
    async def test_a_loop_that_hangs_is_stopped_and_holds_no_other_up(self, db: Database) -> None:
        async def hang(_: int) -> int:
            return await asyncio.Event().wait()

        hanging, well = Scripted("hanging", hang), Scripted("well")
        async with running(db, hanging, well, tick_timeout=timedelta(seconds=0.2)):
            await until(lambda: len(hanging.epochs) > 2 and len(well.epochs) > 20)
            row = await until(lambda: health(db, "hanging"))
        assert row.failures > 0
        assert "had not ended after 0.2 s" in row.error

    async def test_a_tick_that_cannot_be_stopped_is_shown_and_never_has_a_second_beside_it(self, db: Database) -> None:
        ends = asyncio.Event()

        async def deaf(_: int) -> int:
            while not ends.is_set():
                try:
                    await ends.wait()
                except asyncio.CancelledError:
                    continue  # as a thread that hangs in a dead disk
            return 1

        deaf_one, well = Scripted("deaf", deaf), Scripted("well")
        async with running(db, deaf_one, well, tick_timeout=timedelta(seconds=0.1)):
            row = await until(lambda: health(db, "deaf"))
            await until(lambda: len(well.epochs) > 20)
            assert "cannot be stopped" in row.error
            assert len(deaf_one.epochs) == 1
            ends.set()
            await until(lambda: len(deaf_one.epochs) > 1)

    async def test_one_that_fails_is_tried_again_and_its_failures_in_a_row_are_counted(self, db: Database) -> None:
        outcomes = iter([RuntimeError("a bug"), DatabaseUnavailable("away"), OSError("net"), None])

        async def act(_: int) -> int:
            if (error := next(outcomes, None)) is not None:
                raise error
            return 2

        loop, meter = Scripted("fails", act), Meter()
        async with running(db, loop, meter=meter):
            await until(lambda: len(meter.seen) > 4)
            row = await until(lambda: health(db, "fails"))
        assert meter.seen[:5] == [("fails", 0, 1), ("fails", 0, 2), ("fails", 0, 3), ("fails", 2, 0), ("fails", 2, 0)]
        assert (row.failures, row.error) == (0, None)
        assert row.handled >= 2

    async def test_an_outage_is_waited_out(self, db: Flickering) -> None:
        loop = Scripted("loop")
        async with running(db, loop):
            await until(lambda: loop.epochs)
            db.away = True
            await asyncio.sleep(0.3)
            db.away = False
            before = len(loop.epochs)
            await until(lambda: len(loop.epochs) > before + 3)


class TestGrace:
    async def test_who_judges_by_silence_waits_after_the_start_and_after_each_outage(self, db: Flickering) -> None:
        loop, other = PatientOne("rescuer"), Scripted("other")
        began = time.monotonic()
        async with running(db, loop, other):
            await until(lambda: loop.at)
            assert loop.at[0] - began >= loop.grace.total_seconds()
            assert other.epochs
            db.away = True
            await asyncio.sleep(0.5)  # above a renewal, which notes the outage
            back = time.monotonic()
            loop.at.clear()
            db.away = False
            await until(lambda: loop.at)
            assert loop.at[0] - back >= loop.grace.total_seconds() - 0.01

    async def test_a_lock_that_could_not_be_had_is_no_outage(self, db: Database) -> None:
        """Else one stubborn row would keep the rescuer from everybody's, for ever."""
        loop = PatientOne("rescuer")

        async def busy(_: int) -> int:
            raise RowsBusy

        async with running(db, loop, Scripted("busy", busy)):
            await until(lambda: len(loop.at) > 3)

    def test_the_rescuer_is_such_a_one_and_waits_for_the_longest_lease(self, db: Database) -> None:
        rescuer = Rescuer(database=db, settings=LoopSettings(), limits=FarmLimits(), task_lease=timedelta(minutes=2))
        assert isinstance(rescuer, Patient)
        assert rescuer.grace == timedelta(minutes=2)
        assert not isinstance(Scripted("any"), Patient)


class TestLeadership:
    async def test_of_two_one_ticks_and_the_other_takes_over_at_once_when_it_ends(self, db: Database) -> None:
        first, second = Scripted("loop"), Scripted("loop")
        async with running(db, first):
            await until(lambda: first.epochs)
            async with running(db, second):
                await until(lambda: len(first.epochs) > 50)
                assert second.epochs == []
        async with running(db, second):
            await until(lambda: second.epochs)
        assert set(first.epochs).isdisjoint(second.epochs)

    async def test_a_tick_that_finds_its_epoch_over_ends_the_reign_of_the_runner(self, db: Database) -> None:
        async def lost(epoch: int) -> int:
            raise LostLeadership(epoch=epoch)

        loop, other = Scripted("lost", lost), Scripted("other")
        async with running(db, loop, other):
            await until(lambda: loop.epochs)
            await until(lambda: len(loop.epochs) > 1)  # nobody took over, so it leads again

    async def test_a_leader_that_was_stopped_is_replaced_and_its_late_write_is_refused(
        self, db: Database, settings: DatabaseSettings
    ) -> None:
        """SIGSTOP in the middle of a transaction that holds the leader's row."""
        environment = {
            **os.environ,
            "RAYFARM_DATABASE_URL": settings.url.get_secret_value(),
            "RAYFARM_CLUSTER_LEADER_TTL": "PT3S",
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.cluster.stopped_leader", CLUSTER.id, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdout is not None
        successor = Scripted("writer")
        try:
            async with asyncio.timeout(WAIT_S):
                while not (line := await process.stdout.readline()).startswith(b"holds"):
                    assert line, "the leader ended"
            old = int(line.split()[1])
            process.send_signal(signal.SIGSTOP)
            async with running(db, successor):
                await until(lambda: successor.epochs)
                assert successor.epochs[0] > old
                process.send_signal(signal.SIGCONT)
                # which of the two, depends on who is first: its own look at the row, or the end of its transaction
                said = await _read_until(process.stdout, b"lost_leadership", b"tick_unavailable", b"wrote")
                assert b"wrote" not in said  # it says so where its transaction was committed
        finally:
            process.kill()
            await process.wait()


async def _read_until(stream: asyncio.StreamReader, *words: bytes) -> bytes:
    """All that was said until one of these came. ``TimeoutError`` where none comes."""
    said = b""
    async with asyncio.timeout(WAIT_S):
        while not any(each in said for each in words):
            piece = await stream.read(4096)
            assert piece, f"it ended, and said {said!r}"
            said += piece
    return said


async def test_two_clusters_lead_themselves(db: Database) -> None:
    for cluster in ("c", "other"):
        assert await lead(db, role=LOOPS_ROLE, cluster_id=cluster, holder=uuid4(), ttl=timedelta(minutes=1)) is not None
