"""SIGTERM, a rolling update and lost leadership with frames in flight: nothing is cancelled, nothing is repeated."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from tests.farm.running import RunningFarm

FRAMES = 16


@pytest.fixture
def job(running: RunningFarm) -> str:
    job_id = running.submit(frames=f"1-{FRAMES}", settings={"render_ms": 400})
    running.until_committed(job_id, 3)
    return job_id


def test_sigterm_of_the_dispatcher_cancels_nothing(running: RunningFarm, job: str) -> None:
    for process in running.processes("ServeReplica:rayfarm-dispatcher"):
        process.terminate()
    running.ended(job)
    running.assert_each_frame_once(job, FRAMES, in_flight=0)


def test_lost_leadership_cancels_nothing(running: RunningFarm, job: str) -> None:
    usurped = (
        "update leader set holder = gen_random_uuid(), epoch = epoch + 1000000, expires_at = now() + interval '4 s'"
    )
    running.rows(f"{usurped} where role = 'dispatcher' returning 1")
    running.ended(job)
    running.assert_each_frame_once(job, FRAMES, in_flight=0)


def test_a_rolling_update_drains_the_renderer_and_repeats_nothing(running: RunningFarm, job: str) -> None:
    environment = psutil.Process(running.processes("ServeReplica:rayfarm-api")[0].pid).environ()
    marks = ("RAYFARM_", "RAY_AUTH", "RAY_SERVE", "PATH", "HOME")
    wanted = {name: value for name, value in environment.items() if name.startswith(marks)}
    wanted["RAY_ADDRESS"] = f"127.0.0.1:{running.record['ports']['gcs']}"
    before = {process.pid for process in running.processes("ServeReplica:rayfarm-renderer")}
    rolled = subprocess.run(
        [sys.executable, "-m", "serve_app.deployments"],
        env=wanted,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert rolled.returncode == 0, rolled.stderr[-2000:]
    running.ended(job)
    running.assert_each_frame_once(job, FRAMES, in_flight=0)
    after = {process.pid for process in running.processes("ServeReplica:rayfarm-renderer")}
    assert after.isdisjoint(before)


def test_cancel_frees_the_replica_for_the_next_job(running: RunningFarm) -> None:
    long = running.submit(frames="1-2", settings={"render_ms": 600_000})
    running.until_rendering(long)
    running.call("POST", f"/jobs/{long}/cancel")
    assert running.ended(long)["state"] == "canceled"
    assert running.ended(running.submit(frames="1-2"))["state"] == "succeeded"
