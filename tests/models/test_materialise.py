"""A model on disk: fetched once, whole or not at all, kept while held, evicted by bytes."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from models.kinds import ModelKind
from models.manifest import Manifest, ManifestFile
from models.materialise import ModelCache


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


async def test_a_model_is_laid_out_by_its_manifest(tmp_path: Path, blobs: Blobs) -> None:
    hold = await ModelCache(root=tmp_path, budget_bytes=1000).ensure(
        blobs.manifest(scene=b"scene", textures__wood=b"wood"), fetch=blobs.fetch
    )
    assert (hold.root / "scene").read_bytes() == b"scene"
    assert (hold.root / "textures/wood").read_bytes() == b"wood"


async def test_callers_at_once_fetch_once(tmp_path: Path, blobs: Blobs) -> None:
    manifest = blobs.manifest(scene=b"scene")
    caches = [ModelCache(root=tmp_path, budget_bytes=1000) for _ in range(4)]
    holds = await asyncio.gather(*(cache.ensure(manifest, fetch=blobs.fetch) for cache in caches))
    assert len({hold.root for hold in holds}) == 1
    assert len(blobs.fetched) == 1


async def test_a_fetch_that_fails_leaves_nothing_and_the_next_one_succeeds(tmp_path: Path, blobs: Blobs) -> None:
    cache = ModelCache(root=tmp_path, budget_bytes=1000)
    manifest = blobs.manifest(scene=b"scene", texture=b"texture")
    blobs.broken = manifest.files[1].digest
    with pytest.raises(OSError, match="away"):
        await cache.ensure(manifest, fetch=blobs.fetch)
    assert [path for path in tmp_path.iterdir() if path.suffix != ".lock"] == []
    blobs.broken = None
    hold = await cache.ensure(manifest, fetch=blobs.fetch)
    assert (hold.root / "texture").read_bytes() == b"texture"


async def test_what_a_dead_process_left_half_fetched_is_made_anew(tmp_path: Path, blobs: Blobs) -> None:
    manifest = blobs.manifest(scene=b"scene")
    partial = tmp_path / f".{manifest.digest()}.partial"
    partial.mkdir()
    (partial / "stray").write_bytes(b"half")
    hold = await ModelCache(root=tmp_path, budget_bytes=1000).ensure(manifest, fetch=blobs.fetch)
    assert sorted(path.name for path in hold.root.iterdir()) == ["scene"]
    assert not partial.exists()


async def test_the_longest_unused_model_leaves_and_a_held_one_never(tmp_path: Path, blobs: Blobs) -> None:
    cache = ModelCache(root=tmp_path, budget_bytes=250)
    held = await cache.ensure(blobs.manifest(a=b"a" * 100), fetch=blobs.fetch)
    old = await cache.ensure(blobs.manifest(b=b"b" * 100), fetch=blobs.fetch)
    old.release()
    for age, hold in enumerate((held, old)):
        os.utime(hold.root, (1000 + age, 1000 + age))
    newest = await cache.ensure(blobs.manifest(c=b"c" * 100), fetch=blobs.fetch)
    assert held.root.is_dir()
    assert newest.root.is_dir()
    assert not old.root.exists()
