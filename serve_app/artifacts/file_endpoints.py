"""``/v1/files/{token}``: files of local storage by signed link; the signature is the permission, no key is needed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from jobs.errors import NotFound
from serve_app.artifacts.ranges import etag_of, is_unchanged, requested_range
from serve_app.dependencies import Services
from serve_app.openapi import problems
from storage.base import ObjectNotFound
from storage.disposition import content_disposition

router = APIRouter(prefix="/files", tags=["artifacts"])

_BINARY: dict[str, Any] = {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
_RESPONSES = {
    200: {"description": "The file.", **_BINARY},
    206: {"description": "The range that was asked for.", **_BINARY},
    304: {"description": "The client has this very file."},
    **problems(403, 404, 412, 416, 422, 503),
}


@router.get("/{token}", response_class=StreamingResponse, responses=_RESPONSES)
async def read_file(token: str, request: Request, services: Services) -> Response:
    """One file, whole or a range of it (RFC 9110: Range, If-Range, If-None-Match, If-Match)."""
    if services.signer is None:
        raise NotFound("This farm gives out no links of its own.", remedy="Use the link of the artifact as it is.")
    link = services.signer.verify(token)
    found = await services.storage.stat(link.key)
    if found is None:
        raise ObjectNotFound("The file of this link is not there any more.")
    etag = etag_of(found.sha256)
    life_s = max(0, int((link.expires_at - datetime.now(UTC)).total_seconds()))
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": content_disposition(link.filename),
        "Cache-Control": f"private, immutable, max-age={life_s}",
    }
    if is_unchanged(request.headers, etag):
        return Response(status_code=304, headers=headers)
    headers["Content-Length"] = str(found.size_bytes)
    if request.method == "HEAD":
        return Response(headers=headers, media_type=link.media_type)
    part = requested_range(request.headers, etag=etag, size_bytes=found.size_bytes)
    if part is None:
        content = services.sent_bytes.counted(link.key, services.storage.stream(link.key))
        return StreamingResponse(content, headers=headers, media_type=link.media_type)
    headers["Content-Range"] = part.content_range(found.size_bytes)
    headers["Content-Length"] = str(part.end - part.start)
    content = services.sent_bytes.counted(link.key, services.storage.stream(link.key, start=part.start, end=part.end))
    return StreamingResponse(content, status_code=206, headers=headers, media_type=link.media_type)


@router.head("/{token}", response_class=Response, responses=_RESPONSES)
async def check_file(token: str, request: Request, services: Services) -> Response:
    """What a GET would say of the file, without the file."""
    return await read_file(token, request, services)
