"""``/v1/parts/{token}``: takes parts on local disk by signed link; the signature is the permission."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from jobs.errors import NotFound
from serve_app.dependencies import Services
from serve_app.maintenance.gate import refuse_changes
from serve_app.openapi import problems
from serve_app.uploads import service

router = APIRouter(prefix="/parts", tags=["blobs"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.put(
    "/{token}",
    status_code=204,
    response_class=Response,
    openapi_extra=_BODY,
    responses=problems(403, 404, 408, 413, 422, 429, 503),
)
async def write_part(token: str, request: Request, services: Services) -> Response:
    """One part of an upload, of exactly the size that its link is for; sent again, it replaces the first."""
    if services.part_signer is None:
        raise NotFound("This farm takes no parts of its own.", remedy="Use the links of GET /v1/uploads/{id}.")
    part = services.part_signer.verify(token)
    async with services.database.transaction() as tx:  # ended before the body, which may take hours
        await refuse_changes(request, tx, services)
    await service.write_part(services, part, request.stream())
    return Response(status_code=204)
