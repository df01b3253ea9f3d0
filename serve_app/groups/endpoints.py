"""``/v1/projects/{slug}/shows``, ``…/shots`` and ``…/tags``: the words that jobs are found by, with counts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from db.repositories.job_lists import GroupRow, list_shots, list_shows, list_tags
from serve_app.dependencies import PageQuery, Tx
from serve_app.filters import Text
from serve_app.groups.schemas import GroupView, ShowView
from serve_app.paging import Page, cursor_of
from serve_app.security import Access

router = APIRouter(prefix="/projects", tags=["jobs"])

Slug = Annotated[str, Path(max_length=63)]


@router.get("/{slug}/shows", name="list_shows")
async def list_all_shows(slug: Slug, access: Access, tx: Tx, page: PageQuery) -> Page[ShowView]:
    """Shows that jobs of the project name, by name."""
    after = page.after(str)
    rows = await list_shows(tx, project_id=access.project_id, after=after[0] if after else None, limit=page.limit + 1)
    shown = rows[: page.limit]
    return Page(
        items=[ShowView(**_facts_of(row), shots=row.shots) for row in shown], next_cursor=_next(rows, page.limit)
    )


@router.get("/{slug}/shots", name="list_shots")
async def list_all_shots(
    slug: Slug,
    access: Access,
    tx: Tx,
    page: PageQuery,
    show: Annotated[Text, Query(min_length=1, max_length=100, description="Whose shots.")],
) -> Page[GroupView]:
    """Shots of one show that jobs of the project name, by name."""
    after = page.after(str)
    rows = await list_shots(
        tx, project_id=access.project_id, show=show, after=after[0] if after else None, limit=page.limit + 1
    )
    return Page(items=[GroupView(**_facts_of(row)) for row in rows[: page.limit]], next_cursor=_next(rows, page.limit))


@router.get("/{slug}/tags", name="list_tags")
async def list_all_tags(slug: Slug, access: Access, tx: Tx, page: PageQuery) -> Page[GroupView]:
    """Tags that jobs of the project have, by name."""
    after = page.after(str)
    rows = await list_tags(tx, project_id=access.project_id, after=after[0] if after else None, limit=page.limit + 1)
    return Page(items=[GroupView(**_facts_of(row)) for row in rows[: page.limit]], next_cursor=_next(rows, page.limit))


def _facts_of(row: GroupRow) -> dict[str, object]:
    return {
        "name": row.name,
        "jobs": row.jobs,
        "live": row.live,
        "failed": row.failed,
        "last_created_at": row.last_created_at,
    }


def _next(rows: list[GroupRow], limit: int) -> str | None:
    return cursor_of(rows[limit - 1].name) if len(rows) > limit else None
