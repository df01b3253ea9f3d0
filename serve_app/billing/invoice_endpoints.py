"""``/v1/projects/{slug}/invoices|billing``: what a project owes for each month, and who it is."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from db.billing import invoices
from db.billing.profiles import BillingProfile, read_profile, set_profile
from db.edits import hold_edit
from serve_app.billing.documents import DocumentFormat, as_csv, negotiated, split_suffix, summary_of, view_of
from serve_app.billing.endpoints import Slug
from serve_app.billing.invoice_schemas import (
    InvoiceSummary,
    InvoiceView,
    NewCreditNote,
    ProfileChange,
    ProfileView,
)
from serve_app.billing.service import row_id
from serve_app.conditional import CHANGES, READS, IfMatch, IfNoneMatch, answer, version_by_content
from serve_app.dependencies import Audit, PageQuery, Services, Tx, Unit
from serve_app.openapi import problems
from serve_app.paging import Page, cursor_of
from serve_app.security import Access

router = APIRouter(prefix="/projects/{slug}", tags=["billing"])

_NUMBER = r"^[A-Za-z0-9.-]+$"
Number = Annotated[str, Path(max_length=40, pattern=_NUMBER, description="May end in `.json`, `.csv` or `.pdf`.")]
_DOCUMENT: dict[int | str, dict[str, Any]] = {
    200: {
        "model": InvoiceView,
        "description": "The document, by its suffix or by `Accept`.",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/pdf": {"schema": {"type": "string", "format": "binary"}},
        },
    },
    **problems(406),
}


@router.get("/invoices")
async def list_invoices(slug: Slug, access: Access, tx: Tx, page: PageQuery) -> Page[InvoiceSummary]:
    """Invoices and credit notes of the project, the newest first."""
    before = page.after(row_id)
    rows = await invoices.list_invoices(
        tx, project_id=access.project_id, before=row_id(before[0]) if before else None, limit=page.limit + 1
    )
    shown = rows[: page.limit]
    return Page(
        items=[summary_of(row) for row in shown],
        next_cursor=cursor_of(shown[-1].serial) if len(rows) > page.limit else None,
    )


@router.get("/invoices/{number}", response_class=Response, responses=_DOCUMENT)
async def read_invoice(
    slug: Slug, number: Number, request: Request, access: Access, unit: Unit, services: Services
) -> Response:
    """One invoice or credit note, as JSON, CSV or PDF."""
    number, form = split_suffix(number)
    form = form or negotiated(request.headers.get("accept"))
    tx = await unit.begin()
    row = await invoices.read_invoice(tx, project_id=access.project_id, number=number)
    view = view_of(row, await invoices.lines_of(tx, row.serial))
    await unit.end()
    headers = {"Vary": "Accept", "Cache-Control": "private, no-cache"}
    if form is DocumentFormat.JSON:
        return Response(view.model_dump_json(), headers=headers, media_type=form.media_type)
    headers["Content-Disposition"] = f'attachment; filename="{number}.{form}"'
    content: str | bytes = as_csv(view)
    if form is DocumentFormat.PDF:  # some ten milliseconds of CPU for each page
        content = await asyncio.to_thread(services.printer.print, view)
    return Response(content, headers=headers, media_type=form.media_type)


@router.post(
    "/invoices/{number}/credit-notes",
    status_code=201,
    responses={200: {"model": InvoiceView, "description": "This correction is known."}, **problems(409)},
)
async def add_credit_note(
    slug: Slug,
    number: Annotated[str, Path(max_length=40, pattern=_NUMBER)],
    new: NewCreditNote,
    response: Response,
    access: Access,
    tx: Tx,
    trail: Audit,
) -> InvoiceView:
    """Take an invoice back, or a part of it: invoices themselves never change. Budgets and credits stay as they are."""
    row, is_new = await invoices.add_credit_note(
        tx,
        project_id=access.project_id,
        number=number,
        amount=Decimal(new.amount),
        reference=new.reference,
        reason=new.reason,
        by=access.name,
    )
    response.status_code = 201 if is_new else 200
    if is_new:
        trail.note("invoice", row.number, after={"corrects": number, "amount": new.amount, "reason": new.reason})
    else:
        trail.nothing_changed()
    return view_of(row, ())


@router.get("/billing", response_model=ProfileView, responses=READS)
async def read_billing(
    slug: Slug, response: Response, access: Access, tx: Tx, if_none_match: IfNoneMatch = None
) -> ProfileView | Response:
    """Whom the project's invoices are for."""
    view = _view(await read_profile(tx, project_id=access.project_id))
    return answer(view, version_by_content(view), response=response, if_none_match=if_none_match)


@router.put("/billing", response_model=ProfileView, responses=CHANGES)
async def set_billing(
    slug: Slug,
    change: ProfileChange,
    response: Response,
    access: Access,
    tx: Tx,
    trail: Audit,
    if_match: IfMatch = None,
) -> ProfileView | Response:
    """Say whom the project's invoices are for, from the next one on. What the request does not name stays as it is."""
    await hold_edit(tx, "billing", access.project_id)
    before = _view(await read_profile(tx, project_id=access.project_id))
    version_by_content(before).require(if_match)
    await set_profile(tx, project_id=access.project_id, changes=change.model_dump(exclude_unset=True))
    after = _view(await read_profile(tx, project_id=access.project_id))
    trail.note("billing", slug, before=before.model_dump(), after=after.model_dump())
    return answer(after, version_by_content(after), response=response)


def _view(profile: BillingProfile) -> ProfileView:
    return ProfileView(recipient=profile.recipient, tax_id=profile.tax_id, stripe_customer=profile.stripe_customer)
