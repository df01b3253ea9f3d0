"""Why a project's money or quotas keep a job waiting, in words: which one, how much, and who can raise it."""

from __future__ import annotations

from uuid import UUID

from db.billing.money import read_money
from db.billing.prices import currency_of_farm
from db.billing.quotas import read_quotas
from db.repositories.projects import get_project
from db.session import Transaction
from jobs.billing import BudgetPeriod, plain
from jobs.planning import WaitReason


async def why_withheld(tx: Transaction, *, project_id: UUID, reason: WaitReason) -> str | None:
    """None where it is so no more, and the next plan goes on."""
    project = await get_project(tx, project_id=project_id)
    slug = project.slug if project else ""
    raised = f"An administrator of the farm can raise it: PUT /v1/projects/{slug}"
    if reason is WaitReason.QUOTA:
        quotas = await read_quotas(tx, project_id=project_id)
        named = [
            f"{name} {limit}"
            for name, limit in (("slots", quotas.slots), ("running_jobs", quotas.running_jobs))
            if limit is not None
        ]
        return f"The project's quota is used up ({', '.join(named)}). {raised}/quotas." if named else None
    money = await read_money(tx, project_id=project_id)
    currency = await currency_of_farm(tx) or ""
    if money.stopped == WaitReason.BUDGET and money.budget is not None:
        when = "this month" if money.period is BudgetPeriod.MONTH else "in all"
        spent, budget = (f"{plain(amount)} {currency}".strip() for amount in (money.spent, money.budget))
        return f"The project's budget is spent: {spent} of {budget} {when}. {raised}/budget."
    if money.stopped == WaitReason.CREDITS:
        left = f"{plain(money.balance)} {currency}".strip()
        return f"The project pays in advance and has {left} left. POST /v1/projects/{slug}/credits adds a payment."
    return None
