"""``/v1/projects/{slug}/usage-reports``: what Stripe was told of a project, and what is not known to have arrived."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from db.billing import usage_reports
from db.billing.usage_reports import ReportRow
from jobs.invoicing import ReportUnit
from serve_app.billing.endpoints import Slug
from serve_app.dependencies import Audit, PageQuery, Tx
from serve_app.openapi import problems
from serve_app.paging import Page, cursor_of
from serve_app.security import Access

router = APIRouter(prefix="/projects/{slug}/usage-reports", tags=["billing"])


class ReportState(StrEnum):
    """``unclear``: it may have arrived, and is not sent again before somebody has looked. ``failed``: it is too old to
    be taken. ``void``: another one stands for it."""

    PENDING = "pending"
    SENT = "sent"
    UNCLEAR = "unclear"
    FAILED = "failed"
    VOID = "void"


class UsageReportView(BaseModel):
    """What was used in a time, of one unit."""

    id: UUID = Field(description="The `identifier` of the meter event at Stripe.")
    customer: str
    unit: ReportUnit
    meter: str
    value: int
    since: dt.datetime
    until: dt.datetime = Field(description="Not included; the event's time is a second before.")
    state: ReportState
    attempts: int
    error: str | None = Field(description="Of the last attempt.")
    replaces: UUID | None = Field(description="The void report whose usage this is.")
    made_at: dt.datetime
    ended_at: dt.datetime | None


class Resolution(BaseModel):
    """What was found at Stripe."""

    model_config = ConfigDict(extra="forbid")

    arrived: Annotated[
        StrictBool, Field(description="false: the same usage is reported anew, under another identifier.")
    ]


@router.get("")
async def list_usage_reports(slug: Slug, access: Access, tx: Tx, page: PageQuery) -> Page[UsageReportView]:
    """Reports of the project's usage, the newest first."""
    after = page.after(_instant, UUID)
    rows = await usage_reports.list_reports(
        tx,
        project_id=access.project_id,
        before=(_instant(after[0]), UUID(after[1])) if after else None,
        limit=page.limit + 1,
    )
    shown = rows[: page.limit]
    return Page(
        items=[_view(row) for row in shown],
        next_cursor=cursor_of(shown[-1].made_at.isoformat(), shown[-1].id) if len(rows) > page.limit else None,
    )


@router.post("/{report_id}/resolve", responses=problems(409))
async def resolve_usage_report(
    slug: Slug, report_id: UUID, resolution: Resolution, access: Access, tx: Tx, trail: Audit
) -> UsageReportView:
    """Tell whether an unclear report has arrived, after a look at the meter's events at Stripe."""
    row = await usage_reports.resolve_report(
        tx, project_id=access.project_id, report_id=report_id, arrived=resolution.arrived
    )
    trail.note("usage_report", row.id, before={"state": ReportState.UNCLEAR}, after={"state": row.state})
    return _view(row)


def _instant(text: str) -> dt.datetime:
    at = dt.datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(text)
    return at


def _view(row: ReportRow) -> UsageReportView:
    return UsageReportView(**{name: getattr(row, name) for name in UsageReportView.model_fields})
