"""Reads the health of the loops."""

from __future__ import annotations

from db.repositories.loops import LoopRow, list_loops
from db.session import Transaction
from serve_app.loops.schemas import LoopView
from serve_app.paging import Page
from serve_app.services import ApiServices


async def list_all(tx: Transaction, *, services: ApiServices) -> Page[LoopView]:
    """Every loop of every cluster."""
    slack_s = services.settings.loop_slack.total_seconds()
    return Page(items=[_view_of(row, slack_s) for row in await list_loops(tx)])


def is_overdue(row: LoopRow, slack_s: float) -> bool:
    """Whether it has been silent for longer than its pause and the slack allow."""
    return row.silent_s > row.every_ms / 1000 + slack_s


def _view_of(row: LoopRow, slack_s: float) -> LoopView:
    overdue = is_overdue(row, slack_s)
    return LoopView(
        name=row.name,
        cluster=row.cluster_id,
        ok=row.failures == 0 and not overdue,
        overdue=overdue,
        ran_at=row.ran_at,
        every_ms=row.every_ms,
        took_ms=row.took_ms,
        handled=row.handled,
        failures=row.failures,
        error=row.error,
    )
