"""What people see: jobs, frames whose state is derived, artifacts, models, blobs, replicas."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from db.bootstrap import ensure_project
from db.repositories.artifacts import frame_artifacts, get_artifact, list_artifacts
from db.repositories.attempts import list_attempts
from db.repositories.blobs import blob_size, lacking_blobs, record_blob
from db.repositories.frames import FrameRow, get_frame, list_frames
from db.repositories.job_lists import JobFilter, list_jobs
from db.repositories.jobs import JobRow, get_job
from db.repositories.models import get_model, list_models
from db.repositories.projects import find_project, get_project, list_projects
from db.repositories.replicas import list_replicas
from db.workers import drain_replica
from jobs.states import EndReason, FrameState
from tests.db.builders import Farm, add_model


class TestJobs:
    async def test_pages_go_from_the_newest_to_the_oldest_without_gap_or_repeat(self, farm: Farm) -> None:
        made = [await farm.submit(name=f"job {n}") for n in range(5)]
        seen: list[UUID] = []
        after = None
        async with farm.db.transaction() as tx:
            while page := await list_jobs(tx, project_id=farm.project_id, limit=2, after=after):
                seen += [job.id for job in page]
                after = (page[-1].created_at, page[-1].id)
        assert seen == made[::-1]

    async def test_they_are_filtered_by_state_and_project(self, farm: Farm) -> None:
        running = await farm.start()
        await farm.submit()
        async with farm.db.transaction() as tx:
            [found] = await list_jobs(
                tx, project_id=farm.project_id, limit=10, wanted=JobFilter(states=["running", "paused"])
            )
            assert found.id == running
            assert await list_jobs(tx, project_id=uuid4(), limit=10) == []
            assert await get_job(tx, job_id=running, project_id=uuid4()) is None

    async def test_a_job_knows_the_rate_of_its_scene(self, farm: Farm) -> None:
        job_id = await farm.submit()
        assert (await _job(farm, job_id)).fps is None
        await farm.execute("""update model set probe = '{"fps": 29.97}'""")
        assert (await _job(farm, job_id)).fps == 29.97


class TestFrames:
    async def test_a_frame_is_its_outcome_or_where_its_work_stands(self, farm: Farm) -> None:
        replica = await farm.replica()
        job_id = await farm.start(frames="1-8", limits={"tries": 1})
        chunk = await farm.rendering(job_id, replica, frames=4)
        await farm.commit(chunk, [0], replica_id=replica)
        await farm.fail(chunk, 1)
        await farm.carve(job_id, replica, 2)
        await farm.claim(replica)
        rows = await _frames(farm, job_id, limit=100)
        assert [row.state for row in rows] == [
            "committed", "failed", "rendering", "leased", "leased", "leased", "queued", "queued",
        ]  # fmt: skip
        assert [row.frame for row in rows] == list(range(1, 9))
        assert (rows[0].end_reason, rows[1].end_reason, rows[2].end_reason) == ("ok", "engine_error", None)
        assert rows[2].replica_id == replica

    async def test_frames_of_a_canceled_job_are_canceled_without_a_row_each(self, farm: Farm) -> None:
        job_id = await farm.submit(frames="1-1000000")
        await farm.change(job_id, "cancel")
        rows = await _frames(farm, job_id, first=999_998, limit=5)
        assert [(row.frame, row.state, row.end_reason) for row in rows] == [
            (999_999, FrameState.CANCELED, EndReason.USER_CANCEL),
            (1_000_000, FrameState.CANCELED, EndReason.USER_CANCEL),
        ]

    async def test_they_are_filtered_by_state(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-30")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=5)
        await farm.commit(chunk, [1, 3])
        assert [row.ordinal for row in await _frames(farm, job_id, limit=9, states=[FrameState.COMMITTED])] == [1, 3]
        assert [row.ordinal for row in await _frames(farm, job_id, limit=3, states=[FrameState.QUEUED])] == [5, 6, 7]
        assert [row.ordinal for row in await _frames(farm, job_id, limit=9, states=[FrameState.LEASED])] == [2, 4]

    async def test_one_frame_by_its_place(self, farm: Farm) -> None:
        job = await _job(farm, await farm.submit(frames="10,20"))
        async with farm.db.transaction() as tx:
            assert (await get_frame(tx, job=job, ordinal=1)).frame == 20
            with pytest.raises(IndexError):
                await get_frame(tx, job=job, ordinal=2)


class TestArtifactsAndAttempts:
    async def test_artifacts_are_listed_filtered_and_kept_inside_their_project(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-3")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=3)
        await farm.commit(chunk)
        async with farm.db.transaction() as tx:
            everything = await list_artifacts(tx, job_id=job_id, limit=10)
            assert len(everything) == 3
            [second] = await list_artifacts(tx, job_id=job_id, limit=10, kinds=["frame"], ordinal=1)
            assert second.ordinal == 1
            first = everything[0]
            assert (
                await list_artifacts(tx, job_id=job_id, limit=2, after=(first.created_at, first.id)) == everything[1:]
            )
            assert [row.ordinal for row in await frame_artifacts(tx, job_id=job_id, ordinals=[2, 0])] == [0, 2]
            assert await get_artifact(tx, artifact_id=first.id, project_id=farm.project_id) == first
            assert await get_artifact(tx, artifact_id=first.id, project_id=uuid4()) is None

    async def test_more_frames_than_a_statement_takes_values_are_read_in_one(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-3")
        await farm.commit(await farm.rendering(job_id, await farm.replica(), frames=3))
        async with farm.db.transaction() as tx:
            found = await frame_artifacts(tx, job_id=job_id, ordinals=range(1, 70_000))
            assert [row.ordinal for row in found] == [1, 2]
            assert await frame_artifacts(tx, job_id=job_id, ordinals=[]) == []

    async def test_every_try_is_there_with_the_end_of_its_log(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-3")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=3)
        await farm.fail(chunk, 1)
        await farm.commit(chunk)
        async with farm.db.transaction() as tx:
            [failed] = await list_attempts(tx, job_id=job_id, ordinal=1, limit=10)
            assert (failed.outcome, failed.log) == (EndReason.ENGINE_ERROR, "the engine said\ufffd a lot")
            assert len(await list_attempts(tx, job_id=job_id, limit=10)) == 3


class TestModelsBlobsProjects:
    async def test_a_blob_belongs_to_who_uploaded_it(self, farm: Farm) -> None:
        digest, other = "a" * 64, "b" * 64
        async with farm.db.transaction() as tx:
            stranger = await ensure_project(tx, slug="other", name="Other")
            assert await record_blob(tx, project_id=farm.project_id, digest=digest, size_bytes=7)
            assert not await record_blob(tx, project_id=farm.project_id, digest=digest, size_bytes=7)
            assert await lacking_blobs(tx, project_id=farm.project_id, digests=[other, digest]) == [other]
            assert await blob_size(tx, project_id=farm.project_id, digest=digest) == 7
            assert await lacking_blobs(tx, project_id=stranger, digests=[digest]) == [digest]
            assert await blob_size(tx, project_id=stranger, digest=digest) is None

    async def test_models_are_listed_by_page_and_state(self, farm: Farm) -> None:
        broken = await add_model(farm.db, project_id=farm.project_id, state="invalid")
        async with farm.db.transaction() as tx:
            newest, oldest = await list_models(tx, project_id=farm.project_id, limit=10)
            assert (newest.id, oldest.id) == (broken, farm.model_id)
            after = (newest.created_at, newest.id)
            assert [row.id for row in await list_models(tx, project_id=farm.project_id, limit=1, after=after)] == [
                farm.model_id
            ]
            [found] = await list_models(tx, project_id=farm.project_id, limit=10, states=["invalid"])
            assert found.id == broken
            assert await get_model(tx, model_id=broken, project_id=uuid4()) is None

    async def test_projects_are_found_by_slug_and_id(self, farm: Farm) -> None:
        async with farm.db.transaction() as tx:
            found = await find_project(tx, slug="default")
            assert found is not None
            assert await get_project(tx, project_id=found.id) == found
            assert await list_projects(tx) == [found]
            assert await find_project(tx, slug="nobody") is None


class TestReplicas:
    async def test_a_drained_replica_is_told_and_shown(self, farm: Farm) -> None:
        replica = await farm.replica()
        async with farm.db.transaction() as tx:
            assert await drain_replica(tx, replica_id=replica)
            assert not await drain_replica(tx, replica_id=uuid4())
        async with farm.db.transaction() as tx:
            [row] = await list_replicas(tx)
        assert (row.id, row.state, row.drain) == (replica, "draining", True)
        assert 0 <= row.silent_s < 60


async def _job(farm: Farm, job_id: UUID) -> JobRow:
    async with farm.db.transaction() as tx:
        job = await get_job(tx, job_id=job_id, project_id=farm.project_id)
    assert job is not None
    return job


async def _frames(farm: Farm, job_id: UUID, **options: object) -> list[FrameRow]:
    job = await _job(farm, job_id)
    async with farm.db.transaction() as tx:
        return await list_frames(tx, job=job, **options)  # type: ignore[arg-type]
