"""The OpenAPI document: FastAPI's own, with every error described as the problem that it is."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serve_app.problems import MEDIA_TYPE, TYPE_ROOT, Problem
from serve_app.webhooks.payloads import describe_webhooks

_WORDS = {
    400: "The request was cut off.",
    401: "No valid API key or access token.",
    403: "The link, key or role does not allow this.",
    404: "There is no such thing in this project.",
    405: "This route does not take that method.",
    406: "The answer cannot have any of the media types that Accept names.",
    408: "The body stopped coming.",
    409: "The state it is in does not allow this.",
    412: "It is not the version that was named.",
    413: "The request is over a limit.",
    415: "The body is of a type, or in a coding, that this route does not take.",
    416: "The file has no such bytes.",
    429: "Too many requests of this kind at once, or in this time.",
    422: "The request is not valid.",
    500: "The farm met an error of its own.",
    503: "Something that the farm needs does not answer.",
}

Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Responses:
    """Declares the problems that a route may answer with, for its ``responses``."""
    return {status: _response(status) for status in statuses}


def install_openapi(app: FastAPI) -> None:
    """Make ``app.openapi()`` build the document once, with the schema of problems in it."""

    def build() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
                license_info=app.license_info,
            )
            _describe_problems(document)
            describe_webhooks(document)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = build  # type: ignore[method-assign] # FastAPI's own way to extend the document


def _describe_problems(document: dict[str, Any]) -> None:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    schemas["Problem"] = schema
    for operation in _operations(document):
        if "422" in operation["responses"]:  # FastAPI puts a schema of its own there
            operation["responses"]["422"] = _response(422)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document.get("paths", {}).values():
        yield from (operation for operation in path.values() if isinstance(operation, dict))


def _response(status: int) -> dict[str, Any]:
    code = HTTPStatus(status).phrase.lower().replace(" ", "-")
    return {
        "description": _WORDS[status],
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": {
                    "type": TYPE_ROOT + code,
                    "title": _WORDS[status],
                    "status": status,
                    "code": code,
                    "detail": "What went wrong this time.",
                    "remedy": "What to do about it.",
                    "instance": "/v1/…",
                    "request_id": "6f9d0c5e",
                },
            }
        },
    }


COMMON_PROBLEMS = problems(401, 403, 404, 413, 415, 422, 429, 500, 503)
"""What any route behind a key may answer with."""
