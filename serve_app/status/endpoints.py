"""``/v1/status``: open to everybody, and tells more to who has a credential."""

from __future__ import annotations

from fastapi import APIRouter, Request

from db.accounts import AccountIdentity
from db.errors import DatabaseUnavailable
from db.keys import ApiKeyIdentity
from serve_app.dependencies import Services
from serve_app.openapi import problems
from serve_app.security import recognize
from serve_app.services import ApiServices
from serve_app.status import service
from serve_app.status.schemas import FarmStatus, StatusLinks

router = APIRouter(prefix="/status", tags=["health"])


@router.get("", responses=problems(401, 429))
async def read_status(request: Request, services: Services) -> FarmStatus:
    """What of the farm is up. With a credential also who leads, the replicas by state, and the queue by class.

    Answers 200 whatever the state is, also while the database is away; `/v1/health/ready` is for load balancers.
    """
    try:
        async with services.database.transaction() as tx:
            who = await recognize(request, tx, services)
    except DatabaseUnavailable:  # nobody can be recognized, and this is what the answer is about
        who = None
    status = await service.read(services, version=request.app.version, whole=who is not None)
    return status.model_copy(update={"links": _links(services)}) if _runs_the_farm(who) else status


def _runs_the_farm(who: ApiKeyIdentity | AccountIdentity | None) -> bool:
    match who:
        case ApiKeyIdentity():
            return who.project_id is None
        case AccountIdentity():
            return who.farm_role is not None
        case None:
            return False


def _links(services: ApiServices) -> StatusLinks:
    dashboard, grafana = services.settings.dashboard_url, services.settings.grafana_url
    return StatusLinks(dashboard=str(dashboard) if dashboard else None, grafana=str(grafana) if grafana else None)
