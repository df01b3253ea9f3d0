"""Sends many small files as one tar: ten thousand of them cost a handful of round trips instead of ten thousand."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rayfarm._transport import Transport
from rayfarm.errors import UsageError

MOST_FILES = 2000
"""Files in one archive: the farm answers within seconds, and a broken connection costs little."""

MOST_FILE_BYTES = 4 << 20
MOST_BYTES = 32 << 20

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Bytes that are a blob: a file, or a part of one."""

    path: Path
    digest: str
    size_bytes: int
    offset: int = 0
    """Where they begin in the file."""

    def read(self) -> bytes:
        """Raises ``UsageError`` where the file has changed since it was hashed, or cannot be read."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                content = file.read(self.size_bytes)
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror or error}.") from error
        if hashlib.sha256(content).hexdigest() != self.digest:
            raise changed(self.path)
        return content


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """What the farm takes, and no more than is sensible."""

    files: int
    file_bytes: int
    archive_bytes: int

    @classmethod
    def read(cls, accepts: Mapping[str, Any]) -> ArchiveLimits | None:
        """None: a farm of before, which takes each file alone."""
        try:
            return cls(
                files=min(MOST_FILES, int(accepts["batch_files"])),
                file_bytes=min(MOST_FILE_BYTES, int(accepts["batch_file_bytes"])),
                archive_bytes=min(MOST_BYTES, int(accepts["batch_bytes"])),
            )
        except (KeyError, TypeError, ValueError):
            return None

    def takes(self, piece: Piece) -> bool:
        return piece.size_bytes <= self.file_bytes and _archived_bytes(piece) + len(_END) <= self.archive_bytes

    def pack(self, pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
        """Archives within the limits; each piece is one that they take."""
        archive: list[Piece] = []
        size = len(_END)
        for piece in pieces:
            more = _archived_bytes(piece)
            if archive and (len(archive) >= self.files or size + more > self.archive_bytes):
                yield archive
                archive, size = [], len(_END)
            archive.append(piece)
            size += more
        if archive:
            yield archive


def send_archive(transport: Transport, pieces: Sequence[Piece]) -> list[Piece]:
    """Send them as one; returns those that the farm refused."""

    def body() -> Iterator[bytes]:
        for piece in pieces:
            header = tarfile.TarInfo(piece.digest)
            header.size = piece.size_bytes
            padding = bytes(-piece.size_bytes % _BLOCK)
            yield header.tobuf(tarfile.USTAR_FORMAT) + piece.read() + padding
        yield _END

    size_bytes = sum(map(_archived_bytes, pieces)) + len(_END)
    response = transport.request(
        "POST",
        "/v1/blobs:batch",
        body=body,
        headers={"Content-Length": str(size_bytes), "Content-Type": "application/x-tar"},
        repeatable=True,
    )
    refused = {item["digest"] for item in response.json()["items"] if item["state"] == "refused"}
    return [piece for piece in pieces if piece.digest in refused]


def changed(path: Path) -> UsageError:
    return UsageError(f"{path} changed while it was uploaded.", remedy="Wait until it is written, then try again.")


def _archived_bytes(piece: Piece) -> int:
    return _BLOCK + piece.size_bytes + -piece.size_bytes % _BLOCK
