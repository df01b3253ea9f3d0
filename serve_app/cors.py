"""Which pages of other origins may call the API from a browser: those on the operator's list, and none else."""

from __future__ import annotations

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from jobs.errors import Forbidden
from serve_app.problems import problem_response
from serve_app.settings import ApiSettings

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

SENT = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Prefer",
    "Range",
    "traceparent",
    "tracestate",
    "X-Rayfarm-Project",
    "X-Request-Id",
)
"""Headers that a page may send."""

EXPOSED = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "Deprecation",
    "ETag",
    "Link",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "X-Request-Id",
)
"""Headers of answers that a page may read besides those that it always may."""


class Cors(CORSMiddleware):
    """Starlette's own; a preflight that is refused is a problem like any other."""

    def __init__(self, app: ASGIApp, *, settings: ApiSettings) -> None:
        super().__init__(
            app,
            allow_origins=settings.cors_origins,
            allow_methods=METHODS,
            allow_headers=SENT,
            allow_credentials=settings.cors_credentials,
            expose_headers=EXPOSED,
            max_age=int(settings.cors_max_age.total_seconds()),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_preflight(scope):
            await super().__call__(scope, receive, send)
            return
        answer = self.preflight_response(Headers(scope=scope))
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            refusal = Forbidden(
                f"{bytes(answer.body).decode()}: a page of this origin may not send such a request.",
                remedy="The operator names the origins of pages in RAYFARM_API_CORS_ORIGINS.",
            )
            answer = problem_response(Request(scope), refusal, headers={"Vary": answer.headers["vary"]})
        await answer(scope, receive, send)


def _is_preflight(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "OPTIONS":
        return False
    headers = Headers(scope=scope)
    return "origin" in headers and "access-control-request-method" in headers
