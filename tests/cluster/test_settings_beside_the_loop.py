"""Long settings are read in a thread by whoever renews leases on its loop."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cluster.dispatcher import Dispatcher
from cluster.fanout.runner import TaskRunner
from cluster.settings import ClusterSettings
from db.session import Database
from db.settings import DatabaseSettings
from jobs.planning import PlanSettings
from pipelines.splats import settings as splat_settings
from pipelines.splats.cameras import CameraPath, parse_path
from tests.cluster.in_process import InProcessLauncher
from tests.db.builders import CLUSTER, LIMITS, Farm

CAMERA = {"camera_to_world": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 4, 0, 0, 0, 1], "fov": 50}
CAMERAS = {"type": "inline", "data": {"render_width": 24, "render_height": 16, "camera_path": [CAMERA]}}


@pytest.fixture
async def rows(settings: DatabaseSettings) -> AsyncIterator[Farm]:
    database = Database(settings)
    yield await Farm.create(database)
    await database.close()


async def test_the_dispatcher_reads_a_jobs_settings_beside_its_loop(
    settings: DatabaseSettings, rows: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: list[int] = []

    def watched(data: Any) -> CameraPath:
        readers.append(threading.get_ident())
        return parse_path(data)

    monkeypatch.setattr(splat_settings, "parse_path", watched)
    holder, cluster = rows.model_id, ClusterSettings(id=CLUSTER)
    dispatcher = Dispatcher(
        database=rows.db,
        database_settings=settings,
        settings=cluster,
        limits=LIMITS,
        plan_settings=PlanSettings(),
        tasks=TaskRunner(database=rows.db, settings=cluster, holder=holder, launcher=InProcessLauncher()),
        holder=holder,
    )
    await rows.replica(engines={"splats": "splats 1"})
    await rows.submit(pipeline="splats", frames="1", settings={"cameras": CAMERAS})
    assert (await dispatcher.tick()).started_jobs == 1
    assert len(readers) == 1
    assert readers[0] != threading.get_ident()
