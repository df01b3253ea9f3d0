"""A provider that sends too much, too slowly, or elsewhere keeps no request of ours; and settings that are not safe."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from jobs.errors import InvalidSettings
from serve_app.oidc.errors import IdentityProviderUnavailable
from serve_app.oidc.fetching import ProviderHttp
from serve_app.oidc.settings import OidcSettings

Write = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(write: Write) -> AsyncIterator[str]:
    """Whatever is asked, ``write`` answers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            await write(writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    finally:
        listening.close()


def answer(body: bytes, status: str = "200 OK", *headers: str) -> Write:
    async def write(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close", "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()

    return write


async def drip(writer: asyncio.StreamWriter) -> None:
    """A byte now and then: no read ever times out."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b" " * 65536)
        await writer.drain()


async def ask(write: Write) -> Any:
    http = ProviderHttp(timeout=timedelta(seconds=0.5), max_bytes=10_000, use_proxies=False)
    try:
        async with server(write) as url:
            return await http.ask("GET", url)
    finally:
        await http.close()


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (drip, "has not answered for 0.5 s"),
        (endless, "more than 10000 bytes"),
        (answer(b"x" * 10_001), "more than 10000 bytes"),
        (answer(gzip.compress(b"[" * 10**6), "200 OK", "Content-Encoding: gzip"), "no JSON"),
        (answer(b"[" * 9_000), "no JSON"),
        (answer(b"[]"), "no JSON object"),
        (answer(b"<html>", "404 Not Found"), "no JSON"),
        (answer(b"{}", "302 Found", "Location: http://169.254.169.254/"), "status 302"),
        (answer(b"{}", "503 Service Unavailable"), "status 503"),
    ],
    ids=["drip", "endless", "large", "packed", "nested", "list", "html", "redirect", "503"],
)
async def test_an_unusable_answer_is_said_to_be_the_providers(write: Write, words: str) -> None:
    with pytest.raises(IdentityProviderUnavailable, match=words):
        await ask(write)


async def test_an_error_in_json_is_read() -> None:
    got = await ask(answer(b'{"error": "invalid_grant"}', "400 Bad Request"))
    assert (got.status, got.body) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"issuer": "http://id.example.org"}, "https"),
        ({"issuer": "http://localhost:1"}, "https"),
        ({"issuer": "https://id.example.org?x=1"}, "https"),
        ({"issuer": "https://user@id.example.org"}, "https"),
        ({"client_id": None}, "need each other"),
        ({"scopes": ("email",)}, "openid"),
        ({"algorithms": ("HS256",)}, "RS256"),
        ({"algorithms": ("none",)}, "RS256"),
        ({"role_map": {"crew": ("artist",)}}, "neither"),
        ({"role_map": {"crew": ("film:admin",)}}, "neither"),
        ({"role_map": {"crew": (":artist",)}}, "neither"),
    ],
    ids=str,
)
def test_settings_that_would_not_be_safe_stop_the_start(values: dict[str, Any], words: str) -> None:
    good = {"issuer": "https://id.example.org", "client_id": "rayfarm"}
    assert OidcSettings(**good).issuer == good["issuer"]
    with pytest.raises(InvalidSettings, match=words):
        OidcSettings(**{**good, **values})
