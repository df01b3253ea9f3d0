"""The Serve configuration of docker/ on a real Ray: its import paths are built there, and it renders."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from cluster.local import control
from cluster.local.settings import LocalFarmSettings
from tests.farm.running import RunningFarm

ROOT = Path(__file__).resolve().parents[2]


def test_a_farm_that_is_deployed_by_its_configuration_file_renders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    home = Path(tempfile.mkdtemp(prefix="rf-"))
    home.chmod(0o755)
    command = [
        sys.executable,
        str(Path(__file__).with_name("deploy_by_config.py")),
        str(ROOT / "docker" / "serve.yaml"),
    ]
    try:
        control.up(home, LocalFarmSettings(home=home, num_cpus=1), deploy_command=command)
        farm = RunningFarm(home)
        assert farm.ended(farm.submit(frames="1-6"))["state"] == "succeeded"
    finally:
        control.down(home)
        shutil.rmtree(home, ignore_errors=True)
