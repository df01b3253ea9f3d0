"""Between the farm and its S3 server: a door on loopback that can be slow, refuse, say that the disk is full, or break.

It reads of the protocol only where a request begins: what a client sends after an answer starts a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from enum import StrEnum
from urllib.parse import urlsplit

_PIECE = 64 * 1024
_WRITES = (b"PUT ", b"POST ")
_READS = (b"GET ", b"HEAD ", b"DELETE ")
_GO_ON = b"HTTP/1.1 100"
_LONGEST_WAIT_S = 0.8
"""Before each piece of a slow connection; a request and its answer are four or more."""


class Mood(StrEnum):
    """What the storage is like."""

    WELL = "well"
    SLOW = "slow"
    FULL = "full"
    """Reads are answered, writes are not."""
    FAILING = "failing"
    """Each request is refused with 503, or its connection breaks before or after the server has done its work."""


class StorageProxy:
    """Runs in a thread of its own from construction to ``stop``."""

    def __init__(self, upstream: str, *, chance: random.Random) -> None:
        parts = urlsplit(upstream)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self._chance = chance
        self.mood = Mood.WELL
        self.harmed = 0
        """Requests that were refused, broken or delayed."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="storage-proxy", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _close(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream: asyncio.StreamWriter | None = None
        try:
            answers, upstream = await asyncio.open_connection(self._host, self._port)
            doomed = asyncio.Event()  # the server does what it was asked, and nobody hears of it
            back = asyncio.create_task(self._answers(answers, writer, doomed), name="storage-answers")
            try:
                await self._requests(reader, upstream, writer, doomed)
            finally:
                back.cancel()
        except (OSError, asyncio.CancelledError):
            pass  # either side has gone, or the proxy ends: both connections close
        finally:
            for each in (writer, upstream):
                if each is not None:
                    with contextlib.suppress(OSError):
                        each.close()

    async def _requests(
        self,
        reader: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
        doomed: asyncio.Event,
    ) -> None:
        while piece := await reader.read(_PIECE):
            mood = self.mood
            begins = piece.startswith((*_WRITES, *_READS))
            if begins and mood is not Mood.WELL:
                self.harmed += 1
            if mood is Mood.SLOW:
                await asyncio.sleep(self._chance.uniform(0, _LONGEST_WAIT_S))
            if mood is Mood.FULL and piece.startswith(_WRITES):
                await _refuse(client, "507 Insufficient Storage", "InsufficientStorage")
                return
            if mood is Mood.FAILING and begins:
                way = self._chance.choice(("refuse", "break", "break behind"))
                if way == "refuse":
                    await _refuse(client, "503 Service Unavailable", "SlowDown")
                if way != "break behind":
                    return
                doomed.set()
            upstream.write(piece)
            await upstream.drain()
        upstream.write_eof()

    async def _answers(
        self, answers: asyncio.StreamReader, client: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := await answers.read(_PIECE):
                if doomed.is_set() and not piece.startswith(_GO_ON):
                    break
                if self.mood is Mood.SLOW:
                    await asyncio.sleep(self._chance.uniform(0, _LONGEST_WAIT_S))
                client.write(piece)
                await client.drain()
            client.close()


async def _refuse(client: asyncio.StreamWriter, status: str, code: str) -> None:
    body = f"<Error><Code>{code}</Code><Message>Chaos</Message></Error>".encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    client.write(head.encode() + b"\r\n" + body)
    await client.drain()
