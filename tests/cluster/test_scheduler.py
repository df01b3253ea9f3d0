"""Machines are kept to their schedules by the same rows as an operator's word, which no schedule takes back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cluster.loops.scheduler import Scheduler
from db.errors import LostLeadership
from db.schedules import drop_schedule, let_render, let_rest, set_schedule
from db.workers import set_node_disabled
from jobs.schedules import Rest, Schedule, Window
from tests.db.builders import CLUSTER, Farm
from tests.db.conftest import administer, databases, db, farm, postgres, settings, template
from tests.db.control import waiting

__all__ = ["administer", "databases", "db", "farm", "postgres", "settings", "template"]

NOON, NIGHT = datetime(2026, 11, 27, 12, tzinfo=UTC), datetime(2026, 11, 27, 23, tzinfo=UTC)
NIGHTS = (Window(begin="20:00", end="08:00"),)


class Machines:
    """The loop over a farm, at a time of ours."""

    def __init__(self, farm: Farm) -> None:
        self.farm = farm
        self.now = NOON
        self.loop = Scheduler(
            database=farm.db,
            cluster_id=CLUSTER,
            every=timedelta(seconds=10),
            silent_after=timedelta(seconds=30),
            clock=lambda: self.now,
        )

    async def tick(self, now: datetime) -> int:
        self.now = now
        return await self.loop.tick(await self.farm.lead())

    async def set(self, name: str = "s", **wishes: Any) -> None:
        async with self.farm.db.transaction() as tx:
            await set_schedule(tx, name=name, schedule=Schedule(**wishes), set_by="test")

    async def node(self) -> Any:
        rows = await self.farm.rows("select * from node")
        return rows[0] if rows else None


@pytest.fixture
async def machines(farm: Farm) -> Machines:
    await farm.replica(node="ws1", labels={"room": "lab"})
    return Machines(farm)


async def test_a_machine_rests_outside_of_its_hours_with_the_reason_and_renders_inside(machines: Machines) -> None:
    await machines.set(node="ws1", windows=NIGHTS)
    assert await machines.tick(NOON) == 1
    row = await machines.node()
    assert (row.disabled, row.disabled_by) == (True, "schedule")
    assert row.reason == "Schedule s: it renders 20:00-08:00 (UTC)."
    assert await machines.farm.rows("select 1 from accepting_replica") == []
    assert await machines.tick(NOON) == 0, "it was told again"
    assert await machines.tick(NIGHT) == 1
    assert len(await machines.farm.rows("select 1 from accepting_replica")) == 1


async def test_what_an_operator_has_disabled_stays_so(machines: Machines) -> None:
    await machines.set(node="ws1", windows=NIGHTS)
    async with machines.farm.db.transaction() as tx:
        await set_node_disabled(tx, cluster_id=CLUSTER, name="ws1", disabled=True, reason="A fan is broken.")
    assert await machines.tick(NIGHT) == 0
    assert await machines.tick(NOON) == 0
    assert ((await machines.node()).reason, (await machines.node()).disabled) == ("A fan is broken.", True)


async def test_a_running_frame_ends_or_comes_back_as_the_schedule_says(machines: Machines) -> None:
    await machines.set(node="ws1", windows=NIGHTS)
    await machines.tick(NOON)
    assert await machines.farm.rows("select 1 from replica where drain") == []
    await machines.tick(NIGHT)
    await machines.set(node="ws1", windows=NIGHTS, give_back=True)
    await machines.tick(NOON)
    row = await machines.farm.one("select drain, drain_reason, drain_by <= now() as at_once from replica")
    assert (row.drain, row.at_once) == (True, True)
    assert "it renders 20:00-08:00" in row.drain_reason


async def test_a_workstation_renders_while_its_replica_tells_that_nobody_uses_it(machines: Machines) -> None:
    await machines.set(labels={"room": "lab"}, only_when_idle_min=10)
    assert await machines.tick(NOON) == 1, "it has told nothing"

    async def tells(quiet_s: float) -> None:
        await machines.farm.execute(
            "update replica set current = jsonb_build_object('machine', jsonb_build_object('quiet_s', :quiet))",
            quiet=quiet_s,
        )

    await tells(599)
    assert await machines.tick(NOON) == 0
    await tells(600)
    assert await machines.tick(NOON) == 1
    assert not (await machines.node()).disabled
    await tells(2)
    assert await machines.tick(NOON) == 1
    assert "nobody has used it for 10 min" in (await machines.node()).reason


async def test_a_schedule_that_is_gone_keeps_nobody(machines: Machines) -> None:
    await machines.set(node="ws1", windows=NIGHTS)
    await machines.tick(NOON)
    async with machines.farm.db.transaction() as tx:
        assert await drop_schedule(tx, name="s")
    assert await machines.tick(NOON) == 1
    assert not (await machines.node()).disabled


async def test_other_machines_and_who_leads_no_more_are_left_alone(machines: Machines) -> None:
    await machines.set(node="ws2", windows=NIGHTS)
    assert await machines.tick(NOON) == 0
    await machines.set(node="ws1", windows=NIGHTS)
    machines.now = NOON
    with pytest.raises(LostLeadership):
        await machines.loop.tick(await machines.farm.lead() + 1000)
    assert await machines.node() is None


@pytest.mark.parametrize("give_back", [False, True])
async def test_an_operators_word_between_the_look_and_the_write_of_a_schedule_stands(
    machines: Machines, give_back: bool
) -> None:
    farm, epoch = machines.farm, await machines.farm.lead()
    rest = Rest(reason="It is noon.", give_back=give_back)
    async with farm.db.transaction() as operator:
        await set_node_disabled(operator, cluster_id=CLUSTER, name="ws1", disabled=True, reason="A fan is broken.")
        resting = asyncio.create_task(let_rest(farm.db, cluster_id=CLUSTER, name="ws1", rest=rest, epoch=epoch))
        await waiting(farm, 1)
    assert not await resting
    row = await machines.node()
    assert (row.disabled, row.disabled_by, row.reason) == (True, "operator", "A fan is broken.")
    assert await farm.rows("select 1 from replica where drain") == []
    assert not await let_render(farm.db, cluster_id=CLUSTER, name="ws1", epoch=epoch)
    assert (await machines.node()).disabled


async def test_a_machine_that_cannot_be_told_keeps_no_other_from_its_hours(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    await machines.farm.replica(node="ws2")
    for name in ("ws1", "ws2"):
        await machines.set(name, node=name, windows=NIGHTS)

    async def fails_for_ws1(db: Any, *, name: str, **rest: Any) -> bool:
        if name == "ws1":
            raise RuntimeError
        return await let_rest(db, name=name, **rest)

    monkeypatch.setattr("cluster.loops.scheduler.let_rest", fails_for_ws1)
    assert await machines.tick(NOON) == 1
    assert (await machines.node()).name == "ws2"
