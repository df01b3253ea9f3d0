"""Reads a tar of small blobs as it streams in, and takes nothing but plain files that are named by their digest.

The format is that of POSIX.1-1988 (ustar); the library reads each 512-byte header and checks its sum. No extension of
pax or GNU is needed for such names, so none is taken: links, devices, folders, sparse files, long names and attributes
are refused by their type, before a byte of what they announce is read.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass

from jobs.errors import InvalidInput, TooLarge
from storage.base import UploadIncomplete

_BLOCK = tarfile.BLOCKSIZE
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FORMAT = "Send a plain ustar archive of regular files, each named by its SHA-256: no folders, links or long names."


class TarRefused(InvalidInput):
    """The archive is no plain tar of files that are named by their digest."""

    code = "tar-refused"


class BatchTooLarge(TooLarge):
    """The archive, or a file in it, is larger than this farm takes in one request."""

    code = "batch-too-large"


@dataclass(frozen=True, slots=True, kw_only=True)
class TarFile:
    """One file of the archive."""

    digest: str
    """As it is named; whether the bytes have it is still to be seen."""
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TarLimits:
    """What one archive may hold."""

    files: int
    file_bytes: int
    archive_bytes: int


async def read_tar(chunks: AsyncIterator[bytes], limits: TarLimits) -> AsyncIterator[TarFile]:
    """The files, one at a time. Raises TarRefused, BatchTooLarge or UploadIncomplete where it goes wrong."""
    blocks = _Blocks(chunks, limits.archive_bytes)
    files = 0
    while (header := await blocks.take(_BLOCK)).strip(b"\0"):
        entry = _entry_of(header, files + 1)
        files += 1
        if files > limits.files:
            raise _too_large(f"The archive holds more than {limits.files} files.", limits.files)
        if entry.size > limits.file_bytes:
            raise _too_large(
                f"The file {entry.name} has {entry.size} bytes; in an archive a file may have {limits.file_bytes}.",
                limits.file_bytes,
            )
        content = await blocks.take(entry.size)
        await blocks.take(-entry.size % _BLOCK)
        yield TarFile(digest=entry.name, content=content)
    await blocks.require_only_zeros()


def _entry_of(header: bytes, number: int) -> tarfile.TarInfo:
    try:
        entry = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise TarRefused(f"Entry {number} of the archive has no valid header: {error}.", remedy=_FORMAT) from error
    if entry.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        raise TarRefused(f"Entry {number} of the archive is no plain file (type {entry.type!r}).", remedy=_FORMAT)
    if not _DIGEST.fullmatch(entry.name):
        raise TarRefused(
            f"Entry {number} of the archive is named {entry.name[:80]!a}, which is no SHA-256.", remedy=_FORMAT
        )
    if entry.size < 0:
        raise TarRefused(f"Entry {number} of the archive has a negative size.", remedy=_FORMAT)
    return entry


class _Blocks:
    """A stream of bytes, taken in pieces of the wished size."""

    def __init__(self, chunks: AsyncIterator[bytes], max_bytes: int) -> None:
        self._chunks = chunks
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._received_bytes = 0

    async def take(self, size_bytes: int) -> bytes:
        while len(self._buffer) < size_bytes:
            chunk = await self._next()
            if chunk is None:
                raise UploadIncomplete(
                    f"The archive ended after {self._received_bytes} bytes, before its end mark.",
                    remedy="Send it again; what came before is kept, and lacking no longer.",
                    received_bytes=self._received_bytes,
                )
            self._buffer += chunk
        taken = bytes(memoryview(self._buffer)[:size_bytes])
        del self._buffer[:size_bytes]
        return taken

    async def require_only_zeros(self) -> None:
        """Behind the first empty block only padding may come."""
        rest: bytes | None = bytes(self._buffer)
        while rest is not None:
            if rest.strip(b"\0"):
                raise TarRefused("There are bytes behind the end mark of the archive.", remedy=_FORMAT)
            rest = await self._next()

    async def _next(self) -> bytes | None:
        chunk = await anext(self._chunks, None)
        if chunk is not None:
            self._received_bytes += len(chunk)
            if self._received_bytes > self._max_bytes:
                raise _too_large(f"The archive has more than {self._max_bytes} bytes.", self._max_bytes)
        return chunk


def _too_large(message: str, limit: int) -> BatchTooLarge:
    return BatchTooLarge(
        message,
        remedy="Send the files in several archives and large ones alone, within what `accepts` of "
        "POST /v1/blobs/lacking says, or ask the operator to raise the RAYFARM_API_BATCH_ settings.",
        limit=limit,
    )
