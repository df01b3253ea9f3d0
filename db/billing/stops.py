"""What stops a project for want of money, in words, and the refusal of what a person orders anew meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from db.billing.money import read_money
from db.billing.prices import currency_of_farm
from db.repositories.projects import get_project
from db.session import Transaction
from jobs.billing import BudgetPeriod, plain
from jobs.errors import Conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyStop:
    """Nothing more of the project starts."""

    reason: str
    """``budget`` or ``credits``."""
    message: str
    remedy: str
    """Who can raise it, and how."""


async def money_stop(tx: Transaction, *, project_id: UUID) -> MoneyStop | None:
    """None: the project may go on, as far as its money goes."""
    money = await read_money(tx, project_id=project_id)
    if money.stopped not in ("budget", "credits"):
        return None
    project = await get_project(tx, project_id=project_id)
    currency = await currency_of_farm(tx) or ""
    path = f"/v1/projects/{project.slug if project else ''}"
    if money.stopped == "budget" and money.budget is not None:
        when = "this month" if money.period is BudgetPeriod.MONTH else "in all"
        spent, budget = (f"{plain(amount)} {currency}".strip() for amount in (money.spent, money.budget))
        return MoneyStop(
            reason="budget",
            message=f"The project's budget is spent: {spent} of {budget} {when}.",
            remedy=f"An administrator of the farm can raise it: PUT {path}/budget.",
        )
    left = f"{plain(money.balance)} {currency}".strip()
    return MoneyStop(
        reason="credits",
        message=f"The project pays in advance and has {left} left.",
        remedy=f"POST {path}/credits adds a payment.",
    )


async def require_money(tx: Transaction, *, project_id: UUID) -> None:
    """Raises ``Conflict`` where the project's budget or credits are spent."""
    stop = await money_stop(tx, project_id=project_id)
    if stop is not None:
        raise Conflict(stop.message, remedy=stop.remedy, stopped=stop.reason)
