"""The port through which events leave the farm, and its HTTP side."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

import httpx


class NotTaken(Exception):
    """The target did not take the event; the words may be shown to an operator."""


class Deliver(Protocol):
    """Tells one target one event. Returns once the target has it; raises ``NotTaken`` where it has not."""

    async def __call__(self, target: str, payload: Mapping[str, Any]) -> None: ...


class HttpDeliver:
    """An HTTP POST of the event as JSON; any 2xx says that it is taken. Redirects are not followed."""

    def __init__(self, *, timeout: timedelta) -> None:
        self._timeout_s = timeout.total_seconds()
        self._tls = ssl.create_default_context()  # once: it reads every root certificate, some 30 ms of CPU

    async def __call__(self, target: str, payload: Mapping[str, Any]) -> None:
        headers = {"X-Rayfarm-Event-Id": str(payload["id"]), "User-Agent": "rayfarm"}
        try:
            # All of it, and not only each read: a receiver may answer byte by byte for ever.
            async with (
                asyncio.timeout(self._timeout_s),
                httpx.AsyncClient(timeout=self._timeout_s, verify=self._tls) as client,
                client.stream("POST", target, json=payload, headers=headers) as answer,
            ):
                status = answer.status_code  # the body is not read: its length is the receiver's choice
        except TimeoutError as error:
            raise NotTaken(f"No answer within {self._timeout_s:g} s.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotTaken(f"{type(error).__name__}: {error}"[:200]) from error
        if not 200 <= status < 300:
            raise NotTaken(f"HTTP status {status}.")
