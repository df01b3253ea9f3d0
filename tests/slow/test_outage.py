"""A database that is away for a minute in mid-job: every finished frame is kept, and the job goes on."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from cluster.local import control
from cluster.local.settings import LocalFarmSettings
from db.embedded import EmbeddedPostgres
from tests.farm.running import RunningFarm

OUTAGE_S = 60
FRAMES = 30


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """The farm's database as somebody else's server, so that the supervisor does not start it again."""
    folder = Path(tempfile.mkdtemp(prefix="rf-pg-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(root=folder / "postgres")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_minute_without_the_database_loses_no_finished_frame(server: EmbeddedPostgres) -> None:
    home = Path(tempfile.mkdtemp(prefix="rf-"))
    home.chmod(0o755)
    url = server.url
    try:
        control.up(home, LocalFarmSettings(home=home, num_cpus=2, database_url=SecretStr(url)))
        running = RunningFarm(home, database_url=url)
        job = running.submit(frames=f"1-{FRAMES}", settings={"render_ms": 1000})
        running.until_committed(job, 4)
        server.stop()
        time.sleep(OUTAGE_S)
        server.start()
        assert server.url == url
        running.ended(job)
        running.assert_each_frame_once(job, FRAMES, in_flight=2)
    finally:
        control.down(home)
        shutil.rmtree(home, ignore_errors=True)
