"""Brings files to the farm: hashed while they stream, in parallel, and only those that the farm lacks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rayfarm._transport import Transport
from rayfarm.errors import UsageError

READ_BYTES = 1 << 20
"""Read and sent at once; larger brings nothing on a local disk."""

DIGESTS_PER_QUESTION = 1000
"""Asked about in one request, so that it stays small."""

PARALLEL_UPLOADS = 4
"""A scene has few large files and many small ones, whose round trips are worth overlapping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalBlob:
    """A file by its content."""

    path: Path
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadReport:
    """What an upload came to."""

    blobs: tuple[LocalBlob, ...]
    """In the order of the paths that were given."""
    sent_files: int
    sent_bytes: int


OnSent = Callable[[int, int], None]
"""Called with (bytes sent now, bytes to send in all); from several threads."""


def hash_file(path: Path) -> LocalBlob:
    """Digest of a file, read once in pieces."""
    digest = hashlib.sha256()
    size = 0
    for chunk in _read(path):
        digest.update(chunk)
        size += len(chunk)
    return LocalBlob(path=path, digest=digest.hexdigest(), size_bytes=size)


def upload(transport: Transport, paths: Sequence[Path], *, on_sent: OnSent | None = None) -> UploadReport:
    """Upload what the farm lacks of ``paths``."""
    with ThreadPoolExecutor(PARALLEL_UPLOADS, thread_name_prefix="rayfarm-upload") as pool:
        blobs = tuple(pool.map(hash_file, paths))
        by_digest = {blob.digest: blob for blob in blobs}
        lacking = ask_lacking(transport, by_digest)
        todo = [by_digest[digest] for digest in lacking]
        total = sum(blob.size_bytes for blob in todo)

        def send(blob: LocalBlob) -> None:
            _send(transport, blob, total=total, on_sent=on_sent)

        for _ in pool.map(send, todo):
            pass
    return UploadReport(blobs=blobs, sent_files=len(todo), sent_bytes=total)


def ask_lacking(transport: Transport, digests: Iterable[str]) -> list[str]:
    """Those of ``digests`` that the farm does not hold for this project."""
    wanted = list(dict.fromkeys(digests))
    lacking: list[str] = []
    for start in range(0, len(wanted), DIGESTS_PER_QUESTION):
        part = wanted[start : start + DIGESTS_PER_QUESTION]
        answer = transport.json("POST", "/v1/blobs/lacking", json={"digests": part}, repeatable=True)
        lacking += [digest for digest in answer["lacking"] if digest in part]
    return lacking


def _send(transport: Transport, blob: LocalBlob, *, total: int, on_sent: OnSent | None) -> None:
    def body() -> Iterator[bytes]:
        """The last piece goes only if all of them make the promised digest: a file that changes is never half sent."""
        digest = hashlib.sha256()
        size = 0
        held = b""
        for chunk in _read(blob.path):
            digest.update(chunk)
            size += len(chunk)
            if size > blob.size_bytes:
                break
            if held:
                yield held
                if on_sent:
                    on_sent(len(held), total)
            held = chunk
        if size != blob.size_bytes or digest.hexdigest() != blob.digest:
            raise UsageError(
                f"{blob.path} changed while it was uploaded.", remedy="Wait until it is written, then try again."
            )
        yield held
        if on_sent:
            on_sent(len(held), total)

    transport.request(
        "PUT",
        f"/v1/blobs/{blob.digest}",
        body=body,
        headers={"Content-Length": str(blob.size_bytes), "Content-Type": "application/octet-stream"},
    )


def _read(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(READ_BYTES):
                yield chunk
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from error
