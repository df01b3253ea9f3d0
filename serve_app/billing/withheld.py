"""Why a project's money or quotas keep a job waiting, in words: which one, how much, and who can raise it."""

from __future__ import annotations

from uuid import UUID

from db.billing.quotas import read_quotas
from db.billing.stops import money_stop
from db.repositories.projects import get_project
from db.session import Transaction
from jobs.planning import WaitReason


async def why_withheld(tx: Transaction, *, project_id: UUID, reason: WaitReason) -> str | None:
    """None where it is so no more, and the next plan goes on."""
    if reason is WaitReason.QUOTA:
        project = await get_project(tx, project_id=project_id)
        slug = project.slug if project else ""
        raised = f"An administrator of the farm can raise it: PUT /v1/projects/{slug}"
        quotas = await read_quotas(tx, project_id=project_id)
        named = [
            f"{name} {limit}"
            for name, limit in (("slots", quotas.slots), ("running_jobs", quotas.running_jobs))
            if limit is not None
        ]
        return f"The project's quota is used up ({', '.join(named)}). {raised}/quotas." if named else None
    stop = await money_stop(tx, project_id=project_id)
    return f"{stop.message} {stop.remedy}" if stop is not None else None
