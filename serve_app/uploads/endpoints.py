"""``/v1/uploads``: a large blob in parts, which go to the storage directly and survive a crash of either side."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from serve_app.dependencies import PublicUrl, Services, Unit
from serve_app.openapi import problems
from serve_app.security import Access
from serve_app.uploads import service
from serve_app.uploads.schemas import NewUpload, UploadState, UploadView

router = APIRouter(prefix="/uploads", tags=["blobs"])


@router.post(
    "",
    status_code=201,
    responses={200: {"model": UploadView, "description": "It is under way already."}, **problems(409, 413, 429)},
)
async def begin_upload(
    new: NewUpload, response: Response, access: Access, unit: Unit, services: Services, public_url: PublicUrl
) -> UploadView:
    """Begin to send a blob in parts, or go on with it: uploads of one digest in a project are one upload."""
    view, is_new = await service.begin(unit, services, project_id=access.project_id, new=new, public_url=public_url)
    response.status_code = 201 if is_new else 200
    return view


@router.get("/{upload_id}")
async def read_upload(
    upload_id: UUID, access: Access, unit: Unit, services: Services, public_url: PublicUrl
) -> UploadView:
    """Which parts are there, and fresh links to the others."""
    return await service.read(unit, services, project_id=access.project_id, upload_id=upload_id, public_url=public_url)


@router.post(
    "/{upload_id}:complete",
    responses={202: {"model": UploadView, "description": "It is still being verified: ask again."}},
)
async def complete_upload(
    upload_id: UUID, response: Response, access: Access, unit: Unit, services: Services, public_url: PublicUrl
) -> UploadView:
    """Have the whole read and checked against its digest; only then is it a blob. May be asked again at any time."""
    view = await service.complete(
        unit, services, project_id=access.project_id, upload_id=upload_id, public_url=public_url
    )
    response.status_code = 200 if view.state is UploadState.COMPLETE else 202
    return view


@router.delete("/{upload_id}", status_code=204, response_class=Response, responses=problems(409))
async def drop_upload(upload_id: UUID, access: Access, unit: Unit, services: Services) -> Response:
    """Give it up: its parts are removed. A blob that it became stays."""
    await service.drop(unit, services, project_id=access.project_id, upload_id=upload_id)
    return Response(status_code=204)
