"""Two farms side by side on one machine do not see each other; ending one leaves the other whole."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from cluster.local import control
from cluster.local.settings import LocalFarmSettings
from tests.farm.running import RunningFarm, wait_for


def test_two_farms_render_beside_each_other_and_end_alone() -> None:
    homes = [Path(tempfile.mkdtemp(prefix="rf-")) for _ in range(2)]
    try:
        farms = []
        for home in homes:
            home.chmod(0o755)
            control.up(home, LocalFarmSettings(home=home, num_cpus=1))
            farms.append(RunningFarm(home))
        one, two = farms
        jobs = [farm.submit(frames="1-6", outputs={"video": "auto"}) for farm in farms]
        assert [farm.ended(job)["state"] for farm, job in zip(farms, jobs, strict=True)] == ["succeeded"] * 2
        assert [len(farm.call("GET", "/jobs")["items"]) for farm in farms] == [1, 1]
        assert {p.pid for p in one.all_processes()}.isdisjoint(p.pid for p in two.all_processes())
        control.down(one.home)
        wait_for(lambda: not one.all_processes(), "the end of the first farm")
        assert two.ended(two.submit(frames="1-3"))["state"] == "succeeded"
    finally:
        for home in homes:
            control.down(home)
            shutil.rmtree(home, ignore_errors=True)
