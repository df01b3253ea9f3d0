"""Brings files to the farm: hashed while they stream, in parallel, and only those that the farm lacks.

Small files go together in archives and large ones in parts, where the farm takes them so; a farm of before gets each
alone and whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from rayfarm._transport import Transport
from rayfarm.archives import ArchiveLimits, Piece, changed, send_archive
from rayfarm.errors import FarmRefused, UsageError
from rayfarm.multipart import LARGE_BYTES, send_in_parts
from rayfarm.types import Json

READ_BYTES = 1 << 20
"""Read and sent at once; larger brings nothing on a local disk."""

DIGESTS_PER_QUESTION = 5000
"""Asked about in one request: a third of a megabyte. A farm that takes fewer is asked in halves."""

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
        answer = ask(transport, by_digest)
        todo = [by_digest[digest] for digest in answer.lacking]
        total = sum(blob.size_bytes for blob in todo)
        alone, archives = _sorted_out(todo, answer.archives)

        def send(blob: LocalBlob) -> None:
            if answer.takes_parts and blob.size_bytes >= LARGE_BYTES:
                done = send_in_parts(
                    transport,
                    blob.path,
                    digest=blob.digest,
                    size_bytes=blob.size_bytes,
                    on_sent=lambda count: on_sent(count, total) if on_sent and count else None,
                )
                if done:
                    return
            _send(transport, blob, total=total, on_sent=on_sent)

        def send_together(pieces: list[Piece]) -> None:
            refused = {piece.digest for piece in send_archive(transport, pieces)}
            for piece in pieces:
                if piece.digest in refused:
                    send(by_digest[piece.digest])  # the farm's own words on it
                elif on_sent:
                    on_sent(piece.size_bytes, total)

        for _ in pool.map(send_together, archives):
            pass
        for _ in pool.map(send, alone):
            pass
    return UploadReport(blobs=blobs, sent_files=len(todo), sent_bytes=total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the farm says to "which of these do you lack?"."""

    lacking: list[str]
    accepts: Json

    @property
    def archives(self) -> ArchiveLimits | None:
        return ArchiveLimits.read(self.accepts)

    @property
    def takes_parts(self) -> bool:
        return bool(self.accepts.get("part_bytes"))


def ask(transport: Transport, digests: Iterable[str]) -> Answer:
    """Which of ``digests`` the farm does not hold for this project, and how it takes them."""
    wanted = list(dict.fromkeys(digests))
    lacking: list[str] = []
    accepts: Json = {}
    for start in range(0, len(wanted), DIGESTS_PER_QUESTION):
        part = _ask(transport, wanted[start : start + DIGESTS_PER_QUESTION])
        lacking += part.lacking
        accepts = part.accepts
    return Answer(lacking=lacking, accepts=accepts)


def _ask(transport: Transport, digests: list[str]) -> Answer:
    try:
        answer = transport.json("POST", "/v1/blobs/lacking", json={"digests": digests}, repeatable=True)
    except FarmRefused as refusal:
        if refusal.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE or len(digests) == 1:
            raise
        first, second = (_ask(transport, half) for half in (digests[::2], digests[1::2]))
        return Answer(lacking=first.lacking + second.lacking, accepts=second.accepts)
    asked = set(digests)
    lacking = [digest for digest in answer["lacking"] if digest in asked]
    return Answer(lacking=lacking, accepts=answer.get("accepts") or {})


def _sorted_out(blobs: Sequence[LocalBlob], limits: ArchiveLimits | None) -> tuple[list[LocalBlob], list[list[Piece]]]:
    """What goes alone, and what goes together."""
    pieces = [Piece(path=blob.path, digest=blob.digest, size_bytes=blob.size_bytes) for blob in blobs]
    small = [piece for piece in pieces if limits is not None and limits.takes(piece)]
    if limits is None or len(small) < 2:
        return list(blobs), []
    together = {piece.digest for piece in small}
    return [blob for blob in blobs if blob.digest not in together], list(limits.pack(small))


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
            raise changed(blob.path)
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
