"""Looking for reuse has one time for all jobs of a tick, and the jobs have it in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from cluster.dispatcher import Dispatcher
from cluster.fanout.runner import TaskRunner
from cluster.settings import ClusterSettings
from db.session import Database
from db.settings import DatabaseSettings
from jobs.planning import PlanSettings
from pipelines.render_keys import render_key_of
from tests.cluster.in_process import InProcessLauncher
from tests.db.builders import CLUSTER, LIMITS, Farm


@pytest.fixture
async def rows(settings: DatabaseSettings) -> AsyncIterator[Farm]:
    database = Database(settings)
    yield await Farm.create(database)
    await database.close()


@pytest.fixture
async def dispatcher(settings: DatabaseSettings, rows: Farm) -> Dispatcher:
    """It has time for one look per tick."""
    holder = rows.model_id  # as whoever leads for the builders
    cluster = ClusterSettings(id=CLUSTER, reuse_slice=timedelta(0))
    await rows.replica()
    return Dispatcher(
        database=rows.db,
        database_settings=settings,
        settings=cluster,
        limits=LIMITS,
        plan_settings=PlanSettings(),
        tasks=TaskRunner(database=rows.db, settings=cluster, holder=holder, launcher=InProcessLauncher()),
        holder=holder,
    )


async def started(farm: Farm, *jobs: UUID) -> list[bool]:
    return [(await farm.job(job_id)).state != "queued" for job_id in jobs]


async def test_many_jobs_that_look_for_reuse_hold_a_tick_no_longer_than_one(rows: Farm, dispatcher: Dispatcher) -> None:
    looking = [await rows.submit(frames="1-3") for _ in range(3)]
    other = await rows.submit(frames="1-3", reuse=False)
    assert (await dispatcher.tick()).started_jobs == 2
    assert await started(rows, *looking, other) == [True, False, False, True]
    assert [(await dispatcher.tick()).started_jobs for _ in range(3)] == [1, 1, 0]
    assert await started(rows, *looking) == [True, True, True]


async def test_a_long_look_of_one_job_does_not_keep_a_short_one_behind_it_waiting(
    rows: Farm, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.dispatcher.REUSE_BATCH", 1)
    plain = {"outputs": {"video": None, "previews": False}}
    source = await rows.submit(frames="1-4", **plain)
    model = await rows.one("select digest from model")
    spec = rows.spec(frames="1-4", **plain)
    key = render_key_of(spec, model_digest=model.digest, engine_version="fake 1", device_class="cpu")
    await rows.pin(source, render_key=key)
    await rows.commit(await rows.rendering(source, await rows.replica(), frames=4))
    long, short = await rows.submit(frames="1-4", **plain), await rows.submit(frames="9", **plain)
    ended: list[list[bool]] = []
    for _ in range(5):
        await dispatcher.tick()
        ended.append(await started(rows, long, short))
    assert ended == [[False, False], [False, True], [False, True], [False, True], [True, True]]
    assert (await rows.job(long)).reused == 4
