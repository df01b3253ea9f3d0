"""``/v1/projects/{slug}/usage|budget|credits|quotas``: what a project used, and may use."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from starlette.responses import StreamingResponse

from db.billing import money, quotas
from db.edits import hold_edit
from jobs.billing import Quotas, UsageGroup
from jobs.errors import InvalidInput
from jobs.spec import Day, Moment
from serve_app.billing import service
from serve_app.billing.export import ExportFormat, export_lines
from serve_app.billing.schemas import (
    BudgetChange,
    BudgetView,
    CreditsView,
    CreditView,
    NewCredit,
    PrepaidChange,
    QuotasChange,
    QuotasView,
    UsageView,
)
from serve_app.conditional import CHANGES, READS, IfMatch, IfNoneMatch, answer
from serve_app.dependencies import Audit, PageQuery, Services, Tx, Unit
from serve_app.openapi import problems
from serve_app.security import Access

router = APIRouter(prefix="/projects/{slug}", tags=["billing"])

Slug = Annotated[str, Path(max_length=63)]
_EXPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Rows of the ledger, the oldest first.",
        "content": {each.media_type: {"schema": {"type": "string"}} for each in ExportFormat},
    }
}


@router.get("/usage")
async def read_usage(
    slug: Slug,
    access: Access,
    tx: Tx,
    page: PageQuery,
    by: Annotated[UsageGroup, Query(description="What the sums are for.")] = UsageGroup.DAY,
    since: Annotated[Day | None, Query(description="First day, UTC; absent: of this month.")] = None,
    until: Annotated[Day | None, Query(description="Last day, included; absent: today.")] = None,
) -> UsageView:
    """What the project used, by day, job or pool, to the last committed frame."""
    return await service.usage(tx, project_id=access.project_id, group=by, since=since, until=until, page=page)


@router.get("/usage/export", response_class=StreamingResponse, responses=_EXPORT)
async def export_usage(
    slug: Slug,
    access: Access,
    unit: Unit,
    services: Services,
    since: Annotated[Moment, Query(description="From this time on, with its zone.")],
    until: Annotated[Moment, Query(description="To before this time.")],
    format: Annotated[ExportFormat, Query()] = ExportFormat.CSV,
) -> StreamingResponse:
    """Each row of the ledger and each day of storage, streamed. Times that are over give the same rows for ever."""
    project_id = access.project_id
    await unit.end()  # no transaction is open while the client reads
    return StreamingResponse(
        export_lines(services.database, project_id=project_id, since=since, until=until, format=format),
        media_type=format.media_type,
        headers={"Content-Disposition": f'attachment; filename="usage.{format}"', "Cache-Control": "no-store"},
    )


@router.get("/budget", response_model=BudgetView, responses=READS)
async def read_budget(
    slug: Slug, response: Response, access: Access, tx: Tx, if_none_match: IfNoneMatch = None
) -> BudgetView | Response:
    """What the project has spent, and may spend."""
    view = await service.budget(tx, project_id=access.project_id)
    return answer(view, service.budget_version(view), response=response, if_none_match=if_none_match)


@router.put("/budget", response_model=BudgetView, responses=CHANGES)
async def set_budget(
    slug: Slug,
    change: BudgetChange,
    response: Response,
    access: Access,
    tx: Tx,
    trail: Audit,
    if_match: IfMatch = None,
) -> BudgetView | Response:
    """Set the budget. Where it is spent nothing more starts, and frames that render finish; a larger one lets the work
    go on."""
    await hold_edit(tx, "budget", access.project_id)
    before = await service.budget(tx, project_id=access.project_id)
    service.budget_version(before).require(if_match)
    amount = None if change.amount is None else Decimal(change.amount)
    await money.set_budget(tx, project_id=access.project_id, budget=amount, period=change.period, by=access.name)
    after = await service.budget(tx, project_id=access.project_id)
    facts = {"amount", "period"}
    trail.note("budget", slug, before=before.model_dump(include=facts), after=after.model_dump(include=facts))
    return answer(after, service.budget_version(after), response=response)


@router.get("/credits")
async def read_credits(slug: Slug, access: Access, tx: Tx, page: PageQuery) -> CreditsView:
    """What the project has paid in advance, and what is left of it."""
    return await service.credits_of(tx, project_id=access.project_id, page=page)


@router.post(
    "/credits",
    status_code=201,
    responses={200: {"model": CreditView, "description": "This payment is known."}, **problems(409)},
)
async def add_credit(
    slug: Slug, new: NewCredit, response: Response, access: Access, tx: Tx, trail: Audit
) -> CreditView:
    """Add a payment."""
    amount = Decimal(new.amount)
    if not amount:
        raise InvalidInput("A payment of nothing is none.", field="amount", remedy="Name an amount.")
    row, is_new = await money.add_credit(
        tx,
        project_id=access.project_id,
        amount=amount,
        reference=new.reference,
        note=new.note,
        by=access.name,
    )
    response.status_code = 201 if is_new else 200
    view = service.credit_view(row)
    if is_new:
        trail.note("credit", row.id, after={"amount": view.amount, "reference": view.reference, "note": view.note})
    else:
        trail.nothing_changed()
    return view


@router.put("/prepaid")
async def set_prepaid(
    slug: Slug, change: PrepaidChange, access: Access, tx: Tx, page: PageQuery, trail: Audit
) -> CreditsView:
    """Say whether the project pays in advance."""
    before = await money.read_money(tx, project_id=access.project_id)
    await money.set_prepaid(tx, project_id=access.project_id, prepaid=change.prepaid, by=access.name)
    trail.note("prepaid", slug, before={"prepaid": before.prepaid}, after={"prepaid": change.prepaid})
    return await service.credits_of(tx, project_id=access.project_id, page=page)


@router.get("/quotas", response_model=QuotasView, responses=READS)
async def read_quotas(
    slug: Slug, response: Response, access: Access, tx: Tx, if_none_match: IfNoneMatch = None
) -> QuotasView | Response:
    """What the project may have at most."""
    view = await service.quotas_of(tx, project_id=access.project_id)
    return answer(view, service.quotas_version(view), response=response, if_none_match=if_none_match)


@router.put("/quotas", response_model=QuotasView, responses=CHANGES)
async def set_quotas(
    slug: Slug,
    change: QuotasChange,
    response: Response,
    access: Access,
    tx: Tx,
    trail: Audit,
    if_match: IfMatch = None,
) -> QuotasView | Response:
    """Set all quotas of the project. What is over a lower one stays; nothing new is let in."""
    await hold_edit(tx, "quotas", access.project_id)
    before = await service.quotas_of(tx, project_id=access.project_id)
    service.quotas_version(before).require(if_match)
    await quotas.set_quotas(tx, project_id=access.project_id, quotas=Quotas(**change.model_dump()), by=access.name)
    trail.note("quotas", slug, before=before.quotas.model_dump(), after=change.model_dump())
    view = await service.quotas_of(tx, project_id=access.project_id)
    return answer(view, service.quotas_version(view), response=response)
