"""Puts a file together from its chunks: several are fetched at once, and each is written wherever it belongs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from models.errors import UPLOAD_AGAIN, BlobMismatch
from models.manifest import FileChunk

_PARALLEL_CHUNKS = 4
"""Of one file; several files are put together side by side."""
_COPY_BYTES = 1 << 20

Fetch = Callable[[str, Path], Awaitable[None]]
"""Brings the blob of a digest to a path that does not exist yet. A hard link is welcome."""


async def assemble(chunks: Sequence[FileChunk], target: Path, *, scratch: Path, fetch: Fetch) -> None:
    """Write ``target``, which does not exist yet. ``scratch``: an empty folder that nobody else uses.

    Whether it is the file that it is said to be shows its digest, once it is whole. Raises ``BlobMismatch`` for a chunk
    of another size.
    """
    places: dict[FileChunk, list[int]] = {}
    offset = 0
    for chunk in chunks:
        places.setdefault(chunk, []).append(offset)
        offset += chunk.size_bytes
    waiting = iter(places.items())

    async def bring() -> None:
        for chunk, offsets in waiting:  # shared: each worker takes the next
            piece = scratch / f"{chunk.digest}.{chunk.size_bytes}"
            await fetch(chunk.digest, piece)
            await to_the_end(_place, piece, target, chunk, offsets)

    target.touch(exist_ok=False)
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(_PARALLEL_CHUNKS):
                group.create_task(bring(), name=f"assemble-{number}")
    except BaseExceptionGroup as failures:  # the caller knows storage's errors, not groups of them
        raise failures.exceptions[0] from None


async def to_the_end(work: Callable[..., None], *arguments: object) -> None:
    """In a thread; a cancellation waits for it, so that nothing is written after the clean-up."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise


def _place(piece: Path, target: Path, chunk: FileChunk, offsets: Sequence[int]) -> None:
    found = piece.stat().st_size
    if found != chunk.size_bytes:
        raise BlobMismatch(
            f"Blob {chunk.digest} has {found} bytes, the manifest says {chunk.size_bytes}.", remedy=UPLOAD_AGAIN
        )
    with piece.open("rb") as source, target.open("r+b") as file:
        for offset in offsets:
            source.seek(0)
            file.seek(offset)
            while data := source.read(_COPY_BYTES):
                file.write(data)
    piece.unlink()
