"""Garbage collection: after any history every named file is there, whole, and no old leftover is."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from structlog.testing import capture_logs

from cluster.loops.collector import Collector
from cluster.loops.settings import LoopSettings
from db.dispatch import rescue_expired, reuse_frames
from db.loops import drop_blob, drop_ownerless_blob, ownerless_blobs
from db.queue import ClaimedChunk, FrameCommit, NewArtifact, commit_frames
from db.repositories.blobs import record_blob
from db.session import Database
from storage.base import Storage
from storage.keys import artifact_key, blob_key
from storage.open import open_storage
from storage.settings import StorageSettings
from tests.db.builders import LIMITS, Farm, commit_of

STEPS = {"claim": 4, "render": 8, "commit": 6, "lose": 1, "cancel": 0.5, "reuse": 1, "film": 1, "collect": 1}
"""What may happen next, and how often it does."""

IN_TWO_DAYS = timedelta(days=2)


@pytest.fixture
async def farm(db: Database) -> Farm:
    return await Farm.create(db)


@pytest.fixture
async def db(settings: Any) -> AsyncIterator[Database]:
    database = Database(settings)
    yield database
    await database.close()


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    opened = open_storage(
        StorageSettings(url=(tmp_path / "store").as_uri(), signing_key=SecretStr("0123456789abcdef" * 4))
    )
    yield opened
    await opened.close()


class Studio:
    """A farm whose frames have files."""

    def __init__(self, farm: Farm, storage: Storage, folder: Path) -> None:
        self.farm, self.storage, self.folder = farm, storage, folder

    async def upload(self, job_id: UUID, part: int | str, *, attempt: UUID | None = None) -> NewArtifact:
        """A file of an attempt that may or may not be committed."""
        content = uuid4().bytes * 8
        source = self.folder / uuid4().hex
        source.write_bytes(content)
        key = artifact_key(job_id=str(job_id), part=part, attempt=str(attempt or uuid4()), filename="frame.png")
        stored = await self.storage.put_artifact(key, source, media_type="image/png")
        return NewArtifact(
            kind="frame",
            name="frame.png",
            storage_key=key,
            size_bytes=stored.size_bytes,
            sha256=hashlib.sha256(content).hexdigest(),
            media_type="image/png",
        )

    async def finished(self, chunk: ClaimedChunk, ordinal: int) -> FrameCommit:
        """A frame that is rendered and uploaded, and not committed yet."""
        attempt = uuid4()
        return commit_of(
            chunk,
            ordinal,
            attempt_id=attempt,
            artifacts=[await self.upload(chunk.job_id, ordinal, attempt=attempt)],
        )

    async def commit(self, chunk: ClaimedChunk, *frames: FrameCommit) -> list[int] | None:
        return await commit_frames(
            self.farm.db, work_id=chunk.work_id, fence=chunk.fence, replica_id=uuid4(), frames=frames
        )

    async def collect(self, *, page: int = 3, later: timedelta = IN_TWO_DAYS, **settings: Any) -> int:
        """One whole walk, ``later`` from now."""
        collector = self.collector(page=page, later=later, **settings)
        epoch = await self.farm.lead()
        deleted = await collector.tick(epoch)
        while collector.walks:
            deleted += await collector.tick(epoch)
        return deleted

    def collector(self, *, page: int = 3, later: timedelta = IN_TWO_DAYS, **settings: Any) -> Collector:
        return Collector(
            database=self.farm.db,
            storage=self.storage,
            settings=LoopSettings(collect_page=page, **settings),
            clock=lambda: datetime.now(UTC) + later,
        )

    async def stored(self) -> set[str]:
        return {item.key for item in await self.storage.list_objects("artifacts/", limit=10_000)}

    async def named(self) -> dict[str, str]:
        rows = await self.farm.rows("select storage_key, sha256 from artifact")
        return {row.storage_key: row.sha256 for row in rows}

    async def assert_named_are_whole(self) -> None:
        for key, sha256 in (await self.named()).items():
            digest = hashlib.sha256()
            async for piece in self.storage.stream(key):
                digest.update(piece)
            assert digest.hexdigest() == sha256, key


@pytest.fixture
def studio(farm: Farm, storage: Storage, tmp_path: Path) -> Studio:
    return Studio(farm, storage, tmp_path)


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


class TestBlobs:
    async def test_they_are_kept_for_ever_unless_the_settings_say_otherwise(self, studio: Studio) -> None:
        digest = await _blob(studio, b"unused")
        assert await studio.collect() == 0
        assert await studio.storage.has_blob(digest)

    async def test_one_that_no_model_names_goes_with_its_rows_and_one_that_is_named_stays(self, studio: Studio) -> None:
        unused, used = await _blob(studio, b"unused"), await _blob(studio, b"used")
        await studio.farm.execute(
            "update model set manifest = jsonb_set(manifest, '{files}',"
            " jsonb_build_array(jsonb_build_object('path', 'a', 'digest', cast(:digest as text))))",
            digest=used,
        )
        assert await studio.collect(unused_blobs_kept=timedelta(days=3)) == 1
        assert (await studio.storage.has_blob(unused), await studio.storage.has_blob(used)) == (False, True)
        assert [row.digest for row in await studio.farm.rows("select digest from blob")] == [used]

    async def test_chunks_of_a_models_file_stay_and_the_whole_that_it_does_not_need_goes(self, studio: Studio) -> None:
        whole, chunk, alone = [await _blob(studio, content) for content in (b"ab", b"a", b"alone")]
        cut = {"path": "a", "digest": whole, "chunks": [{"digest": chunk}]}
        manifest = json.dumps({"files": [cut, {"path": "b", "digest": alone}]})
        await studio.farm.execute("update model set manifest = cast(:manifest as jsonb)", manifest=manifest)
        assert await studio.collect(unused_blobs_kept=timedelta(days=3)) == 1
        assert [await studio.storage.has_blob(digest) for digest in (whole, chunk, alone)] == [False, True, True]
        for digest in (chunk, alone):  # named since the first look
            asked = {"digest": digest, "kept": timedelta(days=3), "epoch": await studio.farm.lead()}
            assert not await drop_blob(studio.farm.db, **asked, delete=studio.storage.delete)
        await studio.farm.execute("update model set manifest = '{}'")
        assert await studio.collect(unused_blobs_kept=timedelta(days=3)) == 2

    async def test_one_that_was_uploaded_again_is_young_again(self, studio: Studio) -> None:
        digest = await _blob(studio, b"unused")
        async with studio.farm.db.transaction() as tx:
            assert not await record_blob(tx, project_id=studio.farm.project_id, digest=digest, size_bytes=6)
        assert await studio.collect(unused_blobs_kept=timedelta(days=3)) == 0

    async def test_while_one_is_dropped_nobody_records_it_and_takes_its_file_for_there(self, studio: Studio) -> None:
        digest = await _blob(studio, b"unused")
        recorded_after_delete: list[bool] = []
        delete = studio.storage.delete

        async def record() -> None:
            async with studio.farm.db.transaction() as tx:
                await record_blob(tx, project_id=studio.farm.project_id, digest=digest, size_bytes=6)
            recorded_after_delete.append(not await studio.storage.has_blob(digest))

        uploads: list[asyncio.Task[None]] = []

        async def slow_delete(key: str) -> None:
            uploads.append(asyncio.create_task(record()))
            await asyncio.sleep(0.2)
            assert not uploads[0].done()
            await delete(key)

        studio.storage.delete = slow_delete  # type: ignore[method-assign]
        assert await studio.collect(unused_blobs_kept=timedelta(days=3)) == 1
        await asyncio.gather(*uploads)
        assert recorded_after_delete == [True]  # so the API answers: upload it again


class TestOwnerlessBlobs:
    """Bytes without a row: refused for the quota, or of a process that died behind ``put_blob``."""

    async def test_they_go_once_they_are_old_and_what_a_row_names_stays(self, studio: Studio) -> None:
        lost, owned = await _stored(studio, b"lost"), await _blob(studio, b"owned")
        assert await studio.collect(later=timedelta(minutes=50)) == 0
        assert await studio.collect() == 1
        assert [await studio.storage.has_blob(digest) for digest in (lost, owned)] == [False, True]

    async def test_a_walk_reaches_all_of_them_a_few_at_each_step(
        self, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("cluster.loops.ownerless_blobs._AT_ONCE", 2)
        lost = [await _stored(studio, b"lost %d" % number) for number in range(9)]
        owned = [await _blob(studio, b"owned %d" % number) for number in range(9)]
        deleted: list[int] = []
        delete = studio.storage.delete

        async def counted(key: str) -> None:
            deleted[-1] += 1
            await delete(key)

        monkeypatch.setattr(studio.storage, "delete", counted)
        collector, epoch = studio.collector(page=7), await studio.farm.lead()
        while not deleted or collector.walks:
            deleted.append(0)
            await collector.tick(epoch)
        assert max(deleted) == 2
        assert sum(deleted) == len(lost)
        assert [await studio.storage.has_blob(digest) for digest in owned] == [True] * 9

    async def test_what_is_no_blob_is_left_where_it_lies(self, studio: Studio) -> None:
        note = studio.folder / "store" / "blobs" / "aa" / "README"
        note.parent.mkdir()
        note.write_text("of an operator")
        misplaced = note.with_name("b" * 64)
        misplaced.write_text("below another name")
        assert await studio.collect() == 0
        assert note.exists()
        assert misplaced.exists()

    async def test_one_that_was_recorded_since_the_first_look_stays(self, studio: Studio) -> None:
        digest = await _stored(studio, b"found again")
        assert await ownerless_blobs(studio.farm.db, digests=[digest]) == [digest]
        async with studio.farm.db.transaction() as tx:
            await record_blob(tx, project_id=studio.farm.project_id, digest=digest, size_bytes=11)
        epoch = await studio.farm.lead()
        assert not await drop_ownerless_blob(studio.farm.db, digest=digest, epoch=epoch, delete=_never)

    async def test_while_one_is_deleted_nobody_records_it_and_takes_its_file_for_there(self, studio: Studio) -> None:
        digest = await _stored(studio, b"stored again")
        found: list[bool] = []

        async def store_again() -> None:
            """As an upload that left its bytes out, since they were there."""
            async with studio.farm.db.transaction() as tx:
                await record_blob(tx, project_id=studio.farm.project_id, digest=digest, size_bytes=12)
            found.append(await studio.storage.has_blob(digest))

        async with asyncio.TaskGroup() as uploads:

            async def delete(dead: str) -> None:
                upload = uploads.create_task(store_again())
                await _until_somebody_waits_for_blobs(studio)
                assert not upload.done()
                await studio.storage.delete(blob_key(dead))

            epoch = await studio.farm.lead()
            assert await drop_ownerless_blob(studio.farm.db, digest=digest, epoch=epoch, delete=delete)
        assert found == [False]  # so the API answers: upload it again

    async def test_while_another_is_recorded_the_walk_waits_where_it_is(self, studio: Studio) -> None:
        lost = await _stored(studio, b"lost")
        collector, epoch = studio.collector(), await studio.farm.lead()
        async with studio.farm.db.transaction() as other:
            await record_blob(other, project_id=studio.farm.project_id, digest="a" * 64, size_bytes=1)
            with capture_logs() as logs:
                for _ in range(5):
                    await collector.tick(epoch)
        assert "ownerless_blob_waits" in {line["event"] for line in logs}
        assert await studio.storage.has_blob(lost)
        while collector.walks:
            await collector.tick(epoch)
        assert not await studio.storage.has_blob(lost)


async def _never(digest: str) -> None:
    raise AssertionError(f"{digest} is somebody's")


async def _until_somebody_waits_for_blobs(studio: Studio) -> None:
    async with asyncio.timeout(30):
        while not await studio.farm.rows("select from pg_locks where locktype = 'advisory' and not granted"):
            await asyncio.sleep(0.02)


async def _stored(studio: Studio, content: bytes) -> str:
    """Bytes in storage that no row names."""
    digest = hashlib.sha256(content).hexdigest()

    async def pieces() -> AsyncIterator[bytes]:
        yield content

    await studio.storage.put_blob(digest, pieces())
    return digest


async def _blob(studio: Studio, content: bytes) -> str:
    """Uploaded long ago."""
    digest = await _stored(studio, content)
    async with studio.farm.db.transaction() as tx:
        await record_blob(tx, project_id=studio.farm.project_id, digest=digest, size_bytes=len(content))
    for table, column in (("blob", "created_at"), ("project_blob", "sent_at")):
        await studio.farm.execute(
            f"update {table} set {column} = now() - interval '9 days' where digest = :d", d=digest
        )
    return digest


async def _name(farm: Farm, job_id: UUID, artifact: NewArtifact, *, ordinal: int) -> None:
    await farm.execute(
        "insert into artifact (id, project_id, job_id, ordinal, generation, kind, name, storage_key, size_bytes,"
        " sha256, media_type) values (:id, :project, :job, :ordinal, 1, 'frame', 'f', :key, 1, :sha, 'image/png')",
        id=uuid4(), project=farm.project_id, job=job_id, ordinal=ordinal, key=artifact.storage_key,
        sha=artifact.sha256,
    )  # fmt: skip
