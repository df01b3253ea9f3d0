"""Puts a manifest's files on this machine's disk: once for all processes, all or nothing, least recently used go first.

Layout below the root: `<key>/<manifest path>` (complete, read-only), `.partial/` (being written or removed),
`.locks/<key>` (flock: exclusive while writing or removing, shared while in use; holds the size and the last use).
The key is the manifest's `cache_key`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import stat
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

from models._file_lock import FileLock, lock_pauses
from models.assemble import Fetch, assemble, to_the_end
from models.errors import UPLOAD_AGAIN, BlobMismatch, FileMismatch
from models.manifest import FileChunk, Manifest

_PARALLEL_FETCHES = 8
_HASH_CHUNK = 1 << 20

_Content = tuple[str, int, tuple[FileChunk, ...]]
"""Digest and size in bytes of a file, and its chunks."""


class ModelCache:
    """One folder of models, shared by all processes of this machine that use the same root."""

    def __init__(self, *, root: Path, budget_bytes: int, verify: bool = True) -> None:
        self._root = root
        self._budget_bytes = budget_bytes
        self._verify = verify
        """Hash what was fetched; off only where `fetch` does so itself. What is put together of chunks always is."""
        self._in_use: dict[str, tuple[FileLock, int]] = {}

    async def ensure(self, manifest: Manifest, *, fetch: Fetch) -> Path:
        """The folder with the model's files, kept from eviction until `release` or the end of this process.

        The first to ask, over all processes, fetches; the others wait. A failure leaves nothing behind.
        """
        key = manifest.cache_key()
        folder = self._root / key
        if self._use_again(key):
            return folder
        lock = await self._lock_ready(manifest, key, fetch)
        if self._use_again(key):  # another task was faster
            lock.release()
        else:
            self._in_use[key] = (lock, 1)
        try:
            await asyncio.to_thread(self._trim)
        except BaseException:  # a cancelled caller has no path, so it will not release
            self.release(key)
            raise
        return folder

    def release(self, key: str) -> None:
        """The model of this `cache_key` is not in use here any more (one call for each `ensure`)."""
        lock, uses = self._in_use.pop(key)
        if uses > 1:
            self._in_use[key] = (lock, uses - 1)
        else:
            try:
                lock.stamp_use()
            finally:
                lock.release()

    @contextlib.asynccontextmanager
    async def checkout(self, manifest: Manifest, *, fetch: Fetch) -> AsyncIterator[Path]:
        """`ensure` and `release` as one block."""
        folder = await self.ensure(manifest, fetch=fetch)
        try:
            yield folder
        finally:
            self.release(manifest.cache_key())

    async def trim(self) -> int:
        """Remove unused models until the budget holds, and what crashes left; returns the bytes removed."""
        return await asyncio.to_thread(self._trim)

    def _use_again(self, key: str) -> bool:
        held = self._in_use.get(key)
        if held is not None:
            self._in_use[key] = (held[0], held[1] + 1)
        return held is not None

    async def _lock_ready(self, manifest: Manifest, key: str, fetch: Fetch) -> FileLock:
        """A shared lock on a complete folder. Each turn looks afresh: what was missing may be complete and in use by
        others, whose shared locks would keep an exclusive one away for good."""
        path, folder, pauses = self._locks / key, self._root / key, lock_pauses()
        while True:
            shared = FileLock.try_now(path, exclusive=False)
            if shared is not None:
                try:
                    if await asyncio.to_thread(_is_complete, folder, manifest):
                        shared.stamp_use()
                        return shared
                except BaseException:  # a cancellation: nobody else knows of this lock, which would stay held
                    shared.release()
                    raise
                shared.release()
            exclusive = FileLock.try_now(path, exclusive=True)
            if exclusive is None:
                await asyncio.sleep(next(pauses))
                continue
            try:
                if not await asyncio.to_thread(_is_complete, folder, manifest):
                    await self._write(manifest, key, fetch)
                    exclusive.write(str(manifest.size_bytes))
            finally:
                exclusive.release()  # between here and the shared lock an eviction may come

    async def _write(self, manifest: Manifest, key: str, fetch: Fetch) -> None:
        """Under the exclusive lock: whatever lies about is of a process that died."""
        await asyncio.to_thread(self._remove_leftovers, key)
        partial = self._partials / f"{key}.{uuid.uuid4().hex}"
        scratch = partial.with_name(f"{partial.name}.chunks")  # beside it: a manifest may use any name inside
        try:
            partial.mkdir(parents=True)
            await self._fill(partial, manifest, fetch, scratch)
            final = self._root / key
            await to_the_end(self._discard_folder, final)  # incomplete or damaged
            partial.rename(final)
        except BaseException:
            _remove_tree(partial)  # not awaited: this may be a cancellation
            raise
        finally:
            _remove_tree(scratch)

    async def _fill(self, folder: Path, manifest: Manifest, fetch: Fetch, scratch: Path) -> None:
        places: dict[_Content, list[str]] = {}
        for file in manifest.files:
            places.setdefault((file.digest, file.size_bytes, file.chunks), []).append(file.path)
        gate = asyncio.Semaphore(_PARALLEL_FETCHES)

        async def bring(content: _Content, paths: list[str]) -> None:
            first = folder / paths[0]
            digest, _, chunks = content
            async with gate:
                first.parent.mkdir(parents=True, exist_ok=True)  # at once: a thread could outlive a cancellation
                if chunks:
                    pieces = scratch / uuid.uuid4().hex
                    pieces.mkdir(parents=True)
                    await assemble(chunks, first, scratch=pieces, fetch=fetch)
                else:
                    await fetch(digest, first)
                await to_the_end(self._seal, first, content, [folder / path for path in paths[1:]])

        try:
            async with asyncio.TaskGroup() as group:
                for content, paths in places.items():
                    group.create_task(bring(content, paths), name=f"fetch-{content[0][:12]}")
        except BaseExceptionGroup as failures:  # the caller knows storage's errors, not groups of them
            raise failures.exceptions[0] from None

    def _seal(self, path: Path, content: _Content, copies: list[Path]) -> None:
        """Check a file, make it read-only, and put it wherever else the manifest names it."""
        digest, size_bytes, chunks = content
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size != size_bytes:
            raise BlobMismatch(
                f"Blob {digest} has {found.st_size} bytes, the manifest says {size_bytes}.", remedy=UPLOAD_AGAIN
            )
        if (chunks or self._verify) and _sha256(path) != digest:
            if chunks:
                raise FileMismatch(
                    f"The {len(chunks)} chunks of {path.name} do not make the file of the digest {digest}.",
                    remedy="Cut the file again and hash it while it does not change, then register the model again.",
                )
            raise BlobMismatch(f"Blob {digest} does not have the content that its name says.", remedy=UPLOAD_AGAIN)
        if found.st_mode & 0o222:
            path.chmod(0o444)
        for copy in copies:
            copy.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, copy)
            except OSError:  # a file system without links, or too many of them
                shutil.copyfile(path, copy)
                copy.chmod(0o444)

    def _trim(self) -> int:
        models = []
        for path in self._locks.glob("*") if self._locks.is_dir() else ():
            if (self._root / path.name).is_dir():
                with contextlib.suppress(OSError):
                    models.append((path.stat().st_mtime_ns, path.name, int(path.read_text() or 0)))
        total, removed = sum(size for *_, size in models), 0
        for _, digest, size in sorted(models):
            if total - removed <= self._budget_bytes:
                break
            lock = FileLock.try_now(self._locks / digest, exclusive=True)
            if lock is not None:  # else: in use
                try:
                    self._discard_folder(self._root / digest)
                    self._remove_leftovers(digest)
                    lock.remove()
                finally:
                    lock.release()
                removed += size
        self._remove_orphans()
        return removed

    def _remove_orphans(self) -> None:
        for path in self._partials.glob("*") if self._partials.is_dir() else ():
            lock = FileLock.try_now(self._locks / path.name.split(".")[0], exclusive=True)
            if lock is not None:
                try:
                    _remove_tree(path)
                    if not (self._root / path.name.split(".")[0]).is_dir():
                        lock.remove()
                finally:
                    lock.release()

    def _remove_leftovers(self, digest: str) -> None:
        for path in self._partials.glob(f"{digest}.*"):
            _remove_tree(path)

    def _discard_folder(self, folder: Path) -> None:
        """Away under one rename, so that a folder with a digest as its name is always whole."""
        if folder.exists():
            self._partials.mkdir(parents=True, exist_ok=True)
            doomed = self._partials / f"{folder.name}.{uuid.uuid4().hex}"
            folder.rename(doomed)
            _remove_tree(doomed)

    @property
    def _locks(self) -> Path:
        return self._root / ".locks"

    @property
    def _partials(self) -> Path:
        return self._root / ".partial"


def _is_complete(folder: Path, manifest: Manifest) -> bool:
    """Sizes are looked at again: a power loss can leave a renamed folder with empty files."""
    try:
        return all((folder / file.path).stat().st_size == file.size_bytes for file in manifest.files)
    except OSError:
        return False


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_HASH_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _remove_tree(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
