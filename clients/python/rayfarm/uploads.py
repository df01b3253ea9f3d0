"""Brings files to the farm: hashed while they stream, in parallel, and only those that the farm lacks.

Small files go together in archives and large ones in chunks or parts, where the farm takes them so; a farm of before
gets each alone and whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from rayfarm._transport import Transport
from rayfarm.archives import ArchiveLimits, Piece, changed, send_archive
from rayfarm.cutting import CUT_FROM_BYTES, MAX_BYTES, cut
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
    chunks: tuple[Piece, ...] = ()
    """What the farm has it as; none: as one blob."""

    @property
    def content(self) -> dict[str, Any]:
        """As a manifest has it, beside the path."""
        content: dict[str, Any] = {"digest": self.digest, "size_bytes": self.size_bytes}
        if self.chunks:
            content["chunks"] = [{"digest": chunk.digest, "size_bytes": chunk.size_bytes} for chunk in self.chunks]
        return content


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadReport:
    """What an upload came to."""

    blobs: tuple[LocalBlob, ...]
    """In the order of the paths that were given."""
    sent_files: int
    """Of which something was sent."""
    sent_bytes: int
    known_bytes: int = 0
    """What was there already, of files of which something was sent."""


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


def cut_file(path: Path) -> LocalBlob:
    """``hash_file``, and the chunks of a file that is worth cutting."""
    try:
        if path.stat().st_size < CUT_FROM_BYTES:
            return hash_file(path)
        digest, chunks = cut(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    return LocalBlob(path=path, digest=digest, size_bytes=sum(chunk.size_bytes for chunk in chunks), chunks=chunks)


def upload(
    transport: Transport, paths: Sequence[Path], *, on_sent: OnSent | None = None, chunks_beside: int | None = None
) -> UploadReport:
    """Upload what the farm lacks of ``paths``.

    ``chunks_beside``: they are files of a model whose others have so many chunks, so large ones may be sent in chunks
    too; None: each file becomes one blob.
    """
    with ThreadPoolExecutor(PARALLEL_UPLOADS, thread_name_prefix="rayfarm-upload") as pool:
        found = tuple(pool.map(hash_file if chunks_beside is None else cut_file, paths))
        answer = ask(transport, (blob.digest for blob in found))
        blobs = tuple(_as_taken(found, answer, chunks_beside or 0))
        lacking = {*answer.lacking, *_lacking_chunks(transport, blobs)}
        pieces = {piece.digest: piece for blob in blobs for piece in _pieces_of(blob)}
        todo = [piece for piece in pieces.values() if piece.digest in lacking]
        total = sum(piece.size_bytes for piece in todo)
        alone, archives = _sorted_out(todo, answer.archives)

        def send(piece: Piece) -> None:
            if answer.takes_parts and piece.size_bytes >= LARGE_BYTES:
                done = send_in_parts(
                    transport,
                    piece.path,
                    digest=piece.digest,
                    size_bytes=piece.size_bytes,
                    on_sent=lambda count: on_sent(count, total) if on_sent and count else None,
                )
                if done:
                    return
            _send(transport, piece, total=total, on_sent=on_sent)

        def send_together(pieces: list[Piece]) -> None:
            refused = {piece.digest for piece in send_archive(transport, pieces)}
            for piece in pieces:
                if piece.digest in refused:
                    send(piece)  # the farm's own words on it
                elif on_sent:
                    on_sent(piece.size_bytes, total)

        for _ in pool.map(send_together, archives):
            pass
        for _ in pool.map(send, alone):
            pass
    sent = {
        blob.digest: blob.size_bytes for blob in blobs if any(piece.digest in lacking for piece in _pieces_of(blob))
    }
    return UploadReport(
        blobs=blobs, sent_files=len(sent), sent_bytes=total, known_bytes=max(0, sum(sent.values()) - total)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the farm says to "which of these do you lack?"."""

    lacking: list[str]
    accepts: Json

    @property
    def archives(self) -> ArchiveLimits | None:
        return ArchiveLimits.read(self.accepts)

    @property
    def chunks(self) -> int:
        """Of all files of a model; 0: a farm of before, which takes each file as one blob."""
        return int(self.accepts.get("chunks") or 0) if int(self.accepts.get("chunk_bytes") or 0) >= MAX_BYTES else 0

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


def _as_taken(blobs: Sequence[LocalBlob], answer: Answer, chunks_beside: int) -> Iterator[LocalBlob]:
    """Without the chunks of what the farm has as one blob, or takes only so."""
    lacking = set(answer.lacking)
    left = answer.chunks - chunks_beside
    for blob in blobs:
        if blob.digest in lacking and len(blob.chunks) <= left:
            left -= len(blob.chunks)
            yield blob
        else:
            yield replace(blob, chunks=())


def _lacking_chunks(transport: Transport, blobs: Iterable[LocalBlob]) -> list[str]:
    digests = [chunk.digest for blob in blobs for chunk in blob.chunks]
    return ask(transport, digests).lacking if digests else []


def _pieces_of(blob: LocalBlob) -> tuple[Piece, ...]:
    return blob.chunks or (Piece(path=blob.path, digest=blob.digest, size_bytes=blob.size_bytes),)


def _sorted_out(pieces: list[Piece], limits: ArchiveLimits | None) -> tuple[list[Piece], list[list[Piece]]]:
    """What goes alone, and what goes together."""
    small = [piece for piece in pieces if limits is not None and limits.takes(piece)]
    if limits is None or len(small) < 2:
        return pieces, []
    together = {piece.digest for piece in small}
    return [piece for piece in pieces if piece.digest not in together], list(limits.pack(small))


def _send(transport: Transport, piece: Piece, *, total: int, on_sent: OnSent | None) -> None:
    def body() -> Iterator[bytes]:
        """The last piece goes only if all of them make the promised digest: a file that changes is never half sent."""
        digest = hashlib.sha256()
        size = 0
        held = b""
        for read in _read(piece.path, piece.offset, piece.size_bytes):
            digest.update(read)
            size += len(read)
            if held:
                yield held
                if on_sent:
                    on_sent(len(held), total)
            held = read
        if size != piece.size_bytes or digest.hexdigest() != piece.digest:
            raise changed(piece.path)
        yield held
        if on_sent:
            on_sent(len(held), total)

    transport.request(
        "PUT",
        f"/v1/blobs/{piece.digest}",
        body=body,
        headers={"Content-Length": str(piece.size_bytes), "Content-Type": "application/octet-stream"},
    )


def _read(path: Path, offset: int = 0, size_bytes: int | None = None) -> Iterator[bytes]:
    """From ``offset`` on; without a size to the end."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            while read := file.read(READ_BYTES if size_bytes is None else min(READ_BYTES, size_bytes)):
                if size_bytes is not None:
                    size_bytes -= len(read)
                yield read
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path} cannot be read: {error.strerror or error}.")
