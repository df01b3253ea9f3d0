"""The outermost layer of the app: request ids, security headers, who may send a body of what size, bugs."""

from __future__ import annotations

import asyncio
import re
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobs.errors import RayfarmError, TooLarge
from serve_app.deprecations import deprecation_of
from serve_app.problems import CodedBody, RequestStalled, problem_response, server_error
from serve_app.rates.clients import Network, came_by_https
from serve_app.rates.fields import set_fields
from serve_app.rates.gate import SCOPE_KEY

log = structlog.get_logger(__name__)

REQUEST_ID_HEADER = "X-Request-Id"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
"""What we take over from a caller: nothing that could forge a line of the log."""

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cache-Control": "no-store",
}
"""Set where the answer does not say otherwise: pages for people bring a policy of their own."""

_PROBES = "/v1/health/"
_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_MAX_AGE_HTTPS = timedelta(days=365)


class BodyTooLarge(TooLarge):
    """The body of the request is larger than this farm takes."""

    code = "body-too-large"


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """How large a body may be."""

    bytes: int
    setting: str
    """What an operator would raise."""


class Edge:
    """A plain ASGI middleware: streams pass it untouched."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        admit: Callable[[Request], Awaitable[None]],
        gate: Callable[[Request], AbstractAsyncContextManager[None]],
        max_json_bytes: int,
        larger: Mapping[str, BodyLimit],
        strangers: Mapping[str, BodyLimit],
        unlimited: tuple[tuple[str, str], ...],
        trusted_proxies: Sequence[Network],
        body_idle_timeout: timedelta,
        min_body_rate: int,
    ) -> None:
        """``admit`` raises for who may not send a body; ``gate`` lasts as long as a request, and raises for one that is
        not taken at all. ``larger``: paths that take a larger one. ``strangers``: paths
        that take a small one from anybody, because that is how one ceases to be a stranger. ``unlimited``:
        (method, path prefix) of routes that stream their body: they count it, and look at the key, themselves.
        ``min_body_rate``: bytes per second on average, of a body that takes longer than ``body_idle_timeout``."""
        self._app = app
        self._admit = admit
        self._gate = gate
        self._body_idle_timeout = body_idle_timeout
        self._usual = BodyLimit(max_json_bytes, "RAYFARM_API_MAX_JSON_BYTES")
        self._sized = {**larger, **strangers}
        self._strangers = frozenset(strangers)
        self._min_body_rate = min_body_rate
        self._trusted = trusted_proxies
        self._unlimited = unlimited

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["rayfarm.request_id"] = request_id
        if came_by_https(scope, trusted=self._trusted):
            scope["scheme"] = "https"  # links and cookies follow it
        started = False
        began = time.monotonic()

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                if (kind := self._kind_of(scope)) is not None:
                    scope["app"].state.meter.answered(kind, time.monotonic() - began)
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID_HEADER] = request_id
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if (standing := scope.get(SCOPE_KEY)) is not None:
                    set_fields(headers, standing)
                if (ends := deprecation_of(scope.get("route"))) is not None:
                    ends.set_fields(headers)
                if scope.get("scheme") == "https":
                    headers.setdefault("Strict-Transport-Security", f"max-age={int(_MAX_AGE_HTTPS.total_seconds())}")
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                _refuse_codings(scope)
                async with self._gate(Request(scope)):
                    limited = not self._is_unlimited(scope)
                    if limited and scope["method"] in _METHODS_WITH_BODY and scope["path"] not in self._strangers:
                        await self._admit(Request(scope))
                    await self._app(scope, self._patient(scope, receive, limited=limited), send_with_headers)
            except RayfarmError as error:  # within the app its own handlers answer
                if started:
                    raise
                await problem_response(Request(scope), error)(scope, receive, send_with_headers)
            except Exception:
                # As text: a traceback with its locals would write keys into the log.
                log.error(
                    "request met a bug",
                    action="api.bug",
                    method=scope["method"],
                    path=scope["path"],
                    traceback=traceback.format_exc(limit=-20),
                )
                if started:  # too late for an answer: the server cuts the connection, so that nobody takes it for whole
                    raise
                await server_error(Request(scope))(scope, receive, send_with_headers)

    def _kind_of(self, scope: Scope) -> str | None:
        """How fast an answer should come; None: nobody waits for it."""
        if scope["path"].startswith(_PROBES):
            return None
        if self._is_unlimited(scope):
            return "upload"
        headers = Headers(scope=scope)
        wants_picture = scope["method"] == "POST" and "image/" in headers.get("accept", "")
        if wants_picture or "wait" in headers.get("prefer", "") or b"wait=" in scope.get("query_string", b""):
            return "waits"
        return "read" if scope["method"] in ("GET", "HEAD", "OPTIONS") else "write"

    def _is_unlimited(self, scope: Scope) -> bool:
        return any(scope["method"] == method and scope["path"].startswith(prefix) for method, prefix in self._unlimited)

    def _patient(self, scope: Scope, receive: Receive, *, limited: bool) -> Receive:
        """Takes a body at any pace but a crawl, and of bounded size if ``limited``."""
        limit = self._sized.get(scope["path"], self._usual)
        begun = time.monotonic()
        announced = Headers(scope=scope).get("content-length", "")
        received = 0
        complete = False

        async def receive_patiently() -> Message:
            nonlocal received, complete
            if complete:  # what may come is the end of the connection, in its own time
                return await receive()
            if limited and announced.isascii() and announced.isdigit() and int(announced) > limit.bytes:
                raise _too_large(limit)
            try:
                message = await asyncio.wait_for(receive(), self._body_idle_timeout.total_seconds())
            except TimeoutError:
                raise self._stalled() from None
            complete = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if limited and received > limit.bytes:
                raise _too_large(limit)
            if not complete and self._crawls(received, time.monotonic() - begun):
                raise self._too_slow(received)
            return message

        return receive_patiently

    def _stalled(self) -> RequestStalled:
        return RequestStalled(
            f"No byte of the body came for {self._body_idle_timeout.total_seconds():g} s; nothing of it was kept.",
            remedy="Send the whole request again.",
        )

    def _crawls(self, received: int, seconds: float) -> bool:
        return seconds > self._body_idle_timeout.total_seconds() and received < seconds * self._min_body_rate

    def _too_slow(self, received: int) -> RequestStalled:
        return RequestStalled(
            f"The body came at less than {self._min_body_rate} bytes per second ({received} bytes so far); nothing of "
            "it was kept.",
            remedy="Send the request again over a faster line.",
        )


def _refuse_codings(scope: Scope) -> None:
    """RFC 9110 section 8.4. Nothing is unpacked here: a few bytes could become gigabytes."""
    coding = Headers(scope=scope).get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise CodedBody("The body has a Content-Encoding.", remedy="Send it as it is, without one.")


def _too_large(limit: BodyLimit) -> BodyTooLarge:
    return BodyTooLarge(
        f"The body of the request is over {limit.bytes} bytes.",
        remedy=f"Split the request, or ask the operator to raise {limit.setting}.",
        limit_bytes=limit.bytes,
    )


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
