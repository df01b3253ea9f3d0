"""One real farm for the whole suite: supervisor, embedded PostgreSQL, Serve, and Ray with one logical CPU.

Starting it takes a minute on two idle cores.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from cluster.local import control
from cluster.local.settings import LocalFarmSettings
from tests.farm.running import RunningFarm


@pytest.fixture(scope="session")
def running() -> Iterator[RunningFarm]:
    home = Path(tempfile.mkdtemp(prefix="rf-"))
    home.chmod(0o755)
    try:
        control.up(home, LocalFarmSettings(home=home, num_cpus=1, deploy_timeout=timedelta(minutes=5)))
        yield RunningFarm(home)
    finally:
        control.down(home)
        shutil.rmtree(home, ignore_errors=True)
