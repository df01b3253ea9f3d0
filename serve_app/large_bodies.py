"""Reads large JSON bodies in a thread, so that the other requests of the process go on meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from jobs.errors import InvalidInput, TooLarge
from models.manifest import MAX_CHUNKS, MAX_FILES
from serve_app.security import PROJECT_SCOPE
from serve_app.services import ApiServices

ON_THE_LOOP_BYTES = 256 * 1024
"""A body up to this is read at once: it takes less than the change to a thread would make others wait."""

_MOST_BRACKETS = 2 * (MAX_FILES + MAX_CHUNKS)
"""Lists and objects of one body. Each costs 50 bytes or more and the collector's time: 16 million fit into 48 MiB."""

_MOST_ERRORS_TOLD = 1000
"""Beyond it none is described: each would become objects first, seconds for a million."""


class LargeBodyRoute(APIRoute):
    """Takes a place of ``manifests`` for a body over ``ON_THE_LOOP_BYTES``, and validates it in a thread."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        field = self.body_field
        if field is None:
            return handle
        taken: Any = field.field_info.annotation
        adapter = TypeAdapter(taken)

        async def handle_large(request: Request) -> Response:
            with ExitStack() as places:
                return await handle(_LargeRequest(request, adapter, places))

        return handle_large


class _LargeRequest(Request):
    """Its JSON, if large, is what the route takes already; the framework passes that on."""

    def __init__(self, request: Request, adapter: TypeAdapter[Any], places: ExitStack) -> None:
        super().__init__(request.scope, request.receive)
        self._adapter = adapter
        self._places = places

    async def json(self) -> Any:
        body = await self.body()
        if len(body) <= ON_THE_LOOP_BYTES:
            return await super().json()
        services: ApiServices = self.app.state.services
        self._places.enter_context(services.manifests.take(self.scope.get(PROJECT_SCOPE)))
        async with services.body_threads:
            return await asyncio.to_thread(_read, self._adapter, body)


def _read(adapter: TypeAdapter[Any], body: bytes) -> Any:
    if body.count(b"[") + body.count(b"{") > _MOST_BRACKETS:
        raise TooLarge(
            f"The body has more than {_MOST_BRACKETS:,} lists and objects.",
            field="body",
            remedy=f"A model has at most {MAX_FILES:,} files and {MAX_CHUNKS:,} chunks; split it.",
        )
    found = json.loads(body)
    try:
        return adapter.validate_python(found)
    except ValidationError as error:
        if error.error_count() > _MOST_ERRORS_TOLD:
            raise InvalidInput(
                f"The body has {error.error_count():,} errors, too many to describe.",
                field="body",
                remedy="See the schema of this request at /docs.",
            ) from None
        errors = error.errors(include_url=False)
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in errors]) from None
