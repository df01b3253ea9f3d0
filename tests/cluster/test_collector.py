"""Garbage collection: after any history every named file is there, whole, and no old leftover is."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from db.dispatch import rescue_expired, reuse_frames
from db.queue import ClaimedChunk, FrameCommit, NewArtifact
from tests.cluster.collected import Studio, db, farm, storage, studio
from tests.db.builders import LIMITS, Farm

__all__ = ["db", "farm", "storage", "studio"]

STEPS = {"claim": 4, "render": 8, "commit": 6, "lose": 1, "cancel": 0.5, "reuse": 1, "film": 1, "collect": 1}
"""What may happen next, and how often it does."""


class TestArtifacts:
    async def test_the_file_of_an_attempt_that_lost_goes_and_the_winners_stays(self, studio: Studio) -> None:
        farm = studio.farm
        job_id = await farm.start(frames="1-2")
        zombie = await farm.rendering(job_id, await farm.replica(), frames=2)
        late = await studio.finished(zombie, 0)
        await farm.expire(zombie.work_id)
        await rescue_expired(farm.db, epoch=await farm.lead(), limits=LIMITS)
        assert await studio.commit(zombie, late) is None
        winner = await studio.upload(job_id, 0)
        await _name(farm, job_id, winner, ordinal=0)
        assert await studio.collect() == 1
        assert await studio.stored() == {winner.storage_key}

    async def test_what_is_uploaded_and_not_committed_yet_stays_however_old(self, studio: Studio) -> None:
        """Two days of database outage between the upload and its commit."""
        farm = studio.farm
        job_id = await farm.start(frames="1-2")
        chunk = await farm.rendering(job_id, await farm.replica(), frames=2)
        frame = await studio.finished(chunk, 1)
        assert await studio.collect() == 0
        assert await studio.commit(chunk, frame) == [1]
        await studio.assert_named_are_whole()

    async def test_what_a_running_task_may_still_name_stays(self, studio: Studio) -> None:
        farm = studio.farm
        job_id = await farm.start(frames="1-2")
        await studio.upload(job_id, "video")
        await farm.execute(
            "insert into work (job_id, kind, task, state, replica_id, leased_until)"
            " values (:id, 'post', 'video', 'leased', :id, now() + interval '1 hour')",
            id=job_id,
        )
        assert await studio.collect() == 0
        await farm.execute("update work set state = 'failed', leased_until = null where kind = 'post'")
        assert await studio.collect() == 1

    async def test_a_young_file_is_left_alone(self, studio: Studio) -> None:
        job_id = await studio.farm.start(frames="1-2")
        await studio.upload(job_id, 0)
        assert await studio.collect(later=timedelta(0)) == 0
        assert await studio.collect() == 1

    async def test_a_file_that_only_a_reused_frame_names_stays(self, studio: Studio) -> None:
        farm = studio.farm
        first = await farm.start(frames="1-2")
        chunk = await farm.rendering(first, await farm.replica(), frames=2)
        await studio.commit(chunk, *[await studio.finished(chunk, ordinal) for ordinal in (0, 1)])
        second = await farm.start(frames="1-2")
        assert (await reuse_frames(farm.db, job_id=second, epoch=await farm.lead(), limit=10)).taken == 2
        await farm.execute("delete from artifact where job_id = :id", id=first)
        assert await studio.collect() == 0
        await studio.assert_named_are_whole()

    async def test_a_part_stays_until_its_frame_is_merged(self, studio: Studio) -> None:
        farm = studio.farm
        job_id = await farm.start(frames="1-2")
        part = await studio.upload(job_id, 0)
        await farm.execute(
            "insert into part_result values (:job, 0, 1, 0, 2, :id, null, :key, 1, :sha, 'image/png', 1, true)",
            job=job_id, id=uuid4(), key=part.storage_key, sha=part.sha256,
        )  # fmt: skip
        assert await studio.collect() == 0
        await farm.execute(
            "insert into frame_result (job_id, ordinal, generation, frame, state, end_reason)"
            " values (:job, 0, 1, 1, 'committed', 'ok')",
            job=job_id,
        )
        assert await studio.collect() == 1

    async def test_a_requeue_of_one_frame_leaves_the_parts_of_another_to_their_merge(self, studio: Studio) -> None:
        farm = studio.farm
        job_id = await farm.start(frames="1-2")
        part = await studio.upload(job_id, 1)
        await farm.execute(
            "insert into part_result values (:job, 1, 1, 0, 2, :id, null, :key, 1, :sha, 'image/png', 1, true)",
            job=job_id, id=uuid4(), key=part.storage_key, sha=part.sha256,
        )  # fmt: skip
        await farm.execute("update job set generation = 2 where id = :id", id=job_id)
        assert await studio.collect() == 0
        await farm.change(job_id, "cancel")
        assert await studio.collect() == 1

    async def test_files_of_jobs_that_this_database_does_not_know_are_nobodys_to_delete(self, studio: Studio) -> None:
        for job in (uuid4(), "not-a-job"):
            await studio.upload(job, 0)  # type: ignore[arg-type]
        assert await studio.collect() == 0
        assert len(await studio.stored()) == 2

    async def test_a_job_that_breaks_the_collection_does_not_stop_it(
        self, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken, well = await studio.farm.start(), await studio.farm.start()
        bad = (await studio.upload(broken, 0)).storage_key
        await studio.upload(well, 0)
        delete = studio.storage.delete

        async def breaks(key: str) -> None:
            if key == bad:
                raise RuntimeError("a bug")
            await delete(key)

        monkeypatch.setattr(studio.storage, "delete", breaks)
        with capture_logs() as logs:
            assert await studio.collect() == 1
        assert {line["event"] for line in logs} == {"collect_failed", "leftovers_deleted"}
        assert await studio.stored() == {bad}

    async def test_a_job_that_somebody_holds_is_left_for_the_next_walk(self, studio: Studio) -> None:
        held, free = await studio.farm.start(), await studio.farm.start()
        left = await studio.upload(held, 0)
        await studio.upload(free, 0)
        async with studio.farm.db.transaction() as other:
            await other.execute(text("select from job where id = :id for update"), {"id": held})
            with capture_logs():
                assert await studio.collect() == 1
        assert await studio.stored() == {left.storage_key}
        assert await studio.collect() == 1


@pytest.mark.parametrize("seed", range(4))
async def test_after_any_history_what_is_named_is_whole_and_old_leftovers_are_gone(studio: Studio, seed: int) -> None:
    chance, farm, epoch = random.Random(seed), studio.farm, await studio.farm.lead()
    jobs = [await farm.start(frames="1-6", reuse=False) for _ in range(3)]
    first = await farm.rendering(jobs[0], await farm.replica(), frames=2)
    await studio.commit(first, await studio.finished(first, 0))
    held: list[tuple[ClaimedChunk, list[FrameCommit]]] = [(first, [])]
    for _ in range(40):
        ready = [(chunk, frames) for chunk, frames in held if frames]
        match chance.choices(list(STEPS), list(STEPS.values()))[0]:
            case "claim":
                replica, job_id = await farm.replica(), chance.choice(jobs)
                await farm.carve(job_id, replica, chance.randint(1, 3))
                await farm.execute(
                    "update work set assigned_to = :r where id = (select id from work where job_id = :j and"
                    " kind = 'chunk' and state = 'queued' order by id limit 1)", r=replica, j=job_id,
                )  # fmt: skip
                chunk = await farm.claim(replica)
                if chunk is not None:
                    await farm.execute("update work set state = 'rendering' where id = :id", id=chunk.work_id)
                    held.append((chunk, []))
            case "render" if held:
                chunk, frames = chance.choice(held)
                frames.append(await studio.finished(chunk, chance.choice(chunk.ordinals)))
            case "commit" if ready:
                chunk, frames = chance.choice(ready)
                await asyncio.gather(studio.commit(chunk, frames.pop()), studio.collect(page=2))
            case "lose" if held:
                await farm.execute(
                    "update work set leased_until = now() - interval '1 s' where id = :id and leased_until is not null",
                    id=chance.choice(held)[0].work_id,
                )
                await rescue_expired(farm.db, epoch=epoch, limits=LIMITS)
            case "cancel":
                await farm.change(chance.choice(jobs[1:]), "cancel", strict=False)
            case "reuse":
                jobs.append(await farm.start(frames="1-6"))
                await asyncio.gather(
                    reuse_frames(farm.db, job_id=jobs[-1], epoch=epoch, limit=10), studio.collect(page=2)
                )
            case "film":
                await studio.upload(chance.choice(jobs), "video")
            case "collect":
                await studio.collect(page=chance.randint(1, 9))
            case _:
                pass
        await studio.assert_named_are_whole()
    await farm.execute("update work set leased_until = now() - interval '1 s' where leased_until is not null")
    await rescue_expired(farm.db, epoch=epoch, limits=LIMITS)
    await studio.collect()
    await studio.assert_named_are_whole()
    assert await studio.stored() == set(await studio.named())
    assert await studio.named(), "the history named nothing; it proves nothing"


async def _name(farm: Farm, job_id: UUID, artifact: NewArtifact, *, ordinal: int) -> None:
    await farm.execute(
        "insert into artifact (id, project_id, job_id, ordinal, generation, kind, name, storage_key, size_bytes,"
        " sha256, media_type) values (:id, :project, :job, :ordinal, 1, 'frame', 'f', :key, 1, :sha, 'image/png')",
        id=uuid4(), project=farm.project_id, job=job_id, ordinal=ordinal, key=artifact.storage_key,
        sha=artifact.sha256,
    )  # fmt: skip
