"""``/v1/pipelines``."""

from __future__ import annotations

from fastapi import APIRouter

from serve_app.dependencies import Services, Tx
from serve_app.paging import Page
from serve_app.pipelines import service
from serve_app.pipelines.schemas import CheckedSettings, PipelineView, SettingsCheck
from serve_app.security import Access

router = APIRouter(prefix="/pipelines", tags=["farm"])


@router.get("")
async def list_pipelines(access: Access, tx: Tx, services: Services) -> Page[PipelineView]:
    """Every pipeline of this farm, with the schema of its settings. `fake` renders no scene: for tests of a farm."""
    return await service.list_all(tx, services)


@router.get("/{name}")
async def read_pipeline(name: str, access: Access, tx: Tx, services: Services) -> PipelineView:
    """One pipeline by its name."""
    return await service.read(tx, services, name=name)


@router.post("/{name}/check")
async def check_settings(name: str, asked: SettingsCheck, access: Access, services: Services) -> CheckedSettings:
    """Check settings and split of a job before its scene is sent, and say what the split pays. Nothing is written."""
    return service.check(name=name, asked=asked, max_bytes=services.settings.max_spec_bytes)
