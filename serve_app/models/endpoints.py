"""``/v1/models``: register a version of a scene, and read what its first opening found."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from models.kinds import ModelKind
from models.manifest import MAX_PATH_BYTES
from serve_app.conditional import CHANGES, READS, IfMatch, IfNoneMatch, answer
from serve_app.dependencies import Audit, PageQuery, PublicUrl, Services, Tx, Unit
from serve_app.filters import CreatedQuery, NamePart
from serve_app.large_bodies import LargeBodyRoute
from serve_app.models import files, service
from serve_app.models.schemas import ModelChange, ModelDetail, ModelFileView, ModelState, ModelView, NewModel
from serve_app.openapi import problems
from serve_app.paging import Page
from serve_app.security import Access

router = APIRouter(prefix="/models", tags=["models"], route_class=LargeBodyRoute)


@router.post(
    "",
    status_code=202,
    responses={
        200: {"model": ModelDetail, "description": "The project has this version already."},
        202: {"description": "It is being opened for the first time; `?wait=` on its address tells the end."},
        **problems(409),
    },
)
async def register_model(
    new: NewModel, response: Response, access: Access, unit: Unit, services: Services, trail: Audit
) -> ModelDetail:
    """Register a model of blobs that were uploaded before: a file is one, or the chunks that it is cut into."""
    row, created = await service.register(unit, services, project_id=access.project_id, new=new)
    response.status_code = 202 if created else 200
    if created:
        trail.note("model", row.id, after={"name": row.name, "kind": row.kind, "digest": row.digest})
    else:
        trail.nothing_changed()
    await unit.end()
    response.headers["Location"] = f"/v1/models/{row.id}"
    return await service.detail_of_registered(services, new, row)


@router.get("")
async def list_models(
    access: Access,
    tx: Tx,
    page: PageQuery,
    created: CreatedQuery,
    state: Annotated[list[ModelState] | None, Query(description="Only models in one of these states.")] = None,
    kind: Annotated[list[ModelKind] | None, Query(description="Only models of one of these kinds.")] = None,
    name: NamePart = None,
    sort: Annotated[service.ModelSort, Query(description="What the list goes by.")] = service.ModelSort.NEWEST,
) -> Page[ModelView]:
    """Models of the project, newest first unless `sort` says otherwise. A cursor is of one order and its filters."""
    wanted = service.ModelFilter(states=state or (), kinds=kind or (), name_part=name, created=created)
    return await service.list_page(tx, project_id=access.project_id, page=page, wanted=wanted, sort=sort)


@router.get("/{model_id}", response_model=ModelDetail, responses=READS)
async def read_model(
    model_id: UUID,
    response: Response,
    access: Access,
    unit: Unit,
    services: Services,
    wait: Annotated[
        float, Query(ge=0, description="Seconds to wait for the end of the probe; the farm's own ceiling applies.")
    ] = 0,
    if_none_match: IfNoneMatch = None,
) -> ModelDetail | Response:
    """One model: its state, the report of its probe, the files that it lacks, and what to do about them."""
    model = await service.read(unit, services, project_id=access.project_id, model_id=model_id, wait_s=wait)
    return answer(model, service.version_of(model), response=response, if_none_match=if_none_match)


@router.get("/{model_id}/file", responses=problems(413))
async def read_model_file(
    model_id: UUID,
    access: Access,
    unit: Unit,
    services: Services,
    public_url: PublicUrl,
    path: Annotated[
        str | None, Query(max_length=MAX_PATH_BYTES, description="As in the manifest; none: the main file.")
    ] = None,
) -> ModelFileView:
    """One file of the model, by links to its bytes: for viewers, which open it beside the farm."""
    return await files.read(
        unit, services, project_id=access.project_id, model_id=model_id, path=path, public_url=public_url
    )


@router.patch("/{model_id}", response_model=ModelDetail, responses={**CHANGES, **problems(403)})
async def change_model(
    model_id: UUID,
    change: ModelChange,
    response: Response,
    access: Access,
    tx: Tx,
    trail: Audit,
    if_match: IfMatch = None,
) -> ModelDetail | Response:
    """Mark a model to be kept warm, or no longer. Replicas notice within seconds."""
    before = await service.require_model(tx, project_id=access.project_id, model_id=model_id, hold=True)
    model = await service.change(tx, project_id=access.project_id, model_id=model_id, change=change, if_match=if_match)
    trail.note_change(
        "model",
        model_id,
        project_id=access.project_id,
        before={"keep_warm": before.keep_warm},
        after={"keep_warm": model.keep_warm},
    )
    return answer(model, service.version_of(model), response=response)
