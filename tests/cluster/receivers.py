"""Receivers of webhooks on loopback: real HTTP servers that keep what they were told, and behave as they are asked."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Post:
    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b""
    hangs: bool = False
    endless: bool = False
    port: int = 0
    posts: list[Post] = field(default_factory=list)
    open: int = 0
    """Connections now."""
    met: asyncio.Event = field(default_factory=asyncio.Event)
    """Somebody has posted."""
    servers_name: str | None = None
    """What the last client asked for in TLS (SNI)."""

    def url(self, host: str = "127.0.0.1", path: str = "/hook", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            line, *head = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in head)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.posts.append(Post(line, headers, body))
            self.met.set()
            if self.hangs:
                await reader.read()
                return
            length = "" if self.endless else f"content-length: {len(self.answer)}\r\n"
            own = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
            writer.write(f"HTTP/1.1 {self.status} X\r\n{own}{length}connection: close\r\n\r\n".encode() + self.answer)
            await writer.drain()
            while self.endless:
                writer.write(b"x" * 65536)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


@asynccontextmanager
async def receiver(
    *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, **behaviour: Any
) -> AsyncIterator[Receiver]:
    made = Receiver(**behaviour)
    if tls is not None:
        tls.sni_callback = lambda _, name, __: setattr(made, "servers_name", name)
    server = await asyncio.start_server(made.serve, host, 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        server.close_clients() if hasattr(server, "close_clients") else None
