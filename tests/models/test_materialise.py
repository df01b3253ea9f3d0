"""A model on disk: fetched once, whole or not at all, kept while held, evicted by bytes."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from models._file_lock import FileLock
from models.errors import BlobMismatch
from models.kinds import ModelKind
from models.manifest import Manifest, ManifestFile
from models.materialise import ModelCache

PATIENCE_S = 20
"""Before a load counts as held up; one that is not takes milliseconds."""


class Blobs:
    """Blobs in memory that count fetches and can break."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self.fetched: list[str] = []
        self.broken: str | None = None

    def add(self, data: bytes) -> tuple[str, int]:
        digest = hashlib.sha256(data).hexdigest()
        self.data[digest] = data
        return digest, len(data)

    def manifest(self, **files: bytes) -> Manifest:
        entries = []
        for path, data in files.items():
            digest, size = self.add(data)
            entries.append(ManifestFile(path=path.replace("__", "/"), digest=digest, size_bytes=size))
        return Manifest(kind=ModelKind.BLENDER, main=entries[0].path, files=tuple(entries))

    async def fetch(self, digest: str, destination: Path) -> None:
        self.fetched.append(digest)
        await asyncio.sleep(0)
        if digest == self.broken:
            raise OSError("storage is away")
        destination.write_bytes(self.data[digest])


@pytest.fixture
def blobs() -> Blobs:
    return Blobs()


def models_in(root: Path) -> list[str]:
    """Complete models, and anything half done."""
    partial = root / ".partial"
    halves = [path.name for path in partial.iterdir()] if partial.is_dir() else []
    return sorted(path.name for path in root.iterdir() if path.name[0] != ".") + halves


def cache(root: Path, budget: int = 1000) -> ModelCache:
    return ModelCache(root=root, budget_bytes=budget)


async def test_a_model_is_laid_out_by_its_manifest(tmp_path: Path, blobs: Blobs) -> None:
    manifest = blobs.manifest(scene=b"scene", textures__wood=b"wood")
    async with cache(tmp_path).checkout(manifest, fetch=blobs.fetch) as root:
        assert (root / "scene").read_bytes() == b"scene"
        assert (root / "textures/wood").read_bytes() == b"wood"


async def test_callers_at_once_fetch_once(tmp_path: Path, blobs: Blobs) -> None:
    manifest = blobs.manifest(scene=b"scene")
    shared = cache(tmp_path)
    callers = [shared, shared, cache(tmp_path), cache(tmp_path)]
    roots = await asyncio.gather(*(each.ensure(manifest, fetch=blobs.fetch) for each in callers))
    assert len(set(roots)) == 1
    assert len(blobs.fetched) == 1


async def test_a_fetch_that_fails_leaves_nothing_and_the_next_one_succeeds(tmp_path: Path, blobs: Blobs) -> None:
    models = cache(tmp_path)
    manifest = blobs.manifest(scene=b"scene", texture=b"texture")
    blobs.broken = manifest.files[1].digest
    with pytest.raises(OSError, match="away"):
        await models.ensure(manifest, fetch=blobs.fetch)
    assert models_in(tmp_path) == []
    blobs.broken = None
    assert (await models.ensure(manifest, fetch=blobs.fetch) / "texture").read_bytes() == b"texture"


async def test_a_cancelled_fetch_leaves_nothing(tmp_path: Path, blobs: Blobs) -> None:
    manifest = blobs.manifest(scene=b"scene", texture=b"texture")
    begun = asyncio.Event()

    async def hang(digest: str, destination: Path) -> None:
        destination.write_bytes(b"half")
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(cache(tmp_path).ensure(manifest, fetch=hang))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert models_in(tmp_path) == []


async def test_a_load_cancelled_while_it_looks_at_the_disk_holds_up_neither_the_next_load_nor_a_trim(
    tmp_path: Path, blobs: Blobs
) -> None:
    asyncio.get_running_loop().set_default_executor(threads := ThreadPoolExecutor(max_workers=1))
    missing, complete = blobs.manifest(scene=b"scene"), blobs.manifest(scene=b"other")
    async with cache(tmp_path).checkout(complete, fetch=blobs.fetch):
        pass
    for manifest in (missing, complete):
        await cancelled_before_a_thread(threads, cache(tmp_path).ensure(manifest, fetch=blobs.fetch))
    async with asyncio.timeout(PATIENCE_S), cache(tmp_path).checkout(missing, fetch=blobs.fetch) as root:
        assert (root / "scene").read_bytes() == b"scene"
    assert await cache(tmp_path, budget=0).trim() == len(b"scene" + b"other")


async def cancelled_before_a_thread(threads: ThreadPoolExecutor, call: Coroutine[Any, Any, Path]) -> None:
    """Cancel it where it waits for its first thread, as the only one there is has something else to do."""
    free = threading.Event()
    threads.submit(free.wait)
    try:
        task = asyncio.create_task(call)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    finally:
        free.set()


async def test_a_disk_that_takes_no_time_of_use_keeps_no_model_locked(
    tmp_path: Path, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    models, manifest = cache(tmp_path), blobs.manifest(scene=b"scene")

    def refuse(lock: FileLock) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    await models.ensure(manifest, fetch=blobs.fetch)
    with monkeypatch.context() as read_only:
        read_only.setattr(FileLock, "stamp_use", refuse)
        with pytest.raises(OSError, match="Read-only"):
            models.release(manifest.digest())
        with pytest.raises(OSError, match="Read-only"):
            await models.ensure(manifest, fetch=blobs.fetch)
    assert await cache(tmp_path, budget=0).trim() == len(b"scene")


async def test_content_that_is_not_what_its_name_says_is_refused(tmp_path: Path, blobs: Blobs) -> None:
    manifest = blobs.manifest(scene=b"scene", texture=b"texture")
    blobs.data[manifest.files[1].digest] = b"TEXTURE"
    with pytest.raises(BlobMismatch, match="content"):
        await cache(tmp_path).ensure(manifest, fetch=blobs.fetch)
    blobs.data[manifest.files[1].digest] = b"short"
    with pytest.raises(BlobMismatch, match="5 bytes"):
        await cache(tmp_path).ensure(manifest, fetch=blobs.fetch)
    assert models_in(tmp_path) == []


async def test_a_process_killed_in_mid_fetch_leaves_only_what_the_next_one_removes(
    tmp_path: Path, blobs: Blobs
) -> None:
    manifest = blobs.manifest(scene=b"scene")
    code = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from models.manifest import Manifest\n"
        "from models.materialise import ModelCache\n"
        "async def die(digest, destination):\n"
        "    destination.write_bytes(b'half'); os.kill(os.getpid(), 9)\n"
        "manifest = Manifest.model_validate_json(sys.argv[2])\n"
        "asyncio.run(ModelCache(root=Path(sys.argv[1]), budget_bytes=1000).ensure(manifest, fetch=die))\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(tmp_path), manifest.model_dump_json(), cwd=Path(__file__).parents[2]
    )
    assert await process.wait() == -9
    assert len(models_in(tmp_path)) == 1
    assert not (tmp_path / manifest.digest()).exists()
    await cache(tmp_path).ensure(manifest, fetch=blobs.fetch)
    assert models_in(tmp_path) == [manifest.digest()]


async def test_a_file_lost_from_a_model_on_disk_is_noticed(tmp_path: Path, blobs: Blobs) -> None:
    manifest = blobs.manifest(scene=b"scene", texture=b"texture")
    async with cache(tmp_path).checkout(manifest, fetch=blobs.fetch) as root:
        pass
    (root / "texture").unlink()
    again = await cache(tmp_path).ensure(manifest, fetch=blobs.fetch)
    assert (again / "texture").read_bytes() == b"texture"


async def test_one_blob_in_two_places_is_fetched_once_and_is_read_only(tmp_path: Path, blobs: Blobs) -> None:
    root = await cache(tmp_path).ensure(blobs.manifest(a=b"same", b__c=b"same"), fetch=blobs.fetch)
    assert (root / "b/c").read_bytes() == b"same"
    assert len(blobs.fetched) == 1
    assert (root / "b/c").stat().st_mode & 0o222 == 0


async def test_the_longest_unused_model_leaves_and_one_in_use_never(tmp_path: Path, blobs: Blobs) -> None:
    models = cache(tmp_path, budget=350)
    held = await models.ensure(blobs.manifest(a=b"a" * 100), fetch=blobs.fetch)
    unused = [await models.ensure(blobs.manifest(b=letter * 100), fetch=blobs.fetch) for letter in (b"b", b"c")]
    for age, root in enumerate(unused):
        models.release(root.name)
        os.utime(tmp_path / ".locks" / root.name, (1000 + age, 1000 + age))
    newest = await models.ensure(blobs.manifest(d=b"d" * 100), fetch=blobs.fetch)
    assert [root.is_dir() for root in (held, *unused, newest)] == [True, False, True, True]
    assert await cache(tmp_path, budget=0).trim() == 100  # another process sees what this one uses
    for root in (held, newest):
        models.release(root.name)
    assert await cache(tmp_path, budget=0).trim() == 200
    assert models_in(tmp_path) == []


async def test_a_model_taken_twice_stays_until_it_is_released_twice(tmp_path: Path, blobs: Blobs) -> None:
    models, manifest = cache(tmp_path), blobs.manifest(a=b"a")
    root = await models.ensure(manifest, fetch=blobs.fetch)
    await models.ensure(manifest, fetch=blobs.fetch)
    models.release(root.name)
    assert await cache(tmp_path, budget=0).trim() == 0
    models.release(root.name)
    assert await cache(tmp_path, budget=0).trim() == 1
