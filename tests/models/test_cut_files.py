"""Files in chunks on a replica's disk: put together whole, and never another file than the manifest names."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from pydantic import ValidationError

from models import manifest as manifests
from models.errors import BlobMismatch, FileMismatch
from models.kinds import ModelKind
from models.manifest import FileChunk, Manifest, ManifestFile
from models.materialise import ModelCache
from tests.models.test_materialise import Blobs, models_in

SECRET = b"a scene that nobody else may see"
PIECES = (b"one ", b"two ", b"one ", b"four")


@pytest.fixture
def blobs() -> Blobs:
    return Blobs()


def cut(blobs: Blobs, *pieces: bytes, claimed: bytes | None = None, path: str = "scene.blend") -> ManifestFile:
    """A file of these chunks that is said to be ``claimed``."""
    chunks = [FileChunk(digest=digest, size_bytes=size) for digest, size in map(blobs.add, pieces)]
    whole = b"".join(pieces) if claimed is None else claimed
    digest = hashlib.sha256(whole).hexdigest()
    return ManifestFile(path=path, digest=digest, size_bytes=sum(map(len, pieces)), chunks=tuple(chunks))


def model(*files: ManifestFile) -> Manifest:
    return Manifest(kind=ModelKind.BLENDER, main=files[0].path, files=files)


def whole(blobs: Blobs, content: bytes, path: str = "scene.blend") -> ManifestFile:
    digest, size = blobs.add(content)
    return ManifestFile(path=path, digest=digest, size_bytes=size)


def cache(root: Path) -> ModelCache:
    """As a replica has it: the storage checks each blob, so the cache does not."""
    return ModelCache(root=root, budget_bytes=10_000, verify=False)


class TestAManifest:
    def test_how_a_file_is_cut_does_not_change_the_models_digest(self, blobs: Blobs) -> None:
        ways = [
            model(whole(blobs, b"abcd")),
            model(cut(blobs, b"a", b"bcd")),
            model(cut(blobs, b"abc", b"d")),
        ]
        assert len({way.digest() for way in ways}) == 1
        assert len({way.cache_key() for way in ways}) == 3
        assert ways[0].cache_key() == ways[0].digest()

    def test_chunks_that_are_not_as_large_as_the_file_are_refused(self, blobs: Blobs) -> None:
        file = cut(blobs, b"abc", b"d").model_dump()
        with pytest.raises(ValidationError, match="have 4 bytes together, the file 5"):
            ManifestFile.model_validate({**file, "size_bytes": 5})

    def test_more_chunks_than_a_model_may_have_are_refused(self, blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(manifests, "MAX_CHUNKS", 3)
        files = [cut(blobs, b"a", b"b", path="a"), cut(blobs, b"c", b"d", path="b")]
        with pytest.raises(ValidationError, match="have 4 chunks together; a model may have 3"):
            model(*files)

    def test_it_says_nothing_of_chunks_where_there_are_none(self, blobs: Blobs) -> None:
        assert "chunks" not in model(whole(blobs, b"abcd")).model_dump_json()
        stored = model(cut(blobs, b"a", b"b"))
        assert Manifest.model_validate_json(stored.model_dump_json()) == stored


class TestOnDisk:
    async def test_a_file_is_put_together_and_a_chunk_that_repeats_is_fetched_once(
        self, tmp_path: Path, blobs: Blobs
    ) -> None:
        manifest = model(cut(blobs, *PIECES), whole(blobs, b"wood", path="wood.png"))
        async with cache(tmp_path).checkout(manifest, fetch=blobs.fetch) as root:
            assert (root / "scene.blend").read_bytes() == b"one two one four"
            assert (root / "wood.png").read_bytes() == b"wood"
            assert (root / "scene.blend").stat().st_mode & 0o222 == 0
        assert len(blobs.fetched) == len(set(blobs.fetched)) == 4
        assert models_in(tmp_path) == [root.name]

    @pytest.mark.parametrize("path", ["scene.blend", ".chunks/scene", "a.chunks"])
    async def test_no_path_of_a_manifest_meets_a_chunk_on_its_way(
        self, tmp_path: Path, blobs: Blobs, path: str
    ) -> None:
        manifest = model(cut(blobs, *PIECES, path=path))
        root = await cache(tmp_path).ensure(manifest, fetch=blobs.fetch)
        assert [found.relative_to(root).as_posix() for found in root.rglob("*") if found.is_file()] == [path]

    async def test_a_chunk_of_another_size_than_the_manifest_says_is_refused(
        self, tmp_path: Path, blobs: Blobs
    ) -> None:
        manifest = model(cut(blobs, b"abc", b"d"))
        blobs.data[manifest.files[0].chunks[0].digest] = b"ab"
        with pytest.raises(BlobMismatch, match="2 bytes, the manifest says 3"):
            await cache(tmp_path).ensure(manifest, fetch=blobs.fetch)
        assert models_in(tmp_path) == []

    async def test_a_fetch_that_fails_leaves_nothing_and_the_next_one_succeeds(
        self, tmp_path: Path, blobs: Blobs
    ) -> None:
        manifest = model(cut(blobs, *PIECES))
        blobs.broken = manifest.files[0].chunks[3].digest
        with pytest.raises(OSError, match="away"):
            await cache(tmp_path).ensure(manifest, fetch=blobs.fetch)
        assert models_in(tmp_path) == []
        blobs.broken = None
        root = await cache(tmp_path).ensure(manifest, fetch=blobs.fetch)
        assert (root / "scene.blend").read_bytes() == b"".join(PIECES)

    async def test_a_cancelled_fetch_leaves_nothing(self, tmp_path: Path, blobs: Blobs) -> None:
        manifest = model(cut(blobs, *PIECES))
        begun = asyncio.Event()

        async def hang(digest: str, destination: Path) -> None:
            if digest == manifest.files[0].chunks[1].digest:
                begun.set()
                await asyncio.Event().wait()
            await blobs.fetch(digest, destination)

        load = asyncio.create_task(cache(tmp_path).ensure(manifest, fetch=hang))
        async with asyncio.timeout(20):
            await begun.wait()
        load.cancel()
        with pytest.raises(asyncio.CancelledError):
            await load
        assert models_in(tmp_path) == []


class TestAnAttacker:
    async def test_chunks_that_make_another_file_never_lie_under_the_digest_that_they_claim(
        self, tmp_path: Path, blobs: Blobs
    ) -> None:
        honest, evil = model(whole(blobs, SECRET)), b"X" * len(SECRET)
        poison = model(cut(blobs, evil[:10], evil[10:], claimed=SECRET))
        assert poison.digest() == honest.digest()
        replica = cache(tmp_path)
        with pytest.raises(FileMismatch) as refused:
            await replica.ensure(poison, fetch=blobs.fetch)
        assert refused.value.remedy
        assert models_in(tmp_path) == []
        async with replica.checkout(honest, fetch=blobs.fetch) as root:
            assert (root / "scene.blend").read_bytes() == SECRET

    async def test_who_knows_the_digest_of_a_file_that_is_on_the_disk_is_not_given_it(
        self, tmp_path: Path, blobs: Blobs
    ) -> None:
        replica = cache(tmp_path)
        await replica.ensure(model(whole(blobs, SECRET)), fetch=blobs.fetch)
        await replica.ensure(model(cut(blobs, SECRET[:5], SECRET[5:])), fetch=blobs.fetch)
        guess = model(cut(blobs, b"?" * len(SECRET), claimed=SECRET))
        for reader in (replica, cache(tmp_path)):  # of this process, and of another on the same disk
            with pytest.raises(FileMismatch):
                await reader.ensure(guess, fetch=blobs.fetch)

    async def test_one_digest_under_two_paths_vouches_for_neither(self, tmp_path: Path, blobs: Blobs) -> None:
        files = (cut(blobs, b"good", path="a"), cut(blobs, b"evil", claimed=b"good", path="b"))
        for order in (files, files[::-1]):
            with pytest.raises(FileMismatch, match="chunks of b do not"):
                await cache(tmp_path).ensure(model(*order), fetch=blobs.fetch)
        assert models_in(tmp_path) == []
