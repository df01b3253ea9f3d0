"""``/v1/loops``."""

from __future__ import annotations

from fastapi import APIRouter

from serve_app.dependencies import Services, Tx
from serve_app.loops import service
from serve_app.loops.schemas import LoopView
from serve_app.openapi import problems
from serve_app.paging import Page
from serve_app.security import Access

router = APIRouter(prefix="/loops", tags=["farm"])


@router.get("", responses=problems(403))
async def list_loops(access: Access, tx: Tx, services: Services) -> Page[LoopView]:
    """The farm's own loops (rescue, clean-up, event delivery …): when each last ran, and how it went."""
    return await service.list_all(tx, services=services)
