"""``/v1/health``: open to load balancers and probes, which have no key."""

from __future__ import annotations

from fastapi import APIRouter, Request

from serve_app.dependencies import Services
from serve_app.health.schemas import Alive, Ready, Started
from serve_app.health.service import check_all, check_schema
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


@router.get("/startup", responses=problems(503))
async def read_startup(services: Services) -> Started:
    """The database has every migration of this release; until then 503, which says what it waits for."""
    state = await check_schema(services)
    return Started(schema_revision=str(state.revision))
