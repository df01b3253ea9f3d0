"""``/v1/projects/{slug}/service-accounts`` and ``/v1/farm/service-accounts``: programs that own keys."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from serve_app.dependencies import Audit, PageQuery, Services, Tx
from serve_app.keys.schemas import MadeKey
from serve_app.openapi import problems
from serve_app.paging import Page
from serve_app.security import Access
from serve_app.service_accounts import service
from serve_app.service_accounts.schemas import NewFarmService, NewProjectService, NewServiceKey, ServiceAccountView

router = APIRouter(prefix="/projects/{slug}/service-accounts", tags=["access"])
farm_router = APIRouter(prefix="/farm/service-accounts", tags=["access"])

Slug = Annotated[str, Path(max_length=63)]


@router.get("")
async def list_service_accounts(slug: Slug, access: Access, tx: Tx, page: PageQuery) -> Page[ServiceAccountView]:
    """The service accounts of the project, newest first. Its list of members has them too."""
    return await service.list_page(tx, page, project_id=access.project_id)


@router.post("", status_code=201)
async def create_service_account(
    slug: Slug, asked: NewProjectService, access: Access, tx: Tx, trail: Audit
) -> ServiceAccountView:
    """An account for a program of this project. PUT /v1/projects/{slug}/members/{id} changes its role."""
    return await service.create(tx, access, trail, project_id=access.project_id, name=asked.name, role=asked.role)


@router.delete("/{account_id}", status_code=204)
async def delete_service_account(slug: Slug, account_id: UUID, access: Access, tx: Tx, trail: Audit) -> None:
    """End a service account, and all its keys with it, now."""
    await service.delete(tx, access, trail, account_id, project_id=access.project_id)


@router.post("/{account_id}/keys", status_code=201, responses=problems(409))
async def create_service_key(
    slug: Slug, account_id: UUID, asked: NewServiceKey, access: Access, tx: Tx, services: Services, trail: Audit
) -> MadeKey:
    """A key of a service account. The answer is the only time that its secret is shown; /v1/keys lists and ends it."""
    return await service.create_key(
        tx, services.settings, access, trail, account_id, asked, project_id=access.project_id
    )


@farm_router.get("")
async def list_farm_service_accounts(access: Access, tx: Tx, page: PageQuery) -> Page[ServiceAccountView]:
    """The service accounts of the whole farm."""
    return await service.list_page(tx, page, project_id=None)


@farm_router.post("", status_code=201)
async def create_farm_service_account(
    asked: NewFarmService, access: Access, tx: Tx, trail: Audit
) -> ServiceAccountView:
    """An account for a program that works on the whole farm. PATCH /v1/accounts/{id} changes its role."""
    return await service.create(tx, access, trail, project_id=None, name=asked.name, role=asked.role)


@farm_router.delete("/{account_id}", status_code=204)
async def delete_farm_service_account(account_id: UUID, access: Access, tx: Tx, trail: Audit) -> None:
    """End a service account of the whole farm, and all its keys with it, now."""
    await service.delete(tx, access, trail, account_id, project_id=None)


@farm_router.post("/{account_id}/keys", status_code=201, responses=problems(409))
async def create_farm_service_key(
    account_id: UUID, asked: NewServiceKey, access: Access, tx: Tx, services: Services, trail: Audit
) -> MadeKey:
    """A key of a service account of the whole farm; /v1/farm/keys lists and ends it."""
    return await service.create_key(tx, services.settings, access, trail, account_id, asked, project_id=None)
