"""What a process tells of its machine: its disks, errors of its cards, and whether the database answers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from cluster.dispatcher import Dispatcher, TickReport
from cluster.fanout.runner import TaskRunner
from cluster.metrics.machine import MachineTeller
from cluster.metrics.ports import Silent
from cluster.settings import ClusterSettings
from db.errors import RowsBusy
from db.session import Database
from db.settings import DatabaseSettings
from jobs.errors import Unavailable
from jobs.limits import FarmLimits
from jobs.planning import PlanSettings
from tests.cluster.in_process import InProcessLauncher


class Heard(Silent):
    def __init__(self) -> None:
        self.disks: dict[str, tuple[int, int]] = {}
        self.errors: list[int] = []
        self.reaches: list[bool] = []
        self.ticks: list[float] = []

    def disk(self, place: str, *, free_bytes: int, size_bytes: int) -> None:
        self.disks[place] = (free_bytes, size_bytes)

    def gpu_errors(self, count: int) -> None:
        self.errors.append(count)

    def ticked(self, took_s: float) -> None:
        self.ticks.append(took_s)

    def reached(self, database: bool) -> None:
        self.reaches.append(database)


class Cards:
    def __init__(self, errors: int | None) -> None:
        self._errors = errors

    def uncorrected_errors(self) -> int | None:
        return self._errors


def teller(heard: Heard, cards: Cards | None = None, **places: Path) -> MachineTeller:
    return MachineTeller(places=places, cards=cards, meter=heard, every=timedelta(seconds=1))


async def test_the_disk_of_each_place_is_told_also_of_a_folder_that_is_still_to_be_made(tmp_path: Path) -> None:
    heard = Heard()
    await teller(heard, storage=tmp_path, cache=tmp_path / "not" / "there" / "yet").tick()
    size = os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize
    assert heard.disks.keys() == {"storage", "cache"}
    assert {told for _, told in heard.disks.values()} == {size}
    assert all(0 < free < size for free, _ in heard.disks.values())


async def test_a_place_that_cannot_be_looked_at_keeps_the_others_from_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, real = Heard(), __import__("shutil").disk_usage

    def usage(place: Path) -> Any:
        if place.name == "broken":
            raise OSError("stale file handle")
        return real(place)

    (tmp_path / "broken").mkdir()
    monkeypatch.setattr("shutil.disk_usage", usage)
    await teller(heard, storage=tmp_path / "broken", cache=tmp_path).tick()
    assert list(heard.disks) == ["cache"]


@pytest.mark.parametrize(("cards", "told"), [(None, []), (Cards(None), []), (Cards(0), [0]), (Cards(3), [3])])
async def test_errors_of_cards_are_told_where_they_count_them(cards: Cards | None, told: list[int]) -> None:
    heard = Heard()
    await teller(heard, cards).tick()
    assert heard.errors == told


async def test_an_error_that_nobody_foresaw_ends_no_look_after_it() -> None:
    looks, enough = 0, asyncio.Event()

    class Broken(Cards):
        def uncorrected_errors(self) -> int | None:
            nonlocal looks
            looks += 1
            if looks == 3:
                loop.call_soon_threadsafe(enough.set)
            raise RuntimeError("a driver of another version")

    loop = asyncio.get_running_loop()
    every = timedelta(milliseconds=1)
    watching = asyncio.create_task(MachineTeller(places={}, cards=Broken(0), meter=Heard(), every=every).run())
    async with asyncio.timeout(60):
        await enough.wait()
    assert not watching.done()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_where_there_is_nothing_to_look_at_nobody_looks() -> None:
    async with asyncio.timeout(60):
        await teller(Heard()).run()


@asynccontextmanager
async def dispatcher(settings: DatabaseSettings, heard: Heard) -> AsyncIterator[Dispatcher]:
    database, cluster, holder = Database(settings), ClusterSettings(id="c"), uuid4()
    made = Dispatcher(
        database=database,
        database_settings=settings,
        settings=cluster,
        limits=FarmLimits(),
        plan_settings=PlanSettings(),
        tasks=TaskRunner(database=database, settings=cluster, holder=holder, launcher=InProcessLauncher()),
        holder=holder,
        meter=heard,
    )
    try:
        yield made
    finally:
        await made.close()
        await database.close()


async def test_a_tick_tells_that_the_database_answered_also_where_another_leads(settings: DatabaseSettings) -> None:
    first, second = Heard(), Heard()
    async with dispatcher(settings, first) as leader, dispatcher(settings, second) as other:
        await leader._tick_once()
        await other._tick_once()
    assert (first.reaches, len(first.ticks)) == ([True], 1)
    assert (second.reaches, len(second.ticks)) == ([True], 0)


async def test_a_tick_tells_that_the_database_is_away_and_ends_there() -> None:
    heard = Heard()
    away = DatabaseSettings(url=SecretStr("postgresql://nobody@127.0.0.1:1/none"))
    async with dispatcher(away, heard) as one:
        await one._tick_once()
    assert (heard.reaches, heard.ticks) == ([False], [])


@pytest.mark.parametrize("error", [RowsBusy("somebody holds them"), Unavailable("storage is away")])
async def test_a_tick_that_failed_elsewhere_tells_that_the_database_answered(
    error: Exception, settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()

    async def lead(epoch: int) -> TickReport:
        raise error

    async with dispatcher(settings, heard) as one:
        monkeypatch.setattr(one, "_lead", lead)
        await one._tick_once()
    assert heard.reaches == [True]
