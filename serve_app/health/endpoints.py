"""``/v1/health``: open to load balancers and probes, which have no key."""

from __future__ import annotations

from fastapi import APIRouter, Request

from serve_app.dependencies import Services
from serve_app.health.schemas import Alive, Ready
from serve_app.health.service import check_all
from serve_app.openapi import problems

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def read_live(request: Request) -> Alive:
    """This process answers; it says nothing of what it needs."""
    return Alive(version=request.app.version)


@router.get("/ready", responses=problems(429, 503))
async def read_ready(services: Services) -> Ready:
    """Every dependency that is required answers; else 503 with `checks`."""
    return Ready(checks=await check_all(services))
