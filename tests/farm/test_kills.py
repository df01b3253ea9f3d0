"""kill -9 of each part in mid-job: the job finishes, every frame is there once, only what was in flight is repeated."""

from __future__ import annotations

import pytest

from tests.farm.running import RunningFarm, wait_for

SLOW = {"render_ms": 400}
FRAMES = 16
WINDOW = 2
"""Frames that an engine holds at once."""


@pytest.fixture
def job(running: RunningFarm) -> str:
    """A job in its middle: a few frames committed, more to come."""
    job_id = running.submit(frames=f"1-{FRAMES}", settings=SLOW)
    running.until_committed(job_id, 3)
    return job_id


def test_killing_the_engine_child_costs_at_most_the_frames_in_flight(running: RunningFarm, job: str) -> None:
    running.kill("pipelines.worker")
    running.ended(job)
    running.assert_each_frame_once(job, FRAMES, in_flight=WINDOW)


def test_killing_the_renderer_replica_leaves_the_rest_to_its_successor(running: RunningFarm, job: str) -> None:
    running.kill("ServeReplica:rayfarm-renderer")
    running.ended(job)
    running.assert_each_frame_once(job, FRAMES, in_flight=WINDOW)


def test_killing_the_dispatcher_repeats_nothing(running: RunningFarm, job: str) -> None:
    running.kill("ServeReplica:rayfarm-dispatcher")
    running.ended(job)
    running.assert_each_frame_once(job, FRAMES, in_flight=0)


def test_killing_the_api_replica_repeats_nothing_and_it_answers_again(running: RunningFarm, job: str) -> None:
    running.kill("ServeReplica:rayfarm-api")
    running.ended(job)
    running.assert_each_frame_once(job, FRAMES, in_flight=0)


def test_killing_postgres_loses_no_finished_frame(running: RunningFarm, job: str) -> None:
    before = running.record["postgres_restarts"]
    for process in running.processes(str(running.home / "postgres")):
        process.kill()
    running.ended(job)
    assert running.record["postgres_restarts"] == before + 1
    running.assert_each_frame_once(job, FRAMES, in_flight=WINDOW)


@pytest.mark.slow
def test_killing_the_whole_of_ray_costs_at_most_the_frames_in_flight(running: RunningFarm, job: str) -> None:
    before = running.record
    running.kill("ray::", "raylet", "gcs_server")
    wait_for(
        lambda: running.record["ray_restarts"] > before["ray_restarts"] and running.record["stage"] == "ready",
        "Ray's restart",
    )
    assert running.record["ports"] == before["ports"]
    running.ended(job)
    running.assert_each_frame_once(job, FRAMES, in_flight=WINDOW)
