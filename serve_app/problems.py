"""Every error as problem+json (RFC 9457): a stable type, the cause in words, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.routing import Match

from jobs.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    RayfarmError,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from serve_app.auth.errors import TooManyLogins
from serve_app.literal_paths import LiteralPath
from serve_app.places import TooManyAtOnce
from serve_app.rates.errors import RateLimited
from serve_app.validation import MOST_ERRORS, FieldError, cause_of, describe_errors, sentence, unknown_remedy

log = structlog.get_logger(__name__)

TYPE_ROOT = "https://rayfarm.dev/problems/"
MEDIA_TYPE = "application/problem+json"

STATUS: tuple[tuple[type[RayfarmError], HTTPStatus], ...] = (
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Unauthorized, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The first that fits; TooLarge is an InvalidInput and stands before it."""

RETRY_AFTER_SECONDS = 2
"""Said with 503 and 429: a restart of the database or of a replica takes about as long."""

_NO_OBJECT = frozenset({"model_attributes_type", "model_type", "dict_type"})
"""What pydantic says of a body that is text, a list or a number."""

_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

_PLAIN_REMEDIES = {
    HTTPStatus.BAD_REQUEST: "Send a body of valid JSON in UTF-8, not nested too deep, with Content-Type: "
    "application/json.",
    HTTPStatus.NOT_FOUND: "The routes of this API are listed at /docs.",
    HTTPStatus.METHOD_NOT_ALLOWED: "See the Allow header, or /docs.",
}


class RequestStalled(RayfarmError):
    """No byte of the request's body came for too long, so it was given up."""

    code = "request-stalled"


class RangeNotSatisfiable(RayfarmError):
    """The file has no such bytes."""

    code = "range-not-satisfiable"


class CodedBody(RayfarmError):
    """The body of the request is compressed, which this farm does not take."""

    code = "content-coding-unsupported"


class RenderFailed(RayfarmError):
    """The picture that the request waited for was not rendered."""

    code = "render-failed"


class NotAcceptable(RayfarmError):
    """The answer cannot have any of the media types that Accept names."""

    code = "not-acceptable"


class PreconditionFailed(RayfarmError):
    """It is not the version that If-Match names."""

    code = "precondition-failed"


_EDGE_STATUS: dict[type[RayfarmError], HTTPStatus] = {
    RequestStalled: HTTPStatus.REQUEST_TIMEOUT,
    RangeNotSatisfiable: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    CodedBody: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    RenderFailed: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    TooManyAtOnce: HTTPStatus.TOO_MANY_REQUESTS,
    TooManyLogins: HTTPStatus.TOO_MANY_REQUESTS,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
}


_TURNED_AWAY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class Problem(BaseModel):
    """Why a request failed (RFC 9457). ``type`` and ``code`` are stable; the words may change."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=[f"{TYPE_ROOT}model-not-ready"])
    title: str = Field(description="What kind of problem this is.")
    status: int
    code: str = Field(description="The last segment of the type.", examples=["model-not-ready"])
    detail: str = Field(description="What went wrong this time.")
    remedy: str | None = Field(None, description="What to do about it.")
    instance: str | None = Field(None, description="The path that was asked for.")
    request_id: str | None = Field(None, description="Stands in the farm's log beside this request.")
    errors: list[FieldError] | None = Field(None, description="Each field that is wrong.")


def status_of(error: RayfarmError) -> HTTPStatus:
    """The HTTP status of an error of the farm."""
    for kind, status in (*_EDGE_STATUS.items(), *STATUS):
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def problem_response(request: Request, error: RayfarmError, *, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a request that failed with an error of the farm."""
    status = status_of(error)
    extra = dict(headers or {})
    if status is HTTPStatus.UNAUTHORIZED:
        extra["WWW-Authenticate"] = 'Bearer realm="rayfarm"'
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        extra["Retry-After"] = str(error.details.get("retry_after_s", RETRY_AFTER_SECONDS))
    if status is HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and "size_bytes" in error.details:
        extra["Content-Range"] = f"bytes */{error.details['size_bytes']}"
    if isinstance(error, CodedBody):
        extra["Accept-Encoding"] = "identity"  # RFC 9110 section 12.5.3
    return _respond(
        request,
        status=status,
        code=error.code,
        title=_title(type(error)),
        detail=error.message,
        remedy=error.remedy,
        details=error.details,
        headers=extra,
    )


def install_problem_handlers(app: FastAPI) -> None:
    """Make every error of the app and of the framework a problem."""
    app.add_exception_handler(RayfarmError, _on_farm_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)


def server_error(request: Request) -> Response:
    """The answer to a request that met a bug; the cause stands in the log alone."""
    return _respond(
        request,
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        code="internal-error",
        title="The farm met an error of its own.",
        detail="The request failed through no fault of yours.",
        remedy="Try again; if it stays so, give the operator the request_id, which stands in the farm's log.",
    )


async def _on_farm_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RayfarmError)
    if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request failed", action="api.failed", code=error.code, error=error.message)
    return problem_response(request, error)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    raw = found[:MOST_ERRORS]
    causes = [cause for one in raw if (cause := cause_of(one)) is not None]
    if len(raw) == 1 and causes:  # a rule of the domain spoke: its own code and remedy say more than ours
        return problem_response(request, causes[0])
    errors = describe_errors(raw, drop=1)
    remedy = next((one.remedy for one in errors if one.remedy), None) or unknown_remedy(_body_type(request), raw)
    if any(one["type"] == "json_invalid" for one in raw):
        remedy = "Send a body of valid JSON with Content-Type: application/json."
    elif any(one["type"] in _NO_OBJECT and tuple(one["loc"]) == ("body",) for one in raw):
        given = request.headers.get("content-type", "none")
        return _respond(
            request,
            status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE if not _is_json(given) else HTTPStatus.UNPROCESSABLE_ENTITY,
            code=InvalidInput.code,
            title=_title(InvalidInput),
            detail=f"The body is no JSON object; its Content-Type is {given[:100]}.",
            remedy="Send a JSON object with Content-Type: application/json.",
            details={"field": "body"},
        )
    return _respond(
        request,
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code=InvalidInput.code,
        title=_title(InvalidInput),
        detail=sentence(errors, beyond=len(found) - len(raw)),
        remedy=remedy or "See the schema of this request at /docs.",
        details={"field": errors[0].field, "errors": [one.model_dump(exclude_none=True) for one in errors]},
    )


def _body_type(request: Request) -> object:
    """What the route takes as its body; None: nothing."""
    field = getattr(request.scope.get("route"), "body_field", None)
    return field.field_info.annotation if field is not None else None


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, RayfarmError):  # the framework wraps what reading the body raised
        return problem_response(request, error.__cause__)
    if isinstance(error.__cause__, RequestValidationError):
        return await _on_invalid_request(request, error.__cause__)
    if isinstance(error.__cause__, ClientDisconnect):
        return await _on_disconnect(request, error.__cause__)
    status = HTTPStatus(error.status_code)
    code = status.phrase.lower().replace(" ", "-")
    detail, headers = f"{request.method} {request.url.path}: {error.detail}", error.headers
    if status is HTTPStatus.NOT_FOUND:
        code, detail = "route-not-found", f"There is no route {request.url.path}."
    elif status is HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.url.path} does not take {request.method}."
        headers = {**(headers or {}), "Allow": ", ".join(_methods_of(request))}
    return _respond(
        request,
        status=status,
        code=code,
        title=f"{status.phrase}.",
        detail=detail,
        remedy=_PLAIN_REMEDIES.get(status),
        headers=headers,
    )


def _methods_of(request: Request) -> list[str]:
    """What the address takes, of all routes that answer there: the framework names those of the first alone."""
    return [method for method in _METHODS if _takes(request, method)]


def _takes(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    route = next((route for route in request.app.routes if route.matches(scope)[0] is Match.FULL), None)
    return route is not None and not isinstance(route, LiteralPath)


async def _on_disconnect(request: Request, error: Exception) -> Response:
    """Nobody reads this answer; the log tells why the request ended."""
    log.info("client went away", action="api.disconnected", path=request.url.path)
    return _respond(
        request,
        status=HTTPStatus.BAD_REQUEST,
        code="request-cut-off",
        title="The request ended before its body did.",
        detail="The connection was closed in mid-request; nothing of it was kept.",
        remedy="Send it again.",
    )


def _respond(
    request: Request,
    *,
    status: HTTPStatus,
    code: str,
    title: str,
    detail: str,
    remedy: str | None = None,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    if status in _TURNED_AWAY:
        request.app.state.meter.refused(code)
    own = {
        "type": TYPE_ROOT + code,
        "title": title,
        "status": int(status),
        "code": code,
        "detail": detail,
        "remedy": remedy,
        "instance": request.url.path,
        "request_id": request.scope.get("rayfarm.request_id"),
    }
    body = {name: _plain(value) for name, value in (details or {}).items() if name not in own}
    body |= {name: value for name, value in own.items() if value is not None}
    return _ProblemResponse(body, status_code=int(status), headers=dict(headers or {}))


class _ProblemResponse(JSONResponse):
    """Holds what a caller sent, also where that is half of a UTF-16 pair, which no encoding takes."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        # Backslash and code are how JSON itself writes such a character.
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _title(kind: type[RayfarmError]) -> str:
    return (kind.__doc__ or RayfarmError.__doc__ or "").strip().splitlines()[0]


def _plain(value: object) -> Any:
    """Details may hold any object; a problem holds JSON."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)
