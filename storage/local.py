"""Storage on a local disk: for one machine, with the durability of a database.

Layout under the root: ``blobs/ab/cd/<digest>`` (0400), ``artifacts/…`` (0600), ``incoming/`` for uploads under way,
``damaged/`` for blobs that failed their check. Folders are 0700. A file is written to ``incoming/``, flushed, renamed
into place, and its folder flushed: after a power cut it is whole or absent.

Copies, never hard links, leave the store. An engine runs strangers' scenes as the same user: through a link it could
``chmod`` and overwrite the blob itself, for every later job. The copy is made in the kernel (shared blocks on btrfs
and XFS) and checked against its digest, 1.5 GB/s where measured, once per cold model load.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from jobs.errors import Unavailable
from storage import files
from storage._artifact_batch import ArtifactBatch
from storage._listing import list_folder
from storage._threads import Threads
from storage.base import ArtifactUpload, BlobDamaged, ListedObject, ObjectNotFound, StoredObject
from storage.intake import Intake, rechunk, require_range
from storage.keys import blob_key, require_digest, require_key, require_prefix
from storage.labels import read_label
from storage.local_parts import sweep_local_parts
from storage.settings import StorageSettings
from storage.signing import FileSigner

log = logging.getLogger(__name__)


class LocalStorage:
    """See ``Storage`` for what each method promises."""

    def __init__(self, *, settings: StorageSettings, signer: FileSigner | None = None) -> None:
        self._root = settings.root
        self._settings = settings
        self._signer = signer
        self._incoming = self._root / "incoming"
        self._damaged = self._root / "damaged"
        with files.disk_errors(self._root):
            self._root.mkdir(mode=files.PRIVATE_FOLDER, parents=True, exist_ok=True)
            for folder in (self._incoming, self._damaged, self._root / "blobs", self._root / "artifacts"):
                folder.mkdir(mode=files.PRIVATE_FOLDER, exist_ok=True)
            self._sweep()
        self._threads = Threads(threads=settings.threads, name="storage-disk")

    async def put_blob(self, digest: str, chunks: AsyncIterator[bytes], *, size_bytes: int | None = None) -> int:
        intake = Intake(digest=digest, size_bytes=size_bytes, max_bytes=self._settings.max_blob_bytes)
        pieces = rechunk(chunks, self._settings.stream_chunk_bytes)
        if await self.has_blob(digest):
            async for piece in pieces:
                await self._threads.run(intake.feed, piece)
            return intake.finish()
        upload = _Upload(
            intake=intake,
            folder=self._incoming,
            reserve_bytes=self._settings.min_free_bytes,
            wanted_bytes=size_bytes or 0,
        )
        try:
            async for piece in pieces:
                await self._threads.run(upload.append, piece)
            return await self._threads.run(upload.commit, self._root / blob_key(digest), self._root)
        except BaseException:
            await self._threads.run(upload.discard)
            raise

    async def has_blob(self, digest: str) -> bool:
        return await self._threads.run((self._root / blob_key(digest)).is_file)

    async def fetch_blob(self, digest: str, destination: Path) -> None:
        stop = threading.Event()
        await self._threads.run(self._fetch, blob_key(digest), destination, digest, stop, stop=stop)

    async def put_artifact(self, key: str, source: Path, *, media_type: str, consume: bool = False) -> StoredObject:
        upload = ArtifactUpload(key=key, source=source, media_type=media_type)
        return (await self.put_artifacts([upload], consume=consume))[0]

    async def put_artifacts(self, uploads: Sequence[ArtifactUpload], *, consume: bool = False) -> list[StoredObject]:
        batch = ArtifactBatch(
            root=self._root,
            incoming=self._incoming,
            reserve_bytes=self._settings.min_free_bytes,
            uploads=uploads,
            consume=consume,
        )
        try:
            return await self._threads.run(batch.store)
        except asyncio.CancelledError:
            await self._threads.run(batch.undo)
            raise

    async def fetch(self, key: str, destination: Path) -> None:
        stop = threading.Event()
        await self._threads.run(self._fetch, require_key(key), destination, None, stop, stop=stop)

    async def stat(self, key: str) -> StoredObject | None:
        return await self._threads.run(self._stat, require_key(key))

    async def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        require_range(start, end)
        file = await self._threads.run(self._open, require_key(key))
        try:
            if start:
                file.seek(start)
            while end is None or start < end:
                wanted = self._settings.stream_chunk_bytes if end is None else end - start
                chunk = await self._threads.run(file.read, min(wanted, self._settings.stream_chunk_bytes))
                if not chunk:
                    return
                start += len(chunk)
                yield chunk
        finally:
            file.close()

    async def delete(self, key: str) -> None:
        await self._threads.run(self._delete, require_key(key))

    async def list_objects(self, prefix: str, *, after: str = "", limit: int) -> list[ListedObject]:
        return await self._threads.run(self._list, require_prefix(prefix), after, limit)

    def download_url(self, key: str, *, expires_in: timedelta, filename: str, media_type: str) -> str:
        if self._signer is None:
            raise Unavailable(
                "This process cannot sign download links.",
                remedy="Set RAYFARM_STORAGE_SIGNING_KEY, for example to the output of: openssl rand -hex 32",
            )
        lifetime = min(expires_in, self._settings.max_url_lifetime)
        return f"/v1/files/{self._signer.sign(key, filename, media_type, datetime.now(UTC) + lifetime)}"

    async def sweep(self) -> int:
        return await self._threads.run(self._sweep)

    async def check(self) -> None:
        await self._threads.run(self._check)

    async def close(self) -> None:
        await self._threads.close()

    def _open(self, key: str) -> BinaryIO:
        with files.disk_errors(self._root):
            try:
                descriptor = os.open(self._root / key, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                raise ObjectNotFound(f"Storage holds no {key}.", key=key) from None
            return os.fdopen(descriptor, "rb", buffering=0)

    def _fetch(self, key: str, destination: Path, digest: str | None, stop: threading.Event) -> None:
        with self._open(key) as source, files.disk_errors(destination.parent):
            destination.parent.mkdir(parents=True, exist_ok=True)
            target, temporary = files.create_temporary(destination.parent, mode=0o644)
            try:
                with target:
                    files.copy_bytes(source, target, stop=stop)
                    if digest is not None:
                        os.fchmod(target.fileno(), 0o444)
                if digest is not None:
                    with temporary.open("rb", buffering=0) as copy:
                        if files.sha256_of(copy, stop=stop) != digest and not stop.is_set():
                            raise self._set_aside(digest, source)
                if stop.is_set():
                    temporary.unlink()
                else:
                    temporary.replace(destination)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise

    def _set_aside(self, digest: str, source: BinaryIO) -> BlobDamaged:
        """Take a damaged blob out of sight, so that the next upload of it heals the store."""
        stored = files.sha256_of(source)
        if stored != digest:
            with suppress(FileNotFoundError):
                (self._root / blob_key(digest)).rename(self._damaged / f"{digest}.{time.time_ns()}")
        log.error("blob damaged", extra={"action": "storage.blob_damaged", "digest": digest, "actual": stored})
        return BlobDamaged(
            f"The stored bytes of blob {digest} have changed.",
            remedy=f"Upload that file again. What was found is kept in {self._damaged}; check the disk.",
            digest=digest,
        )

    def _stat(self, key: str) -> StoredObject | None:
        try:
            file = self._open(key)
        except ObjectNotFound:
            return None
        with file, files.disk_errors(self._root):
            size_bytes = os.fstat(file.fileno()).st_size
            if key.startswith("blobs/"):
                digest, media_type = require_digest(key.rpartition("/")[2]), "application/octet-stream"
            else:
                digest, media_type = read_label(file, key)
            return StoredObject(key=key, size_bytes=size_bytes, sha256=digest, media_type=media_type)

    def _delete(self, key: str) -> None:
        path = self._root / key
        with files.disk_errors(self._root), suppress(FileNotFoundError):
            path.unlink()
            files.prune_empty_folders(path.parent, root=self._root / key.partition("/")[0])

    def _list(self, prefix: str, after: str, limit: int) -> list[ListedObject]:
        with files.disk_errors(self._root):
            return list_folder(self._root, prefix, after=after, limit=limit)

    def _sweep(self) -> int:
        oldest = time.time() - self._settings.abandoned_upload_age.total_seconds()
        swept = 0
        with files.disk_errors(self._incoming), os.scandir(self._incoming) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # another process sweeps too, or the upload has just ended
                    if entry.stat(follow_symlinks=False).st_mtime < oldest:
                        Path(entry.path).unlink()
                        swept += 1
        swept += sweep_local_parts(self._settings)
        if swept:
            log.info("abandoned uploads removed", extra={"action": "storage.swept", "count": swept})
        return swept

    def _check(self) -> None:
        with files.disk_errors(self._root):
            files.require_free(self._root, wanted_bytes=0, reserve_bytes=self._settings.min_free_bytes)
            file, path = files.create_temporary(self._incoming)
            try:
                with file:
                    files.write_all(file, b"rayfarm")
            finally:
                path.unlink()


class _Upload:
    """One blob on its way to disk; every method runs in a thread, one at a time."""

    def __init__(self, *, intake: Intake, folder: Path, reserve_bytes: int, wanted_bytes: int) -> None:
        self._intake = intake
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._wanted_bytes = wanted_bytes
        self._file: BinaryIO | None = None
        self._path: Path | None = None

    def append(self, piece: bytes) -> None:
        self._intake.feed(piece)
        with files.disk_errors(self._folder):
            files.require_free(
                self._folder,
                wanted_bytes=max(len(piece), self._wanted_bytes - self._intake.received_bytes),
                reserve_bytes=self._reserve_bytes,
            )
            files.write_all(self._opened(), piece)

    def commit(self, target: Path, root: Path) -> int:
        size_bytes = self._intake.finish()
        with files.disk_errors(self._folder):
            file, path = self._opened(), self._path
            assert path is not None
            os.fchmod(file.fileno(), files.BLOB_FILE)
            os.fsync(file.fileno())
            file.close()
            files.sync_folders(files.move_into_place(path, target, root=root))
        return size_bytes

    def discard(self) -> None:
        if self._file is not None and self._path is not None:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):  # a commit that failed late has moved it: whole and checked, it may stay
                self._path.unlink()

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._file, self._path = files.create_temporary(self._folder)
        return self._file
