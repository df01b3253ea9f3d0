"""How a project pays: its budget, and credits that it has paid in advance. Each change writes its event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select

from db._query import run
from db.events import append_project_event
from db.listen import DISPATCH
from db.session import Transaction
from db.tables import CREDIT
from jobs.billing import BudgetPeriod, plain
from jobs.errors import Conflict
from jobs.events import EventKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What a project has spent, and may spend; exact, to the last committed frame."""

    budget: Decimal | None
    period: BudgetPeriod
    period_start: date | None
    """First day of the month; None: of a budget for all time."""
    spent: Decimal
    """In the period."""
    spent_ever: Decimal
    prepaid: bool
    balance: Decimal
    """Credits that are left."""
    stopped: str | None
    """Why nothing more of it starts: ``budget`` or ``credits``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditRow:
    id: int
    amount: Decimal
    reference: str
    note: str
    created_by: str
    at: datetime


_CREDIT = [CREDIT.c[name] for name in CreditRow.__dataclass_fields__]


async def read_money(tx: Transaction, *, project_id: UUID) -> Money:
    """A project that nothing was ever set for pays afterwards, and has no budget."""
    row = (await run(tx, "read_money", project_id=project_id)).mappings().one()
    return Money(**{**row, "period": BudgetPeriod(row["period"])})


async def set_budget(
    tx: Transaction, *, project_id: UUID, budget: Decimal | None, period: BudgetPeriod, by: str
) -> None:
    """From now on; None: none. Work that waited for a larger one goes on with the next plan."""
    before = (await run(tx, "open_billing", project_id=project_id)).one()
    if before.budget == budget and before.period == period:
        return
    await run(tx, "set_budget", project_id=project_id, budget=budget, period=period)
    data = {
        "from": {"budget": _text(before.budget), "period": before.period},
        "to": {"budget": _text(budget), "period": period},
        "by": by,
    }
    await append_project_event(tx, project_id=project_id, kind=EventKind.BUDGET_CHANGED, data=data)
    await run(tx, "notify", channel=DISPATCH, payload="budget")


async def set_prepaid(tx: Transaction, *, project_id: UUID, prepaid: bool, by: str) -> None:
    """Whether credits pay for what is spent from now on. What they have paid for so far stays paid."""
    await run(tx, "open_billing", project_id=project_id)
    if (await run(tx, "set_prepaid", project_id=project_id, prepaid=prepaid)).one_or_none() is None:
        return
    balance = (await read_money(tx, project_id=project_id)).balance
    await append_project_event(
        tx,
        project_id=project_id,
        kind=EventKind.PREPAID_CHANGED,
        data={"prepaid": prepaid, "balance": plain(balance), "by": by},
    )
    await run(tx, "notify", channel=DISPATCH, payload="prepaid")


async def add_credit(
    tx: Transaction, *, project_id: UUID, amount: Decimal, reference: str, note: str, by: str
) -> tuple[CreditRow, bool]:
    """A payment, or with a negative amount a correction; whether it is new.

    The same reference again is the same payment, so that a repeated request adds nothing. Raises ``Conflict`` where it
    had another amount.
    """
    await run(tx, "open_billing", project_id=project_id)
    made = await run(
        tx, "insert_credit", project_id=project_id, amount=amount, reference=reference, note=note, created_by=by
    )
    is_new = made.one_or_none() is not None
    query = select(*_CREDIT).where(CREDIT.c.project_id == project_id, CREDIT.c.reference == reference)
    row = CreditRow(**(await tx.execute(query)).mappings().one())
    if not is_new:
        if row.amount != amount:
            raise Conflict(
                f"The payment {reference!r} is known with the amount {plain(row.amount)}.",
                remedy="Give each payment a reference of its own; a correction is a payment with a negative amount.",
            )
        return row, False
    await append_project_event(
        tx,
        project_id=project_id,
        kind=EventKind.CREDITS_ADDED,
        data={"amount": plain(amount), "reference": reference, "by": by},
    )
    await run(tx, "notify", channel=DISPATCH, payload="credits")
    return row, True


async def list_credits(
    tx: Transaction, *, project_id: UUID, before: int | None = None, limit: int
) -> Sequence[CreditRow]:
    """The newest first, from behind the one that is named on."""
    query = select(*_CREDIT).where(CREDIT.c.project_id == project_id).order_by(CREDIT.c.id.desc()).limit(limit)
    rows = await tx.execute(query if before is None else query.where(CREDIT.c.id < before))
    return [CreditRow(**row) for row in rows.mappings()]


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)
