"""Garbage collection of blobs: those that no model needs, and those that no project has."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cluster.loops.bucket_owners import FARMS
from db.loops import drop_blob, drop_ownerless_blob, ownerless_blobs
from db.repositories.blobs import record_blob
from storage.keys import blob_key
from tests.cluster.collected import Studio, db, farm, storage, stored, studio, uploaded

__all__ = ["db", "farm", "storage", "studio"]


class TestBlobs:
    async def test_they_are_kept_for_ever_unless_the_settings_say_otherwise(self, studio: Studio) -> None:
        digest = await uploaded(studio, b"unused")
        assert await studio.collect() == 0
        assert await studio.storage.has_blob(digest)

    async def test_one_that_no_model_names_goes_with_its_rows_and_one_that_is_named_stays(self, studio: Studio) -> None:
        unused, used = await uploaded(studio, b"unused"), await uploaded(studio, b"used")
        await studio.farm.execute(
            "update model set manifest = jsonb_set(manifest, '{files}',"
            " jsonb_build_array(jsonb_build_object('path', 'a', 'digest', cast(:digest as text))))",
            digest=used,
        )
        assert await studio.collect(unused_blobs_kept=timedelta(days=3)) == 1
        assert (await studio.storage.has_blob(unused), await studio.storage.has_blob(used)) == (False, True)
        assert [row.digest for row in await studio.farm.rows("select digest from blob")] == [used]

    async def test_chunks_of_a_models_file_stay_and_the_whole_that_it_does_not_need_goes(self, studio: Studio) -> None:
        whole, chunk, alone = [await uploaded(studio, content) for content in (b"ab", b"a", b"alone")]
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
        digest = await uploaded(studio, b"unused")
        async with studio.farm.db.transaction() as tx:
            assert not await record_blob(tx, project_id=studio.farm.project_id, digest=digest, size_bytes=6)
        assert await studio.collect(unused_blobs_kept=timedelta(days=3)) == 0

    async def test_while_one_is_dropped_nobody_records_it_and_takes_its_file_for_there(self, studio: Studio) -> None:
        digest = await uploaded(studio, b"unused")
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
        lost, owned = await stored(studio, b"lost"), await uploaded(studio, b"owned")
        assert await studio.collect(later=timedelta(minutes=50)) == 0
        assert await studio.collect() == 1
        assert [await studio.storage.has_blob(digest) for digest in (lost, owned)] == [False, True]

    async def test_none_goes_while_another_farm_keeps_its_files_in_the_same_storage(
        self, studio: Studio, tmp_path: Path
    ) -> None:
        digest = await stored(studio, b"whose?")
        mark, other = tmp_path / "other", f"{FARMS}{'0' * 32}"
        mark.touch()
        await studio.storage.put_artifact(other, mark, media_type="text/plain")
        with capture_logs() as logs:
            assert await studio.collect() == 0
        assert [entry["others"] for entry in logs if entry["event"] == "storage_shared"] == [[other]]
        assert len(await studio.storage.list_objects(FARMS, limit=9)) == 2
        await studio.storage.delete(other)
        assert await studio.collect() == 1
        assert not await studio.storage.has_blob(digest)

    async def test_a_walk_reaches_all_of_them_a_few_at_each_step(
        self, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("cluster.loops.ownerless_blobs._AT_ONCE", 2)
        lost = [await stored(studio, b"lost %d" % number) for number in range(9)]
        owned = [await uploaded(studio, b"owned %d" % number) for number in range(9)]
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
        digest = await stored(studio, b"found again")
        assert await ownerless_blobs(studio.farm.db, digests=[digest]) == [digest]
        async with studio.farm.db.transaction() as tx:
            await record_blob(tx, project_id=studio.farm.project_id, digest=digest, size_bytes=11)
        epoch = await studio.farm.lead()
        assert not await drop_ownerless_blob(studio.farm.db, digest=digest, epoch=epoch, delete=_never)

    async def test_while_one_is_deleted_nobody_records_it_and_takes_its_file_for_there(self, studio: Studio) -> None:
        digest = await stored(studio, b"stored again")
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
        lost = await stored(studio, b"lost")
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
