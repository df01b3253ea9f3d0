"""``/v1/blobs``: the bytes of models, named by their SHA-256."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from jobs.errors import InvalidInput, NotFound
from models.manifest import MAX_CHUNK_BYTES, MAX_CHUNKS
from serve_app.blobs import batch, service
from serve_app.blobs.schemas import (
    Accepts,
    BatchAnswer,
    BatchItemState,
    BlobView,
    Digest,
    LackingAnswer,
    LackingQuestion,
)
from serve_app.dependencies import Services, Unit
from serve_app.openapi import problems
from serve_app.security import Access

router = APIRouter(prefix="/blobs", tags=["blobs"])

_UPLOAD_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_TAR = "application/x-tar"
_BATCH_BODY = {"requestBody": {"required": True, "content": {_TAR: {"schema": {"type": "string", "format": "binary"}}}}}


@router.post("/lacking")
async def ask_lacking(question: LackingQuestion, access: Access, unit: Unit, services: Services) -> LackingAnswer:
    """Which of these blobs this project still has to upload. Other projects' uploads do not count."""
    lacking = await service.lacking(unit, services, project_id=access.project_id, digests=question.digests)
    settings = services.settings
    accepts = Accepts(
        batch_files=settings.batch_files,
        batch_file_bytes=settings.batch_file_bytes,
        batch_bytes=settings.batch_bytes,
        part_bytes=services.storage_settings.part_bytes if services.takes_parts else None,
        chunks=MAX_CHUNKS,
        chunk_bytes=MAX_CHUNK_BYTES,
    )
    return LackingAnswer(lacking=lacking, accepts=accepts)


@router.post(":batch", openapi_extra=_BATCH_BODY, responses=problems(408, 409, 413, 429))
async def upload_batch(request: Request, access: Access, unit: Unit, services: Services) -> BatchAnswer:
    """Upload thousands of small files as one tar: each a regular file named by its SHA-256, and judged by itself.

    An archive with anything else in it is refused; the files before that place are kept.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TAR:
        raise InvalidInput(f"The body must be {_TAR}.", field="Content-Type", remedy=f"Send Content-Type: {_TAR}.")
    items = await batch.upload_batch(unit, services, project_id=access.project_id, chunks=request.stream())
    return BatchAnswer(items=items, refused=sum(item.state is BatchItemState.REFUSED for item in items))


@router.put(
    "/{digest}",
    openapi_extra=_UPLOAD_BODY,
    responses={
        200: {"description": "The project had this blob already; the bytes were checked all the same."},
        201: {"model": BlobView, "description": "The blob is stored."},
        **problems(408, 409, 429),
    },
)
async def upload_blob(
    digest: Digest,
    request: Request,
    response: Response,
    access: Access,
    unit: Unit,
    services: Services,
    content_length: Annotated[
        int | None, Header(ge=0, description="Lets the farm refuse early, and notice an upload that was cut off.")
    ] = None,
) -> BlobView:
    """Upload a blob as the raw body. Refused bytes, and an upload that is cut off, leave nothing behind."""
    stored = await service.upload(
        unit, services, project_id=access.project_id, digest=digest, chunks=request.stream(), size_bytes=content_length
    )
    response.status_code = 201 if stored.is_new else 200
    return BlobView(digest=digest, size_bytes=stored.size_bytes)


@router.head("/{digest}", response_class=Response, responses={200: {"description": "This project has the blob."}})
async def check_blob(digest: Digest, access: Access, unit: Unit) -> Response:
    """Whether this project has uploaded the blob; `Content-Length` is its size."""
    size_bytes = await service.size_of(unit, project_id=access.project_id, digest=digest)
    if size_bytes is None:
        raise NotFound("This project has not uploaded that blob.")
    return Response(headers={"Content-Length": str(size_bytes)}, media_type="application/octet-stream")
