"""Parts of uploads on a local disk: one file each in ``uploads/<id>/``, copied into the blob as it is checked.

The blob is a copy: whoever still holds a part open, in a request that never ends, could otherwise change a blob after
its check. So an upload needs twice its size on the disk until it is complete.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from jobs.errors import Unavailable
from storage import files
from storage._threads import Threads
from storage.base import ObjectNotFound, Storage, UploadIncomplete, UploadTooLarge
from storage.intake import rechunk
from storage.part_links import PartSigner
from storage.parts import STAGING, StagedUpload, require_all
from storage.settings import StorageSettings


class LocalParts:
    """See ``PartUploads`` for what each method promises."""

    def __init__(self, *, settings: StorageSettings, storage: Storage) -> None:
        self._settings = settings
        self._storage = storage
        self._folder = settings.root / STAGING
        self._signer = PartSigner(keys=settings.signing_keys) if settings.signing_keys else None
        self._threads = Threads(threads=settings.threads, name="storage-parts")

    async def begin(self, upload_id: UUID, *, digest: str) -> str:
        def make() -> None:
            with files.disk_errors(self._folder):
                self._folder.mkdir(mode=files.PRIVATE_FOLDER, exist_ok=True)
                self._place(upload_id).mkdir(mode=files.PRIVATE_FOLDER)

        await self._threads.run(make)
        return str(upload_id)

    def part_url(self, upload: StagedUpload, number: int, *, expires_in: timedelta) -> str:
        if self._signer is None:
            raise Unavailable(
                "This process cannot sign upload links.",
                remedy="Set RAYFARM_STORAGE_SIGNING_KEY, for example to the output of: openssl rand -hex 32",
            )
        return f"/v1/parts/{self._signer.sign(upload, number, expires_in=expires_in)}"

    async def write(self, upload_id: UUID, number: int, chunks: AsyncIterator[bytes], *, size_bytes: int) -> None:
        folder = self._place(upload_id)
        if not await self._threads.run(folder.is_dir):
            raise _ended(upload_id)
        file, path = await self._threads.run(files.create_temporary, folder)
        received = 0
        try:
            async for piece in rechunk(chunks, self._settings.stream_chunk_bytes):
                received += len(piece)
                if received > size_bytes:
                    raise UploadTooLarge(
                        f"Part {number} holds more than its {size_bytes} bytes.", limit_bytes=size_bytes
                    )
                with files.disk_errors(folder):
                    files.require_free(folder, wanted_bytes=len(piece), reserve_bytes=self._settings.min_free_bytes)
                    await self._threads.run(files.write_all, file, piece)
            if received < size_bytes:
                raise UploadIncomplete(
                    f"Part {number} ended after {received} of {size_bytes} bytes.",
                    remedy="Send the part again.",
                    announced_bytes=size_bytes,
                    received_bytes=received,
                )
            await self._threads.run(_keep, file.fileno(), path, folder / str(number))
        except FileNotFoundError:
            raise _ended(upload_id) from None
        finally:
            file.close()
            path.unlink(missing_ok=True)

    async def found(self, upload: StagedUpload) -> dict[int, int]:
        return await self._threads.run(self._found, upload.id)

    async def assemble(self, upload: StagedUpload) -> None:
        found = await self.found(upload)
        require_all(upload, found)
        await self._storage.put_blob(upload.digest, self._read(upload), size_bytes=upload.size_bytes)

    async def discard(self, upload_id: UUID, *, reference: str) -> None:
        await self._threads.run(lambda: shutil.rmtree(self._place(upload_id), ignore_errors=True))

    async def close(self) -> None:
        await self._threads.close()

    async def _read(self, upload: StagedUpload) -> AsyncIterator[bytes]:
        for number in range(1, upload.part_count + 1):
            try:
                file = await self._threads.run(_open, self._place(upload.id) / str(number))
            except FileNotFoundError:
                raise _ended(upload.id) from None
            with file:
                while piece := await self._threads.run(file.read, self._settings.stream_chunk_bytes):
                    yield piece

    def _found(self, upload_id: UUID) -> dict[int, int]:
        folder = self._place(upload_id)
        try:
            return {
                int(path.name): path.stat(follow_symlinks=False).st_size
                for path in folder.iterdir()
                if path.name.isdecimal()
            }
        except FileNotFoundError:
            raise _ended(upload_id) from None

    def _place(self, upload_id: UUID) -> Path:
        return self._folder / str(upload_id)


def sweep_local_parts(settings: StorageSettings) -> int:
    """Remove uploads into which nothing was put for longer than one may take; returns how many. Blocking."""
    oldest = time.time() - settings.upload_lifetime.total_seconds()
    folder = settings.root / STAGING
    swept = 0
    for upload in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):  # it has just ended, or another process sweeps too
            if upload.stat(follow_symlinks=False).st_mtime < oldest:
                shutil.rmtree(upload, ignore_errors=True)
                swept += 1
    return swept


def _keep(descriptor: int, path: Path, target: Path) -> None:
    os.fsync(descriptor)
    path.rename(target)


def _open(path: Path) -> BinaryIO:
    return path.open("rb", buffering=0)


def _ended(upload_id: UUID) -> ObjectNotFound:
    return ObjectNotFound(f"The upload {upload_id} has ended.", remedy="Begin it anew: POST /v1/uploads.")
