"""Ray's word that a node goes reaches the replicas there, and a head that does not answer holds nobody up."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from uuid import uuid4

import pytest

from cluster.loops.base import Loop
from cluster.loops.node_drains import REASON, NodeDrains, RayDrains
from db.dispatch import DISPATCHER_ROLE, lead
from db.errors import LostLeadership
from jobs.states import JobState
from tests.cluster.in_process import InProcessFarm


def loop_of(farm: InProcessFarm, drains: RayDrains) -> NodeDrains:
    return NodeDrains(
        database=farm.database, cluster_id=farm.settings.id, every=timedelta(milliseconds=50), drains=drains
    )


async def epoch_of(farm: InProcessFarm) -> int:
    epoch = await lead(
        farm.database, role=DISPATCHER_ROLE, cluster_id=farm.settings.id, holder=uuid4(), ttl=timedelta(minutes=1)
    )
    assert epoch is not None
    return epoch


async def test_a_preempted_node_loses_no_frame_and_none_is_rendered_twice(farm: InProcessFarm) -> None:
    drains: dict[str, float | None] = {}
    farm.start_dispatcher(drains=loop_of(farm, lambda: dict(drains)))
    doomed = farm.start_replica(ray_node="spot")
    job_id = await farm.submit(frames="1-8", settings={"render_ms": 200})
    await farm.until(lambda: farm.rows("select 1 from frame_result"))
    drains["spot"] = time.time() + 120
    gone = "select drain_reason from replica where id = :id and state = 'gone'"
    [row] = await farm.until(lambda: farm.rows(gone, id=doomed.identity.id))
    assert row.drain_reason == REASON
    farm.start_replica(ray_node="fine")
    job = await farm.ended(job_id)
    assert (job.state, job.committed) == (JobState.SUCCEEDED, 8)
    assert [tuple(row) for row in await farm.rows("select outcome, count(*) from attempt group by 1")] == [("ok", 8)]


async def test_a_head_that_does_not_answer_is_asked_once_and_heard_when_it_does(farm: InProcessFarm) -> None:
    answer, asked = threading.Event(), []

    def ask() -> Mapping[str, float | None]:
        asked.append(1)
        answer.wait()
        return {"spot": None}

    farm.start_replica(ray_node="spot")
    await farm.until(lambda: farm.rows("select 1 from replica where state = 'up'"))
    loop, epoch = loop_of(farm, ask), await epoch_of(farm)
    try:
        assert [await loop.tick(epoch) for _ in range(2)] == [0, 0]
        assert len(asked) == 1
    finally:
        answer.set()
    assert await loop.tick(epoch) == 1
    assert await farm.rows("select 1 from replica where drain") != []


async def test_who_leads_no_more_drains_nothing(farm: InProcessFarm) -> None:
    farm.start_replica(ray_node="spot")
    await farm.until(lambda: farm.rows("select 1 from replica where state = 'up'"))
    loop: Loop = loop_of(farm, lambda: {"spot": None})
    with pytest.raises(LostLeadership):
        await loop.tick(await epoch_of(farm) + 1000)
    assert await farm.rows("select 1 from replica where drain") == []
