"""How many models a project may have, and what their manifests take of its storage: nothing ever removes one."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from db._query import run
from db.repositories.projects import get_project
from db.session import Transaction
from jobs.errors import Conflict


class TooManyModels(Conflict):
    """The project has as many models as this farm allows."""

    code: ClassVar[str] = "too-many-models"


async def require_place_for_model(tx: Transaction, *, project_id: UUID, limit: int) -> None:
    """Raises ``TooManyModels``. Locks the project, so that no two requests take the same place.

    Ask for its quotas first: who stores a blob and registers it in one transaction locks those before the project.
    """
    await get_project(tx, project_id=project_id, hold=True)
    count: int = (await run(tx, "count_models", project_id=project_id)).scalar_one()
    if count >= limit:
        raise TooManyModels(
            f"The project has {count:,} models, each version of a scene counted; {limit:,} are allowed.",
            remedy="Render versions that are registered already, use another project, or ask the operator to raise"
            " RAYFARM_LIMITS_MAX_MODELS_PER_PROJECT.",
            limit=limit,
            setting="RAYFARM_LIMITS_MAX_MODELS_PER_PROJECT",
        )
