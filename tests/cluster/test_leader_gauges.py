"""What a leader shows of the farm ends with its reign: no former leader's word stands beside the present one's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from cluster.loops.base import Showing
from cluster.loops.measurer import Measurer
from cluster.loops.settings import LoopSettings
from cluster.metrics import ray_meters
from cluster.metrics.ray_meters import RayFarmMeter, RayLoopMeter
from db.dispatch import LOOPS_ROLE, lead, resign
from db.loops.measure import FarmMeasures
from db.settings import DatabaseSettings
from tests.cluster.test_loop_runner import CLUSTER, Flickering, Scripted, running, until

Served = dict[tuple[str, ...], float]
"""What Ray would serve: name and values of labels, and the value."""


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    values: Served = {}

    class Told:
        def __init__(self, name: str, **_: Any) -> None:
            self._name = name

        def set(self, value: float, tags: dict[str, str] | None = None) -> None:
            values[self._name, *(tags or {}).values()] = value

        def observe(self, value: float, tags: dict[str, str] | None = None) -> None: ...
        def inc(self, value: float, tags: dict[str, str] | None = None) -> None: ...

    monkeypatch.setattr(ray_meters, "metrics", SimpleNamespace(Gauge=Told, Counter=Told, Histogram=Told))
    return values


@pytest.fixture
async def db(settings: DatabaseSettings) -> AsyncIterator[Flickering]:
    database = Flickering(settings)
    yield database
    database.away = False
    await database.close()


class OwnMeasures(Measurer):
    """Measures its database again and again, as fast as the loops of these tests go."""

    def __init__(self, db: Flickering) -> None:
        super().__init__(
            database=db,
            cluster_id=CLUSTER.id,
            settings=LoopSettings(measure_every=timedelta(seconds=1)),
            silent_after=timedelta(seconds=10),
            meter=RayFarmMeter(),
        )
        self.every = timedelta(milliseconds=20)


async def broken(_: int) -> int:
    raise RuntimeError("a bug")


async def another_leads(db: Flickering, former: Any) -> None:
    async def take() -> int | None:
        await resign(db, role=LOOPS_ROLE, cluster_id=CLUSTER.id, holder=former)
        return await lead(db, role=LOOPS_ROLE, cluster_id=CLUSTER.id, holder=uuid4(), ttl=timedelta(minutes=5))

    await until(take)


def nothing_shown(served: Served) -> bool:
    return not any(served.values())


async def test_who_is_replaced_takes_back_what_it_showed_and_its_failures(db: Flickering, served: Served) -> None:
    async with running(db, OwnMeasures(db), Scripted("broken", broken), meter=RayLoopMeter()) as runner:
        await until(lambda: served.get(("rayfarm_database_bytes",)))
        await until(lambda: served.get(("rayfarm_loop_failures", "broken")))
        await another_leads(db, runner.holder)
        await until(lambda: nothing_shown(served))
        await asyncio.sleep(0.2)  # it ticks no more, so nothing can come back
        assert nothing_shown(served)


async def test_one_that_the_database_has_lost_shows_nothing_while_another_may_lead(
    db: Flickering, served: Served
) -> None:
    """It cannot know of its successor, and every tick of its own fails meanwhile."""
    async with running(db, OwnMeasures(db), meter=RayLoopMeter()):
        await until(lambda: served.get(("rayfarm_database_bytes",)))
        db.away = True
        await until(lambda: served.get(("rayfarm_loop_failures", "measurer")))  # still within its lease
        await until(lambda: nothing_shown(served))
        db.away = False
        await until(lambda: served.get(("rayfarm_database_bytes",)))


async def test_a_tick_that_outlives_the_reign_shows_nothing(db: Flickering, served: Served) -> None:
    begun, goes_on = asyncio.Event(), asyncio.Event()

    class Slow(OwnMeasures):
        async def tick(self, epoch: int) -> int:
            begun.set()
            await goes_on.wait()
            return await super().tick(epoch)

    other = Scripted("other")
    async with running(db, Slow(db), other) as runner:
        await begun.wait()
        await another_leads(db, runner.holder)
        await until(lambda: runner._epoch is None)
        goes_on.set()
        await until(lambda: served.get(("rayfarm_database_bytes",)) == 0)


async def test_one_that_ends_shows_nothing(db: Flickering, served: Served) -> None:
    async with running(db, OwnMeasures(db)):
        await until(lambda: served.get(("rayfarm_database_bytes",)))
    assert nothing_shown(served)


def test_every_gauge_of_the_farm_is_taken_back_by_its_labels(served: Served) -> None:
    meter = RayFarmMeter()
    measures = FarmMeasures(
        replicas={("gpu", "accepting"): 5},
        oldest_s={("interactive",): 300},
        outbox_lag_s={("target",): 900},
        delivery_lag_s=7200,
        connections={("open",): 95, ("limit",): 100},
    )
    meter.show(measures)
    assert served["rayfarm_replicas", "gpu", "accepting"] == 5
    shown = set(served)
    meter.clear()
    assert set(served) == shown
    assert nothing_shown(served)
    meter.show(measures)
    assert served["rayfarm_queue_oldest_seconds", "interactive"] == 300


def test_the_measurer_shows_and_others_do_not(db: Flickering, served: Served) -> None:
    assert isinstance(OwnMeasures(db), Showing)
    assert not isinstance(Scripted("any"), Showing)
