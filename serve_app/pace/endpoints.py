"""``GET /v1/pace``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from serve_app.dependencies import Tx
from serve_app.openapi import problems
from serve_app.pace import service
from serve_app.pace.schemas import PaceView
from serve_app.security import Access

router = APIRouter(tags=["farm"])


@router.get("/pace", responses=problems(403))
async def read_pace(
    access: Access,
    tx: Tx,
    minutes: Annotated[int, Query(ge=1, le=120, description="How far back, the running minute among them.")] = 30,
) -> PaceView:
    """Frames, their cost and how many found their scene loaded, by minute; and how attempts ended."""
    return await service.read(tx, minutes=minutes)
