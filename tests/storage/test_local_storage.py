"""What only local disk can promise or suffer: modes, links, full disks, damaged files, concurrent pruning."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from jobs.errors import InvalidInput, Unavailable
from storage import (
    ArtifactUpload,
    BlobDamaged,
    Storage,
    StorageFull,
    StorageSettings,
    blob_key,
    files,
    open_storage,
)
from tests.storage.backends import MIB, in_chunks, list_folder, pattern, sha256

KEY = "artifacts/j1/7/a1/frame.png"
DATA = pattern(3 * MIB)


@pytest_asyncio.fixture
async def storage(local_settings: StorageSettings) -> AsyncIterator[Storage]:
    opened = open_storage(local_settings)
    yield opened
    await opened.close()


@pytest.fixture
def root(local_settings: StorageSettings) -> Path:
    return local_settings.root


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "scratch" / "out.png"
    path.parent.mkdir()
    path.write_bytes(DATA)
    return path


@contextmanager
def no_file_above(size_bytes: int) -> Iterator[None]:
    """Let the kernel itself refuse larger files, as it does on a full disk or over a quota."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestProtection:
    async def test_only_the_owner_can_read_and_no_one_can_write_a_blob(
        self, storage: Storage, root: Path, source: Path
    ) -> None:
        await storage.put_blob(sha256(DATA), in_chunks(DATA))
        await storage.put_artifact(KEY, source, media_type="image/png")
        assert mode_of(root / blob_key(sha256(DATA))) == 0o400
        assert mode_of(root / KEY) == 0o600
        folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
        assert {mode_of(folder) for folder in folders} == {0o700}

    async def test_an_engine_that_overwrites_its_copy_does_not_reach_the_blob(
        self, storage: Storage, root: Path, tmp_path: Path
    ) -> None:
        await storage.put_blob(sha256(DATA), in_chunks(DATA))
        copy = tmp_path / "scene.blend"
        await storage.fetch_blob(sha256(DATA), copy)
        assert mode_of(copy) == 0o444
        copy.chmod(0o600)
        copy.write_bytes(b"poison")
        assert (root / blob_key(sha256(DATA))).read_bytes() == DATA

    async def test_a_file_with_a_second_name_is_copied_not_moved(
        self, storage: Storage, root: Path, source: Path
    ) -> None:
        os.link(source, source.with_name("handle"))
        await storage.put_artifact(KEY, source, media_type="image/png", consume=True)
        source.with_name("handle").write_bytes(b"poison")
        assert (root / KEY).read_bytes() == DATA
        assert not source.exists()

    async def test_consuming_on_the_same_disk_moves_the_file_itself(
        self, storage: Storage, root: Path, source: Path
    ) -> None:
        inode = source.stat().st_ino
        await storage.put_artifact(KEY, source, media_type="image/png", consume=True)
        assert (root / KEY).stat().st_ino == inode

    async def test_a_source_swapped_while_it_is_stored_is_refused(
        self, storage: Storage, root: Path, source: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        digest = files.sha256_of

        def digest_then_swap(file: object) -> str:
            result = digest(file)  # type: ignore[arg-type]
            source.unlink()
            source.write_bytes(b"something else")
            return result

        monkeypatch.setattr(files, "sha256_of", digest_then_swap)
        with pytest.raises(InvalidInput, match="replaced"):
            await storage.put_artifact(KEY, source, media_type="image/png", consume=True)
        assert list_folder(root) == []


class TestFullDisk:
    async def test_a_blob_that_does_not_fit_leaves_nothing(self, storage: Storage, root: Path) -> None:
        with no_file_above(MIB), pytest.raises(StorageFull, match="takes no more"):
            await storage.put_blob(sha256(DATA), in_chunks(DATA))
        assert list_folder(root) == []

    async def test_a_frame_that_does_not_fit_leaves_none_of_its_files(
        self, storage: Storage, root: Path, source: Path
    ) -> None:
        small = source.with_name("small.png")
        small.write_bytes(b"small")
        uploads = [
            ArtifactUpload(key=f"artifacts/j1/7/a1/{path.name}", source=path, media_type="image/png")
            for path in (small, source)
        ]
        with no_file_above(MIB), pytest.raises(StorageFull):
            await storage.put_artifacts(uploads)
        assert list_folder(root) == []
        assert list((root / "artifacts").iterdir()) == []

    async def test_a_fetch_that_does_not_fit_leaves_nothing(
        self, storage: Storage, source: Path, tmp_path: Path
    ) -> None:
        await storage.put_artifact(KEY, source, media_type="image/png")
        with no_file_above(MIB), pytest.raises(StorageFull):
            await storage.fetch(KEY, tmp_path / "got" / "frame.png")
        assert list((tmp_path / "got").iterdir()) == []

    async def test_uploads_stop_before_the_reserve_of_the_disk_is_touched(
        self, local_settings: StorageSettings, source: Path
    ) -> None:
        greedy = open_storage(local_settings.model_copy(update={"min_free_bytes": 1 << 60}))
        with pytest.raises(StorageFull, match="kept free"):
            await greedy.put_blob(sha256(DATA), in_chunks(DATA))
        with pytest.raises(StorageFull, match="kept free"):
            await greedy.put_artifact(KEY, source, media_type="image/png")
        with pytest.raises(StorageFull):
            await greedy.check()
        assert list_folder(local_settings.root) == []
        await greedy.close()


class TestDamage:
    async def test_a_damaged_blob_is_set_aside_and_the_next_upload_heals_it(
        self, storage: Storage, root: Path, tmp_path: Path
    ) -> None:
        digest = sha256(DATA)
        await storage.put_blob(digest, in_chunks(DATA))
        path = root / blob_key(digest)
        path.chmod(0o600)
        path.write_bytes(b"x" + DATA[1:])
        with pytest.raises(BlobDamaged, match=digest):
            await storage.fetch_blob(digest, tmp_path / "scene.blend")
        assert not (tmp_path / "scene.blend").exists()
        assert not await storage.has_blob(digest)
        assert len(list((root / "damaged").iterdir())) == 1
        await storage.put_blob(digest, in_chunks(DATA))
        await storage.fetch_blob(digest, tmp_path / "scene.blend")
        assert (tmp_path / "scene.blend").read_bytes() == DATA

    async def test_a_file_system_without_attributes_still_describes_its_objects(
        self, storage: Storage, root: Path, source: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delattr(os, "setxattr", raising=False)
        stored = await storage.put_artifact(KEY, source, media_type="image/png")
        assert os.listxattr(root / KEY) == []
        assert await storage.stat(KEY) == stored

    async def test_a_root_that_cannot_be_made_is_unavailable(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(Unavailable, match="failed"):
            open_storage(StorageSettings(url=f"file://{tmp_path}/file/store"))

    async def test_a_store_whose_folder_vanished_fails_its_check(self, storage: Storage, root: Path) -> None:
        (root / "incoming").rmdir()
        with pytest.raises(Unavailable, match="No such file"):
            await storage.check()

    async def test_without_a_signing_key_links_are_refused_with_the_remedy(
        self, local_settings: StorageSettings
    ) -> None:
        unsigned = open_storage(local_settings.model_copy(update={"signing_key": None}))
        with pytest.raises(Unavailable, match="RAYFARM_STORAGE_SIGNING_KEY"):
            unsigned.download_url(
                KEY, expires_in=local_settings.max_url_lifetime, filename="a.png", media_type="image/png"
            )
        await unsigned.close()


class TestDurability:
    async def test_bytes_reach_the_disk_before_their_name_and_the_name_before_the_answer(
        self, storage: Storage, root: Path, source: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        steps: list[str] = []
        fsync, rename = os.fsync, Path.rename

        def recorded_fsync(descriptor: int) -> None:
            fsync(descriptor)
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            steps.append(f"flush folder {path.relative_to(root)}" if path.is_dir() else "flush file")

        def recorded_rename(path: Path, target: Path) -> Path:
            steps.append("rename")
            return rename(path, target)

        monkeypatch.setattr(os, "fsync", recorded_fsync)
        monkeypatch.setattr(Path, "rename", recorded_rename)
        await storage.put_artifact(KEY, source, media_type="image/png", consume=True)
        assert steps[:3] == ["flush file", "rename", "flush folder artifacts/j1/7/a1"]
        assert steps[3:] == [f"flush folder {name}" for name in ("artifacts/j1/7", "artifacts/j1", "artifacts")]
        steps.clear()
        await storage.put_blob(sha256(DATA), in_chunks(DATA))
        folder = blob_key(sha256(DATA)).rpartition("/")[0]
        assert steps[:3] == ["flush file", "rename", f"flush folder {folder}"]


class TestConcurrency:
    async def test_a_folder_that_is_pruned_while_it_is_found_there_already_is_made_again(
        self, storage: Storage, source: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make, seen = os.mkdir, []

        def pruned_at_that_moment(path: Path, mode: int = 0o777) -> None:
            seen.append(path)
            if len(seen) == 1:
                raise FileExistsError(errno.EEXIST, "File exists", str(path))
            make(path, mode)

        monkeypatch.setattr(os, "mkdir", pruned_at_that_moment)
        await storage.put_artifact(KEY, source, media_type="image/png", consume=True)
        assert (await storage.stat(KEY)) is not None
        assert len(seen) > 1

    async def test_deleting_beside_storing_in_the_same_folder_loses_no_file(
        self, storage: Storage, root: Path, tmp_path: Path
    ) -> None:
        async def store_and_delete(number: int) -> None:
            for attempt in range(25):
                source = tmp_path / f"{number}.{attempt}.png"
                source.write_bytes(b"frame")
                key = f"artifacts/j1/7/same/{number}.png"
                await storage.put_artifact(key, source, media_type="image/png", consume=True)
                assert (await storage.stat(key)) is not None
                await storage.delete(key)

        await asyncio.gather(*[store_and_delete(number) for number in range(6)])
        assert list_folder(root) == []
        assert list((root / "artifacts").iterdir()) == []
