"""``/v1/status``: open to everybody, and tells more to who has a credential."""

from __future__ import annotations

from fastapi import APIRouter, Request

from db.errors import DatabaseUnavailable
from serve_app.dependencies import Services
from serve_app.openapi import problems
from serve_app.security import recognize
from serve_app.status import service
from serve_app.status.schemas import FarmStatus

router = APIRouter(prefix="/status", tags=["health"])


@router.get("", responses=problems(401, 429))
async def read_status(request: Request, services: Services) -> FarmStatus:
    """What of the farm is up. With a credential also who leads, the replicas by state, and the queue by class.

    Answers 200 whatever the state is, also while the database is away; `/v1/health/ready` is for load balancers.
    """
    try:
        async with services.database.transaction() as tx:
            known = await recognize(request, tx, services) is not None
    except DatabaseUnavailable:  # nobody can be recognized, and this is what the answer is about
        known = False
    return await service.read(services, version=request.app.version, whole=known)
