"""HTTP to addresses that users name: guarded by ``jobs.egress``, bounded in time and size, no redirects, no proxies."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import httpx

from jobs.egress import Egress, EgressRefused

_TRIED_ADDRESSES = 4
"""Of one name: each that does not answer takes its share of the time."""

_BODY_S = 1.0
"""Longest that the beginning of an answer's body is waited for, once its status has come: the status decides."""

_ANSWER_BYTES = 1024


class NotReached(Exception):
    """There was no answer; the words may be shown to the user who named the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Of a receiver."""

    status: int
    headers: Mapping[str, str]
    body: str
    """Its first KiB, as text."""


class GuardedTransport(httpx.AsyncBaseTransport):
    """Resolves a name once, and connects to an address of it that was judged; TLS and Host still speak of the name.

    For any ``httpx.AsyncClient(transport=…, trust_env=False)``. Connections are not kept: one to an address may
    belong to another name. Raises ``EgressRefused``.
    """

    def __init__(self, *, egress: Egress, tls: ssl.SSLContext) -> None:
        self._egress = egress
        self._inner = httpx.AsyncHTTPTransport(
            verify=tls, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        destination = self._egress.parse(str(request.url))
        try:
            addresses = await self._egress.resolve(destination)
        except OSError as error:
            raise httpx.ConnectError(f"The name {destination.host} has no address.") from error
        tried = addresses[:_TRIED_ADDRESSES]
        timeouts = dict(request.extensions.get("timeout") or {})
        if timeouts.get("connect"):
            timeouts["connect"] /= len(tried)
        headers = httpx.Headers(request.headers)
        headers["Host"] = destination.authority
        failure: httpx.TransportError | None = None
        for address in tried:
            to_address = httpx.Request(
                request.method,
                httpx.URL(destination.url).copy_with(host=address),
                headers=headers,
                stream=request.stream,
                extensions={**request.extensions, "timeout": timeouts, "sni_hostname": destination.host},
            )
            try:
                return await self._inner.handle_async_request(to_address)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        assert failure is not None  # there was an address
        raise failure

    async def aclose(self) -> None:
        await self._inner.aclose()


class Outbound:
    """Posts to addresses that users name. One per process."""

    def __init__(self, *, egress: Egress, tls: ssl.SSLContext | None = None) -> None:
        self._egress = egress
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole addresses, and one may hold a secret
        self._tls = tls or ssl.create_default_context()  # once: it reads every root certificate, some 30 ms of CPU

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str], timeout: timedelta) -> Answer:
        """Whatever the receiver answers, also a redirect. Raises ``NotReached`` where nothing comes in time."""
        seconds = timeout.total_seconds()
        own = {"Content-Type": "application/json", "User-Agent": "rayfarm", "Accept-Encoding": "identity"}
        try:
            destination = self._egress.parse(url)
            # All of it, and not only each read: a receiver may answer byte by byte for ever.
            async with (
                asyncio.timeout(seconds),
                httpx.AsyncClient(
                    transport=GuardedTransport(egress=self._egress, tls=self._tls),
                    timeout=seconds,
                    trust_env=False,
                    follow_redirects=False,
                ) as client,
                client.stream("POST", destination.url, content=body, headers={**own, **headers}) as answer,
            ):
                return Answer(status=answer.status_code, headers=answer.headers, body=await _beginning_of(answer))
        except TimeoutError as error:
            raise NotReached(f"No answer within {seconds:g} s.") from error
        except httpx.TimeoutException as error:
            raise NotReached(f"No answer within {seconds:g} s ({type(error).__name__}).") from error
        except EgressRefused as error:
            raise NotReached(str(error)) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise NotReached(f"{type(error).__name__}: {error}"[:300]) from error


async def _beginning_of(answer: httpx.Response) -> str:
    """As it came: what is compressed stays so, whatever it would become."""
    read = b""
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_BODY_S):
            async for piece in answer.aiter_raw():
                read += piece[: _ANSWER_BYTES - len(read)]
                if len(read) >= _ANSWER_BYTES:
                    break
    return read.decode("utf-8", "replace")
