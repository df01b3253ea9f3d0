"""The outermost layer of the app: request ids, security headers, the size of JSON bodies, and the answer to a bug."""

from __future__ import annotations

import re
import traceback
import uuid
from datetime import timedelta

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobs.errors import TooLarge
from serve_app.problems import problem_response, server_error

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

_MAX_AGE_HTTPS = timedelta(days=365)


class BodyTooLarge(TooLarge):
    """The body of the request is larger than this farm takes."""

    code = "body-too-large"


class Edge:
    """A plain ASGI middleware: streams pass it untouched."""

    def __init__(self, app: ASGIApp, *, max_json_bytes: int, unlimited: tuple[tuple[str, str], ...]) -> None:
        """``unlimited``: (method, path prefix) of routes that stream their body and count it themselves."""
        self._app = app
        self._max_json_bytes = max_json_bytes
        self._unlimited = unlimited

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["rayfarm.request_id"] = request_id
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID_HEADER] = request_id
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if scope.get("scheme") == "https":
                    headers.setdefault("Strict-Transport-Security", f"max-age={int(_MAX_AGE_HTTPS.total_seconds())}")
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, self._limited(scope, receive), send_with_headers)
            except BodyTooLarge as error:
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

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        if any(scope["method"] == method and scope["path"].startswith(prefix) for method, prefix in self._unlimited):
            return receive
        announced = Headers(scope=scope).get("content-length", "")
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            if announced.isascii() and announced.isdigit() and int(announced) > self._max_json_bytes:
                raise self._too_large()
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > self._max_json_bytes:
                    raise self._too_large()
            return message

        return receive_limited

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(
            f"The body of the request is over {self._max_json_bytes} bytes.",
            remedy="Split the request, or ask the operator to raise RAYFARM_API_MAX_JSON_BYTES.",
            limit_bytes=self._max_json_bytes,
        )


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
