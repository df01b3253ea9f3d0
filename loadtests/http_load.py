"""A client that costs little: keep-alive connections that ask one address again and again, and note each time.

A client library would spend more on a request than the server does, and hide what is measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """One address behind one server."""

    server: str
    """What the server is called in the figures."""
    what: str
    """What the address is called there."""
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def request(self) -> bytes:
        """The bytes of a GET."""
        parts = urlsplit(self.url)
        lines = [f"GET {parts.path or '/'} HTTP/1.1", f"Host: {parts.netloc}", "Accept: application/json"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def ask(target: Target, *, requests: int) -> list[float]:
    """Milliseconds of each of ``requests`` requests, one after the other on one connection."""
    return await _run(target, connections=1, requests=requests, seconds=None)


async def press(target: Target, *, connections: int, seconds: float) -> float:
    """Requests per second of that many connections, each with one request under way, over that time."""
    begun = time.perf_counter()
    taken = await _run(target, connections=connections, requests=None, seconds=seconds)
    return len(taken) / (time.perf_counter() - begun)


async def _run(target: Target, *, connections: int, requests: int | None, seconds: float | None) -> list[float]:
    parts = urlsplit(target.url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    loop = asyncio.get_running_loop()
    ends_at = None if seconds is None else time.perf_counter() + seconds
    taken: list[float] = []
    lines = [_Line(target, taken, requests=requests, ends_at=ends_at) for _ in range(connections)]
    for line in lines:
        await loop.create_connection(lambda line=line: line, host, port)  # type: ignore[misc]
    await asyncio.gather(*(line.done for line in lines))
    return taken


class _Line(asyncio.Protocol):
    """One connection: a request, its whole answer, the next request."""

    def __init__(self, target: Target, taken: list[float], *, requests: int | None, ends_at: float | None) -> None:
        self._target, self._request = target, target.request()
        self._taken = taken
        self._left, self._ends_at = requests, ends_at
        self._buffer = b""
        self._begun = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or len(body) < self._length_of(head):
            return
        now = time.perf_counter()
        self._taken.append((now - self._begun) * 1000)
        self._buffer = b""
        if self._left is not None:
            self._left -= 1
        if self._left == 0 or (self._ends_at is not None and now >= self._ends_at):
            self._end()
        else:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError(f"{self._target.url} closed the connection."))

    def _ask(self) -> None:
        self._begun = time.perf_counter()
        self._transport.write(self._request)

    def _end(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
        self._transport.close()

    def _length_of(self, head: bytes) -> int:
        status, _, rest = head.partition(b"\r\n")
        if b" 200 " not in status:
            raise RuntimeError(f"{self._target.url} answered {status.decode()}.")
        for line in rest.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                return int(value)
        raise RuntimeError(f"{self._target.url} answers without a Content-Length.")
