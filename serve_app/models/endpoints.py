"""``/v1/models``: register a version of a scene, and read what its first opening found."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from serve_app.dependencies import Audit, PageQuery, Services, Tx, Unit
from serve_app.models import service
from serve_app.models.schemas import ModelChange, ModelDetail, ModelView, NewModel
from serve_app.openapi import problems
from serve_app.paging import Page
from serve_app.security import Access

router = APIRouter(prefix="/models", tags=["models"])


@router.post(
    "",
    status_code=202,
    responses={
        200: {"model": ModelDetail, "description": "The project has this version already."},
        202: {"description": "It is being opened for the first time; `?wait=` on its address tells the end."},
    },
)
async def register_model(new: NewModel, response: Response, access: Access, tx: Tx, trail: Audit) -> ModelDetail:
    """Register a model of blobs that were uploaded before."""
    model, created = await service.register(tx, project_id=access.project_id, new=new)
    response.status_code = 202 if created else 200
    if created:
        trail.note("model", model.id, after={"name": model.name, "kind": model.kind, "digest": model.digest})
    else:
        trail.nothing_changed()
    response.headers["Location"] = f"/v1/models/{model.id}"
    return model


@router.get("")
async def list_models(access: Access, tx: Tx, page: PageQuery) -> Page[ModelView]:
    """Models of the project, newest first."""
    return await service.list_page(tx, project_id=access.project_id, page=page)


@router.get("/{model_id}")
async def read_model(
    model_id: UUID,
    access: Access,
    unit: Unit,
    services: Services,
    wait: Annotated[
        float, Query(ge=0, description="Seconds to wait for the end of the probe; the farm's own ceiling applies.")
    ] = 0,
) -> ModelDetail:
    """One model: its state, the report of its probe, the files that it lacks, and what to do about them."""
    return await service.read(unit, services, project_id=access.project_id, model_id=model_id, wait_s=wait)


@router.patch("/{model_id}", responses=problems(403))
async def change_model(model_id: UUID, change: ModelChange, access: Access, tx: Tx, trail: Audit) -> ModelDetail:
    """Mark a model to be kept warm, or no longer. Replicas notice within seconds."""
    before = await service.require_model(tx, project_id=access.project_id, model_id=model_id)
    model = await service.change(tx, project_id=access.project_id, model_id=model_id, change=change)
    trail.note_change(
        "model",
        model_id,
        project_id=access.project_id,
        before={"keep_warm": before.keep_warm},
        after={"keep_warm": model.keep_warm},
    )
    return model
