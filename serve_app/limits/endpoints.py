"""``/v1/limits``."""

from __future__ import annotations

from fastapi import APIRouter

from serve_app.dependencies import Services, Tx
from serve_app.limits import service
from serve_app.limits.schemas import LimitsView
from serve_app.security import Access

router = APIRouter(prefix="/limits", tags=["access"])


@router.get("")
async def read_limits(access: Access, tx: Tx, services: Services) -> LimitsView:
    """Every limit that a request, a job or a caller may meet, with its unit, and what of it is used where that is
    known at no cost."""
    return await service.read(tx, caller=access, services=services)
