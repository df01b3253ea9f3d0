"""The bytes of a ZIP, made while they are sent: files stored as they are, one piece of one of them in memory.

Nothing is deflated: pictures and films are compressed already, and a stored archive has a length that is known before
its first byte, so that a download shows how far it is. Large files and archives are ZIP64 (APPNOTE 4.5.3).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send
from zipstream import ZIP_STORED, ZipStream

Read = Callable[[str], AsyncGenerator[bytes, None]]
"""The bytes of a file by its key in storage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedFile:
    """One file of an archive."""

    path: str
    """Relative, with ``/``, and safe (``jobs.naming``)."""
    storage_key: str
    size_bytes: int


class _Feed:
    """Hands the archive one piece at a time; it asks for none that is not there."""

    __slots__ = ("over", "piece")

    def __init__(self) -> None:
        self.piece: bytes | None = None
        self.over = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece, self.piece = self.piece, None
        if piece is not None:
            return piece
        if self.over:
            raise StopIteration
        raise RuntimeError("the archive asked for a piece before it was there")


class Archive:
    """One ZIP of these files, in this order. ``size_bytes`` is exact."""

    def __init__(self, files: Sequence[ArchivedFile]) -> None:
        self._zip = ZipStream(compress_type=ZIP_STORED, sized=True)
        self._files = [(file, _Feed()) for file in files]
        for file, feed in self._files:
            self._zip.add(feed, file.path, size=file.size_bytes)
        self.size_bytes = len(self._zip)

    async def stream(self, read: Read) -> AsyncGenerator[bytes, None]:
        """Once. Fails where a file is gone or has another size than its row: the client sees a cut download then, and
        never an archive that looks whole and is not."""
        for file, feed in self._files:
            entry = iter(self._zip.file())
            yield next(entry)  # its header
            async with aclosing(read(file.storage_key)) as pieces:
                async for piece in pieces:
                    feed.piece = piece
                    yield await asyncio.to_thread(next, entry)  # its checksum: 1 ms for each MiB, off the loop
            feed.over = True
            for rest in entry:
                yield rest
        for rest in self._zip.finalize():
            yield rest


class ArchiveResponse(StreamingResponse):
    """Stops reading as soon as nobody listens.

    ``stall``: a client that takes no piece for so long gets no more; its download is cut, as of one that has gone.
    """

    def __init__(
        self,
        *,
        archive: Archive,
        read: Read,
        headers: dict[str, str],
        stall: timedelta,
    ) -> None:
        self._content = archive.stream(read)
        self._stall_s = stall.total_seconds()
        super().__init__(
            self._content,
            media_type="application/zip",
            headers={**headers, "Content-Length": str(archive.size_bytes), "Cache-Control": "no-store"},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self._stall_s):
                await send(message)

        async with aclosing(self._content):
            await super().__call__(scope, receive, send_in_time)
