"""From a submitted job to committed frames: dispatcher, replica and engines, with everything that can go wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from cluster.device_class import labels_here
from cluster.fanout.news import Hear
from db.dispatch import ClaimedTask
from jobs.states import EndReason, JobState
from models.errors import BlobMismatch
from models.kinds import ModelKind
from tests.cluster.in_process import InProcessFarm, InProcessLauncher


async def test_a_job_is_rendered_frame_by_frame_and_succeeds(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    job = await farm.ended(await farm.submit(frames="1-12"))
    assert (job.state, job.end_reason, job.committed) == (JobState.SUCCEEDED, EndReason.OK, 12)
    frames = await farm.rows("select ordinal, frame, state, warm from frame_result order by ordinal")
    assert [(row.ordinal, row.frame) for row in frames] == [(n, n + 1) for n in range(12)]
    assert [row.warm for row in frames].count(False) == 1  # one load, eleven warm frames
    keys = await farm.rows("select storage_key, size_bytes, sha256 from artifact")
    for row in keys:
        stored = await farm.storage.stat(row.storage_key)
        assert stored is not None
        assert (stored.size_bytes, stored.sha256) == (row.size_bytes, row.sha256)


async def test_quick_frames_share_commits_and_the_last_of_a_chunk_waits_for_nobody(farm: InProcessFarm) -> None:
    farm.settings = farm.settings.model_copy(update={"commit_pause": timedelta(hours=1)})
    farm.start_dispatcher()
    farm.start_replica()
    job = await farm.ended(await farm.submit(frames="1-40", settings={"render_ms": 5}))
    assert (job.state, job.committed) == (JobState.SUCCEEDED, 40)
    [commits] = await farm.rows("select count(*) from event where kind = 'frames.committed'")
    [chunks] = await farm.rows("select count(*) from work where kind = 'chunk'")
    assert commits.count <= chunks.count + 1  # the very first frame is not kept waiting


async def test_a_second_job_on_the_same_model_finds_the_engine_warm(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    first = await farm.ended(await farm.submit(frames="1-3"))
    second = await farm.ended(await farm.submit(frames="1-3", settings={"width": 9}))
    assert (first.cold_count, first.warm_count) == (1, 2)
    assert (second.cold_count, second.warm_count) == (0, 3)


async def test_an_identical_job_reuses_every_frame_and_renders_none(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    first = await farm.submit(frames="1-6")
    await farm.ended(first)
    again = await farm.ended(await farm.submit(frames="2-8"))
    assert (again.state, again.reused, again.committed) == (JobState.SUCCEEDED, 5, 2)
    fresh = await farm.ended(await farm.submit(frames="1-3", reuse=False))
    assert (fresh.reused, fresh.committed) == (0, 3)


async def test_a_frame_that_fails_once_is_tried_again(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    faults = {"fail_frames": [{"frame": 3, "times": 1}], "fault_key": uuid4().hex}
    job = await farm.ended(await farm.submit(frames="1-5", settings=faults))
    assert (job.state, job.committed) == (JobState.SUCCEEDED, 5)
    tries = await farm.rows("select outcome from attempt where ordinal = 2")
    assert sorted(row.outcome for row in tries) == ["engine_error", "ok"]


async def test_a_frame_that_always_fails_fails_the_job_and_the_others_are_kept(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    job = await farm.ended(await farm.submit(frames="1-5", settings={"fail_frames": [3]}, limits={"tries": 2}))
    assert (job.state, job.end_reason, job.committed, job.failed) == (JobState.FAILED, EndReason.ENGINE_ERROR, 4, 1)
    tries = await farm.rows("select outcome from attempt where ordinal = 2")
    assert [row.outcome for row in tries] == ["engine_error"] * 2


async def test_what_file_output_nodes_write_becomes_artifacts_each_under_a_name_of_its_own(
    farm: InProcessFarm, scenes: Path
) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    model = await farm.model((scenes / "file_output.blend").read_bytes(), ModelKind.BLENDER, "scene.blend")
    job = await farm.ended(await farm.submit(model=model, pipeline="cycles", frames="1-2"))
    assert (job.state, job.committed) == (JobState.SUCCEEDED, 2)
    extras = await farm.rows("select ordinal, name, storage_key from artifact where kind = 'extra' order by 1, 2")
    stem = "_.._escaped_.._.._Image"
    assert [(row.ordinal, row.name) for row in extras] == [
        (ordinal, f"{node}/{stem}{ordinal + 1:04d}.png") for ordinal in (0, 1) for node in ("inner", "outer")
    ]
    for row in extras:
        assert await farm.storage.stat(row.storage_key) is not None


async def test_an_engine_crash_costs_one_frame_one_try_and_the_replica_lives(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    faults = {"crash_frames": [{"frame": 2, "times": 1}], "fault_key": uuid4().hex}
    job = await farm.ended(await farm.submit(frames="1-6", settings=faults))
    assert (job.state, job.committed) == (JobState.SUCCEEDED, 6)
    tries = await farm.rows("select ordinal, outcome from attempt where outcome <> 'ok'")
    assert [(row.ordinal, row.outcome) for row in tries] == [(1, "engine_crash")]


async def test_a_picture_that_is_cut_off_is_not_committed(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    faults = {"bad_output_frames": [{"frame": 2, "times": 1}], "fault_key": uuid4().hex}
    job = await farm.ended(await farm.submit(frames="1-3", settings=faults))
    assert (job.state, job.committed) == (JobState.SUCCEEDED, 3)
    tries = await farm.rows("select outcome from attempt where ordinal = 1")
    assert sorted(row.outcome for row in tries) == ["bad_output", "ok"]


async def test_a_hung_frame_ends_at_its_time_limit(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    faults = {"hang_frames": [{"frame": 2, "times": 1}], "fault_key": uuid4().hex}
    job = await farm.ended(await farm.submit(frames="1-3", settings=faults, limits={"frame_timeout_s": 1}))
    assert (job.state, job.committed) == (JobState.SUCCEEDED, 3)
    tries = await farm.rows("select outcome, message from attempt where ordinal = 1 order by outcome")
    assert [row.outcome for row in tries] == ["ok", "timeout"]
    assert "took longer than 1 s. Raise the job's limits.frame_timeout_s" in tries[1].message


async def test_cancel_kills_the_engine_and_the_next_job_starts_on_the_replica(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    long = await farm.submit(frames="1-3", settings={"render_ms": 600_000})
    await farm.until(lambda: farm.rows("select 1 from work where state = 'rendering'"))
    await farm.cancel(long)
    canceled = await farm.ended(long)
    assert (canceled.state, canceled.end_reason) == (JobState.CANCELED, EndReason.USER_CANCEL)
    assert (await farm.ended(await farm.submit(frames="1-2"))).state is JobState.SUCCEEDED


async def test_a_late_cancel_of_one_job_leaves_the_next_one_on_the_worker_alone(farm: InProcessFarm) -> None:
    """ComfyUI: interrupt stops whatever runs by the time it arrives, which is somebody else's job."""
    farm.start_dispatcher()
    replica = farm.start_replica()
    await farm.ended(await farm.submit(frames="1"))
    [old] = await farm.rows("select id, fence from work where kind = 'chunk'")
    job_id = await farm.submit(frames="1-6", settings={"render_ms": 100, "width": 9})
    await farm.until(lambda: farm.rows("select 1 from work where state = 'rendering'"))
    [now] = await farm.rows("select id, fence from work where state = 'rendering'")
    channel = f"rayfarm_replica_{replica.identity.id.hex}"
    for work_id, fence in ((old.id, old.fence), (now.id, now.fence - 1)):  # that job, and an earlier owner of this one
        payload = json.dumps({"verb": "cancel", "work_id": work_id, "fence": fence})
        await farm.rows("select pg_notify(:channel, :payload)", channel=channel, payload=payload)
    job = await farm.ended(job_id)
    assert (job.state, job.committed) == (JobState.SUCCEEDED, 6)
    tries = await farm.rows("select outcome from attempt where job_id = :id", id=job_id)
    assert [row.outcome for row in tries] == ["ok"] * 6


async def test_a_failed_frame_does_not_throw_the_loaded_scene_away(farm: InProcessFarm) -> None:
    """Deadline Cloud: any failure ends the session, and the next frame loads the scene from its beginning."""
    farm.start_dispatcher()
    farm.start_replica()
    faults = {"fail_frames": [{"frame": 2, "times": 1}], "fault_key": uuid4().hex}
    job = await farm.ended(await farm.submit(frames="1-5", settings=faults))
    assert (job.state, job.cold_count, job.warm_count) == (JobState.SUCCEEDED, 1, 4)


async def test_a_killed_replica_loses_its_lease_and_another_one_finishes(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    doomed = farm.start_replica()
    job = await farm.submit(frames="1-8", settings={"render_ms": 150})
    await farm.until(lambda: farm.rows("select 1 from frame_result"))
    await farm.kill(doomed)
    farm.start_replica()
    ended = await farm.ended(job)
    assert (ended.state, ended.committed) == (JobState.SUCCEEDED, 8)
    assert len(await farm.rows("select 1 from attempt where outcome = 'ok'")) == 8


async def test_a_killed_dispatcher_is_replaced_and_nothing_is_rendered_twice(farm: InProcessFarm) -> None:
    doomed = farm.start_dispatcher()
    farm.start_replica()
    job = await farm.submit(frames="1-12", settings={"render_ms": 100})
    await farm.until(lambda: farm.rows("select 1 from frame_result"))
    await farm.kill(doomed)
    farm.start_dispatcher()
    ended = await farm.ended(job)
    assert (ended.state, ended.committed) == (JobState.SUCCEEDED, 12)
    assert len(await farm.rows("select 1 from attempt")) == 12


async def test_two_dispatchers_share_a_farm_and_only_one_leads(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_dispatcher()
    farm.start_replica()
    ended = await farm.ended(await farm.submit(frames="1-20"))
    assert (ended.state, ended.committed) == (JobState.SUCCEEDED, 20)
    assert len(await farm.rows("select 1 from attempt")) == 20
    assert len(await farm.rows("select 1 from leader where role = 'dispatcher'")) == 1


async def test_a_drained_replica_finishes_its_frame_and_gives_the_rest_back(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.settings = farm.settings.model_copy(update={"commit_pause": timedelta(hours=1)})
    leaving = farm.start_replica()
    job = await farm.submit(frames="1-10", settings={"render_ms": 200})
    await farm.until(lambda: farm.rows("select 1 from frame_result"))
    await leaving.drain("a scale-down")
    held = await farm.rows("select 1 from work where state in ('leased', 'rendering') and kind = 'chunk'")
    assert held == []
    farm.start_replica()
    ended = await farm.ended(job)
    assert (ended.state, ended.committed) == (JobState.SUCCEEDED, 10)
    assert len(await farm.rows("select 1 from attempt")) == 10


async def test_a_film_and_previews_are_made_behind_the_frames(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    job = await farm.submit(frames="1-5", settings={"width": 640, "height": 360}, outputs={"video": {"fps": 12}})
    ended = await farm.ended(job)
    assert (ended.state, ended.committed) == (JobState.SUCCEEDED, 5)
    kinds = await farm.rows("select kind, count(*) as n from artifact group by kind order by kind")
    assert {row.kind: row.n for row in kinds if row.kind != "preview"} == {"frame": 5, "video": 1, "video_preview": 1}
    await farm.until(lambda: farm.rows("select 1 from artifact where kind = 'preview' having count(*) = 5"))


class Breaking:
    """Raises what a task could: an error of ours, or one whose text is for operators alone."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def launch(self, tasks: Sequence[ClaimedTask], hear: Hear) -> None:
        raise self._error


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (RuntimeError("Traceback: /srv/farm/secret.py"), "an error of its own (RuntimeError)"),
        (BlobMismatch("Blob ab has 3 bytes.", remedy="Upload it."), "Blob ab has 3 bytes. Upload it."),
    ],
)
async def test_a_probe_that_breaks_says_so_without_the_farms_insides_and_what_to_do(
    farm: InProcessFarm, error: Exception, shown: str
) -> None:
    farm.launcher = Breaking(error)
    dispatcher = farm.start_dispatcher()
    model_id = await farm.register()
    [row] = await farm.until(
        lambda: farm.rows("select problem from model where id = :id and state = 'invalid'", id=model_id)
    )
    assert shown in f"{row.problem['message']} {row.problem['remedy']}"
    assert "/srv" not in str(row.problem)
    assert "Register the model again" in row.problem["remedy"]

    await farm.kill(dispatcher)
    farm.launcher = InProcessLauncher()
    farm.start_dispatcher()
    assert await farm.model() == model_id


async def test_a_job_that_needs_a_gpu_waits_unpinned_beside_an_idle_cpu_until_a_worker_has_one(
    farm: InProcessFarm,
) -> None:
    farm.start_dispatcher()
    farm.start_replica(labels=labels_here({}, device_class="cpu"))
    needs_gpu = await farm.submit(frames="5-7", labels={"device": "gpu"})
    assert (await farm.ended(await farm.submit(frames="1-2"))).state == JobState.SUCCEEDED
    waiting = await farm.job(needs_gpu)
    assert (waiting.state, waiting.wait_reason, waiting.device_class) == (JobState.QUEUED, "no_replica_fits", None)
    farm.start_replica(labels=labels_here({}, device_class="cuda:nvidia-l4"))
    assert (await farm.ended(needs_gpu)).committed == 3
