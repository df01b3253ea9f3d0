"""``/v1/flags``: features that an operator turns off, or lets some projects have first."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from db.edits import hold_edit
from db.features import FlagRow, drop_flag, find_flag, list_flags, set_flag
from db.repositories.projects import find_project
from db.session import Transaction
from jobs.errors import InvalidInput, NotFound
from jobs.features import FLAGS, Feature, FlagRule
from serve_app.conditional import CHANGES, ENDS, READS, IfMatch, IfNoneMatch, answer, version_by_content
from serve_app.dependencies import Audit, Tx
from serve_app.flags.schemas import FlagChange, FlagView
from serve_app.openapi import problems
from serve_app.paging import Page
from serve_app.security import Access

router = APIRouter(prefix="/flags", tags=["farm"])

FlagName = Annotated[str, Path(max_length=63, description="As GET /v1/flags lists it.")]


@router.get("", name="list_flags", responses=problems(403))
async def list_all(access: Access, tx: Tx) -> Page[FlagView]:
    """Every flag that this version of the farm has."""
    rows = await list_flags(tx)
    return Page(items=[_view(feature, rows.get(feature)) for feature in FLAGS])


@router.get("/{name}", name="read_flag", response_model=FlagView, responses={**READS, **problems(403)})
async def read(
    name: FlagName, response: Response, access: Access, tx: Tx, if_none_match: IfNoneMatch = None
) -> FlagView | Response:
    """One flag."""
    feature = _feature(name)
    view = _view(feature, await find_flag(tx, feature))
    return answer(view, version_by_content(view), response=response, if_none_match=if_none_match)


@router.put("/{name}", name="set_flag", response_model=FlagView, responses={**CHANGES, **problems(403)})
async def put(
    name: FlagName,
    change: FlagChange,
    response: Response,
    access: Access,
    tx: Tx,
    trail: Audit,
    if_match: IfMatch = None,
) -> FlagView | Response:
    """Turn a feature on or off, for all projects or for some; every process goes by it at once.

    What is asked for while it is off is refused with 409 `feature-off` and the note. Jobs that were submitted before go
    on.
    """
    feature = _feature(name)
    await hold_edit(tx, "flag", feature)
    before = _view(feature, await find_flag(tx, feature))
    version_by_content(before).require(if_match)
    percent = change.percent if change.percent is not None else 0 if change.projects else 100
    rule = FlagRule(
        enabled=change.enabled,
        projects=[await _project_id(tx, slug) for slug in sorted(set(change.projects))],
        percent=percent,
    )
    await set_flag(tx, feature, rule=rule, note=change.note, changed_by=access.name)
    after = _view(feature, await find_flag(tx, feature))
    trail.note_change("flag", feature, before=_facts(before), after=_facts(after))
    return answer(after, version_by_content(after), response=response)


@router.delete("/{name}", name="drop_flag", status_code=204, responses={**ENDS, **problems(403)})
async def delete(name: FlagName, access: Access, tx: Tx, trail: Audit, if_match: IfMatch = None) -> None:
    """Back to its default; one that nobody has set stays as it is."""
    feature = _feature(name)
    await hold_edit(tx, "flag", feature)
    before = _view(feature, await find_flag(tx, feature))
    version_by_content(before).require(if_match)
    await drop_flag(tx, feature)
    trail.note_change("flag", feature, before=_facts(before), after=_facts(_view(feature, None)))


def _feature(name: str) -> Feature:
    try:
        return Feature(name)
    except ValueError:
        raise NotFound(
            "This farm has no such flag.", remedy=f"It has: {', '.join(FLAGS)}. GET /v1/flags tells what they turn."
        ) from None


async def _project_id(tx: Transaction, slug: str) -> UUID:
    found = await find_project(tx, slug=slug)
    if found is None:
        raise InvalidInput(
            f"There is no project {slug!r}.", field="projects", remedy="GET /v1/projects lists those that there are."
        )
    return found.id


def _view(feature: Feature, row: FlagRow | None) -> FlagView:
    declared = FLAGS[feature]
    return FlagView(
        name=feature,
        turns=declared.turns,
        default=declared.default,
        enabled=row.enabled if row else declared.default,
        projects=list(row.slugs) if row else [],
        percent=row.percent if row else 100,
        note=row.note if row else "",
        changed_by=row.changed_by if row else None,
        changed_at=row.changed_at if row else None,
    )


def _facts(view: FlagView) -> dict[str, object]:
    return view.model_dump(mode="json", include={"enabled", "projects", "percent", "note"})
