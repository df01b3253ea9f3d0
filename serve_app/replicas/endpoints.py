"""``/v1/replicas``."""

from __future__ import annotations

from fastapi import APIRouter

from serve_app.dependencies import Services, Tx
from serve_app.paging import Page
from serve_app.replicas import service
from serve_app.replicas.schemas import ReplicaView
from serve_app.security import Access

router = APIRouter(prefix="/replicas", tags=["farm"])


@router.get("")
async def list_replicas(access: Access, tx: Tx, services: Services) -> Page[ReplicaView]:
    """The live replicas: what they keep loaded and what they render."""
    return await service.list_live(tx, caller=access, services=services)
