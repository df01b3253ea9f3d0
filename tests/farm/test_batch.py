"""`ray job submit` of a batch render: progress in the job's log, the verdict as its status, resumable when stopped."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.farm.running import RunningFarm, wait_for

ROOT = Path(__file__).resolve().parents[2]
TINY = "settings: {resolution_x: 64, resolution_y: 36, samples: 1, denoise: false}"


def ray_job(running: RunningFarm, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "RAY_ADDRESS": f"http://127.0.0.1:{running.record['ports']['dashboard']}",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(running.home / "ray_token"),
    }
    command = [sys.executable, "-m", "ray.scripts.scripts", "job", *arguments]
    return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "batch.yaml"
    path.write_text(f"scene: {ROOT / 'examples' / 'sample.blend'}\nframes: 1-3\n{TINY}\nout: frames\n")
    return path


def test_a_batch_render_shows_progress_and_exits_with_the_verdict(running: RunningFarm, spec: Path) -> None:
    done = ray_job(running, "submit", "--", sys.executable, "-m", "cluster.batch", "render", str(spec))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3" in done.stdout
    assert "succeeded" in done.stdout
    assert len(list((spec.parent / "frames").glob("frame_*.png"))) == 3


def test_a_batch_render_that_fails_fails_the_ray_job(running: RunningFarm, spec: Path) -> None:
    spec.write_text(f"scene: {ROOT / 'examples' / 'sample.blend'}\nframes: 1-3\nsettings: {{camera: Nobody}}\n")
    done = ray_job(running, "submit", "--", sys.executable, "-m", "cluster.batch", "render", str(spec))
    assert done.returncode == 1
    assert "Nobody" in done.stdout


def test_a_driver_that_would_make_a_farm_of_its_own_is_refused_where_one_runs(running: RunningFarm, spec: Path) -> None:
    done = ray_job(running, "submit", "--", sys.executable, "-m", "serve_app.batch", "render", str(spec))
    assert done.returncode != 0
    assert "A farm runs on this Ray cluster" in done.stdout
    assert running.call("GET", "/status")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_stopped_batch_render_goes_on_in_the_farm_and_says_how_to_take_it_up(
    running: RunningFarm, spec: Path
) -> None:
    lasting = "settings: {resolution_x: 320, resolution_y: 180, samples: 16}"  # a second and more per frame
    scene = ROOT / "examples" / "sample.blend"
    spec.write_text(f"scene: {scene}\nframes: 1-10\n{lasting}\njob: {{reuse: false, outputs: {{video: null}}}}\n")
    name = "stopped-batch"
    command = [sys.executable, "-m", "cluster.batch", "render", str(spec)]
    assert ray_job(running, "submit", "--no-wait", "--submission-id", name, "--", *command).returncode == 0
    log = wait_for(lambda: text if "of 10" in (text := ray_job(running, "logs", name).stdout) else None, "progress")
    job_id = re.search(r"job ([0-9a-f-]{36}): 10 frames", log)[1]  # type: ignore[index]
    ray_job(running, "stop", name)
    log = ray_job(running, "logs", name).stdout
    assert f"cluster.batch follow {job_id}" in log
    followed = ray_job(running, "submit", "--", sys.executable, "-m", "cluster.batch", "follow", job_id)
    assert followed.returncode == 0, followed.stdout
    assert running.ended(job_id)["counts"]["committed"] == 10
