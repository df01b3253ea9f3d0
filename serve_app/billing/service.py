"""Answers what a project used, spent and may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from db.billing.money import CreditRow, list_credits, read_money
from db.billing.prices import currency_of_farm
from db.billing.quotas import queued_frames, read_quotas, stored_bytes
from db.billing.reports import UsageSum, storage_days, usage_by
from db.session import Transaction
from jobs.billing import BUDGET_THRESHOLDS, UsageGroup, plain
from jobs.errors import InvalidInput
from serve_app.billing.schemas import (
    BudgetView,
    CreditsView,
    CreditView,
    QuotasChange,
    QuotasView,
    QuotaUse,
    StorageItem,
    UsageItem,
    UsageView,
)
from serve_app.conditional import Version, digest_of
from serve_app.paging import PageRequest, cursor_of

_KEYS: Mapping[UsageGroup, Callable[[str], object]] = {
    UsageGroup.DAY: date.fromisoformat,
    UsageGroup.JOB: UUID,
    UsageGroup.POOL: str,
}


async def usage(
    tx: Transaction, *, project_id: UUID, group: UsageGroup, since: date | None, until: date | None, page: PageRequest
) -> UsageView:
    """Raises ``InvalidInput`` where the time ends before it begins."""
    today = datetime.now(UTC).date()
    until = until or max(today, since or today)
    since = since or until.replace(day=1)
    if until < since:
        raise InvalidInput(
            f"{until} is before {since}.", field="until", remedy="Name the first day as since and the last as until."
        )
    after = page.after(_KEYS[group])
    rows = await usage_by(
        tx,
        group,
        project_id=project_id,
        since=since,
        until=until,
        after=after[0] if after else None,
        limit=page.limit + 1,
    )
    shown = rows[: page.limit]
    stored = [] if after else await storage_days(tx, project_id=project_id, since=since, until=until)
    return UsageView(
        since=since,
        until=until,
        currency=await currency_of_farm(tx),
        items=[_item(group, row) for row in shown],
        next_cursor=cursor_of(shown[-1].key) if len(rows) > page.limit else None,
        storage=[
            StorageItem(
                day=row.day, byte_seconds=plain(row.byte_seconds), bytes_sent=row.bytes_sent, cost=plain(row.cost)
            )
            for row in stored
        ],
    )


async def budget(tx: Transaction, *, project_id: UUID) -> BudgetView:
    row = await read_money(tx, project_id=project_id)
    return BudgetView(
        amount=None if row.budget is None else plain(row.budget),
        period=row.period,
        period_start=row.period_start,
        spent=plain(row.spent),
        spent_ever=plain(row.spent_ever),
        currency=await currency_of_farm(tx),
        thresholds=list(BUDGET_THRESHOLDS),
        stopped=row.stopped,
    )


async def credits_of(tx: Transaction, *, project_id: UUID, page: PageRequest) -> CreditsView:
    before = page.after(row_id)
    row = await read_money(tx, project_id=project_id)
    items = await list_credits(
        tx, project_id=project_id, before=row_id(before[0]) if before else None, limit=page.limit + 1
    )
    shown = items[: page.limit]
    return CreditsView(
        prepaid=row.prepaid,
        balance=plain(row.balance),
        currency=await currency_of_farm(tx),
        items=[credit_view(item) for item in shown],
        next_cursor=cursor_of(shown[-1].id) if len(items) > page.limit else None,
    )


async def quotas_of(tx: Transaction, *, project_id: UUID) -> QuotasView:
    return QuotasView(
        quotas=QuotasChange(**asdict(await read_quotas(tx, project_id=project_id))),
        used=QuotaUse(
            queued_frames=await queued_frames(tx, project_id=project_id),
            stored_bytes=await stored_bytes(tx, project_id=project_id),
        ),
    )


def budget_version(view: BudgetView) -> Version:
    """What an administrator sets of it; what is spent meanwhile is nobody's edit."""
    return Version(digest_of(f"{view.amount} {view.period}"), digest_of(view.model_dump_json()))


def quotas_version(view: QuotasView) -> Version:
    """The same of quotas: what is used of them is nobody's edit."""
    return Version(digest_of(view.quotas.model_dump_json()), digest_of(view.used.model_dump_json()))


def credit_view(row: CreditRow) -> CreditView:
    return CreditView(
        id=row.id,
        amount=plain(row.amount),
        reference=row.reference,
        note=row.note,
        created_by=row.created_by,
        at=row.at,
    )


def seconds(microseconds: int) -> str:
    """Exact, as the ledger counts."""
    return plain(Decimal(microseconds) / 1_000_000)


def _item(group: UsageGroup, row: UsageSum) -> UsageItem:
    return UsageItem(
        **{str(group): row.key},
        frames=row.frames,
        gpu_seconds=seconds(row.gpu_us),
        cpu_seconds=seconds(row.cpu_us),
        stored_bytes=row.stored_bytes,
        wasted_seconds=seconds(row.wasted_us),
        cost=plain(row.cost),
    )


def row_id(text: str) -> int:
    """From a cursor. Raises ``ValueError``."""
    number = int(text)
    if not 0 < number < 2**63:
        raise ValueError(text)
    return number
