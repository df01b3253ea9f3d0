"""``/v1/projects``: who shares the farm, and how; for its administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from db.repositories.projects import ProjectRow, find_project, list_projects, set_project_weight
from jobs.errors import NotFound
from serve_app.dependencies import Tx
from serve_app.openapi import problems
from serve_app.paging import Page
from serve_app.projects.schemas import ProjectChange, ProjectView
from serve_app.security import Admin

router = APIRouter(prefix="/projects", tags=["farm"])


@router.get("", name="list_projects", responses=problems(403))
async def list_all(access: Admin, tx: Tx) -> Page[ProjectView]:
    """The projects and their shares, by slug."""
    return Page(items=[_view_of(row) for row in await list_projects(tx)])


@router.patch("/{slug}", name="change_project", responses=problems(403))
async def change(
    slug: Annotated[str, Path(max_length=63)], change: ProjectChange, access: Admin, tx: Tx
) -> ProjectView:
    """Change a project's share; it holds from the next plan on."""
    found = await set_project_weight(tx, slug=slug, weight=change.weight) and await find_project(tx, slug=slug)
    if not found:
        raise NotFound(f"There is no project {slug!r}.", remedy="GET /v1/projects lists them.")
    return _view_of(found)


def _view_of(row: ProjectRow) -> ProjectView:
    return ProjectView(id=row.id, slug=row.slug, name=row.name, weight=row.weight, created_at=row.created_at)
