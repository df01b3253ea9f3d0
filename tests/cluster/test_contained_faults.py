"""What breaks inside the farm itself costs the job that it hits, says so, and holds nobody else up."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from uuid import UUID

import psutil
import pytest
from sqlalchemy import text

from cluster.engines import EngineLease
from db.repositories.replicas import trouble_of_job
from jobs.errors import Unavailable
from jobs.states import EndReason, JobState
from storage.base import ArtifactUpload, BlobDamaged, StorageFull, StoredObject
from tests.cluster.engine_rooms import engines
from tests.cluster.in_process import InProcessFarm


async def test_an_engine_that_died_while_idle_is_no_frames_fault(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    await farm.ended(await farm.submit(frames="1-2"))
    [engine] = engines()
    engine.kill()
    await farm.until(lambda: _is_gone(engine))
    job = await farm.ended(await farm.submit(frames="3-5"))
    assert (job.state, job.cold_count, job.warm_count) == (JobState.SUCCEEDED, 1, 2)
    assert await farm.rows("select 1 from attempt where outcome <> 'ok'") == []


async def test_a_job_whose_model_the_storage_has_lost_ends_and_says_what_to_do(
    farm: InProcessFarm, tmp_path: Path
) -> None:
    farm.start_dispatcher()
    model = await farm.model(b"soon lost")
    [blob] = [path for path in _files(tmp_path / "storage") if path.read_bytes() == b"soon lost"]
    blob.unlink()
    shutil.rmtree(tmp_path / "cache" / "models", ignore_errors=True)
    farm.start_replica()
    job = await farm.ended(await farm.submit(frames="1-100", model=model))
    assert (job.state, job.end_reason) == (JobState.FAILED, EndReason.MODEL_INVALID)
    assert "register it again" in str(job.message)


async def test_a_model_that_the_storage_has_damaged_ends_its_job_and_holds_no_replica(
    farm: InProcessFarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As S3 says it, each time: nothing there takes the damaged object away."""
    fetch = farm.storage.fetch_blob
    spoilt = hashlib.sha256(b"soon damaged").hexdigest()

    async def fetch_blob(digest: str, destination: Path) -> None:
        if digest == spoilt:
            raise BlobDamaged("The bytes have changed.", remedy="Delete that object.")
        await fetch(digest, destination)

    farm.start_dispatcher()
    model = await farm.model(b"soon damaged")
    shutil.rmtree(tmp_path / "cache" / "models", ignore_errors=True)
    monkeypatch.setattr(farm.storage, "fetch_blob", fetch_blob)
    farm.start_replica()
    job = await farm.ended(await farm.submit(frames="1-100", model=model))
    assert (job.state, job.end_reason) == (JobState.FAILED, EndReason.MODEL_INVALID)
    assert "The bytes have changed" in str(job.message)
    assert (await farm.ended(await farm.submit(frames="1-2"))).state == JobState.SUCCEEDED


async def test_a_job_that_this_release_cannot_read_ends_alone(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    unread = await farm.submit(frames="1-3")  # stays queued: there is no replica
    await _spoil_settings(farm, unread)
    well = await farm.submit(frames="1-3")
    farm.start_replica()
    assert (await farm.ended(well)).state == JobState.SUCCEEDED
    refused = await farm.ended(unread)
    assert (refused.state, refused.end_reason) == (JobState.FAILED, EndReason.INFRA)
    assert "submit it again" in str(refused.message)


async def test_a_running_job_that_a_new_replica_cannot_read_ends_and_the_replica_lives(farm: InProcessFarm) -> None:
    farm.limits = farm.limits.model_copy(update={"worker_failures_per_frame": 2})
    farm.start_dispatcher()
    old = farm.start_replica()
    unread = await farm.submit(frames="1-2", settings={"render_ms": 60_000})
    await farm.until(lambda: farm.rows("select 1 from work where state = 'rendering'"))
    await farm.kill(old)
    await _spoil_settings(farm, unread)
    farm.start_replica()
    assert (await farm.ended(unread)).state == JobState.FAILED
    assert (await farm.ended(await farm.submit(frames="1-2"))).state == JobState.SUCCEEDED


async def test_a_bug_in_the_middle_of_a_chunk_costs_one_frame_one_attempt(
    farm: InProcessFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch_for, broken = EngineLease.scratch_for, iter([True])

    def breaks_once(lease: EngineLease, attempt_id: UUID) -> Path:
        if next(broken, False):
            raise RuntimeError("a bug")
        return scratch_for(lease, attempt_id)

    monkeypatch.setattr(EngineLease, "scratch_for", breaks_once)
    farm.start_dispatcher()
    farm.start_replica()
    job = await farm.ended(await farm.submit(frames="1-5"))
    assert (job.state, job.committed) == (JobState.SUCCEEDED, 5)
    [failed] = await farm.rows("select outcome from attempt where outcome <> 'ok'")
    assert failed.outcome == EndReason.INFRA


async def test_jobs_that_no_worker_fits_keep_no_other_from_the_start(
    farm: InProcessFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.dispatcher.STARTED_PER_TICK", 1)
    farm.start_dispatcher()
    for _ in range(3):
        await farm.submit(frames="1-9", labels={"gpu": "none has it"}, priority="interactive")
    last = await farm.submit(frames="1-3")
    farm.start_replica()
    assert (await farm.ended(last)).state == JobState.SUCCEEDED
    waits = await farm.rows("select wait_reason from job where state = 'queued'")
    assert [row.wait_reason for row in waits] == ["no_replica_fits"] * 3


async def _spoil_settings(farm: InProcessFarm, job_id: UUID) -> None:
    """As if this release had dropped a setting that the job names."""
    async with farm.database.transaction() as tx:
        await tx.execute(
            text("update job set spec = jsonb_set(spec, '{settings}', '{\"gone\": 1}') where id = :id"), {"id": job_id}
        )


async def _is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_frames_that_storage_does_not_take_wait_and_say_so(
    farm: InProcessFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, full = farm.storage.put_artifacts, True

    async def put_unless_full(uploads: Sequence[ArtifactUpload]) -> list[StoredObject]:
        if full:
            raise Unavailable("The disk is full.", remedy="Free some space.")
        return await put(uploads)

    monkeypatch.setattr(farm.storage, "put_artifacts", put_unless_full)
    farm.start_dispatcher()
    farm.start_replica()
    job_id = await farm.submit(frames="1-3")

    async def trouble() -> str | None:
        async with farm.database.transaction() as tx:
            return await trouble_of_job(tx, job_id=job_id)

    await farm.until(trouble)
    assert await trouble() == "The disk is full. Free some space."
    full = False
    job = await farm.ended(job_id)
    assert (job.state, job.committed) == (JobState.SUCCEEDED, 3)
    assert await farm.rows("select 1 from attempt where outcome <> 'ok'") == []
    await farm.until(lambda: _is_quiet(trouble))


async def test_a_job_whose_models_files_do_not_come_says_why_and_goes_on(
    farm: InProcessFarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, silent = farm.storage.fetch_blob, True

    async def fetch_once_it_answers(digest: str, destination: Path) -> None:
        if silent:
            raise Unavailable("The storage does not answer.", remedy="Look at its network.")
        await fetch(digest, destination)

    farm.start_dispatcher()
    model = await farm.model(b"far away")
    shutil.rmtree(tmp_path / "cache" / "models", ignore_errors=True)  # the probe brought them
    monkeypatch.setattr(farm.storage, "fetch_blob", fetch_once_it_answers)
    farm.start_replica()
    job_id = await farm.submit(frames="1-3", model=model)

    async def trouble() -> str | None:
        async with farm.database.transaction() as tx:
            return await trouble_of_job(tx, job_id=job_id)

    await farm.until(trouble)
    assert await trouble() == "The storage does not answer. Look at its network."
    silent = False
    assert (await farm.ended(job_id)).state == JobState.SUCCEEDED
    assert await farm.rows("select 1 from attempt where outcome <> 'ok'") == []
    await farm.until(lambda: _is_quiet(trouble))


async def test_a_chunk_does_not_wait_for_a_full_disk_of_its_own_machine(
    farm: InProcessFarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_room(digest: str, destination: Path) -> None:
        raise StorageFull("The disk takes no more data.", remedy="Free space there.")

    farm.limits = farm.limits.model_copy(update={"worker_failures_per_frame": 2})
    farm.start_dispatcher()
    model = await farm.model(b"too large")
    shutil.rmtree(tmp_path / "cache" / "models", ignore_errors=True)
    monkeypatch.setattr(farm.storage, "fetch_blob", no_room)
    farm.start_replica()
    job = await farm.ended(await farm.submit(frames="1", model=model))
    assert (job.state, job.end_reason) == (JobState.FAILED, EndReason.INFRA)
    attempts = await farm.rows("select outcome, message from attempt")
    assert {attempt.outcome for attempt in attempts} == {EndReason.INFRA}
    assert "RAYFARM_CLUSTER_CACHE_DIR" in attempts[0].message


async def _is_quiet(trouble: Callable[[], Awaitable[str | None]]) -> bool:
    return await trouble() is None
