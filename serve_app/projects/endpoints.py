"""``/v1/projects``: who shares the farm and how, and who is in a project."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from db import accounts
from db.accounts import Member
from db.edits import hold_edit
from db.invitations import revoke_invitation as revoke
from db.invitations import revoke_invitations_around
from db.repositories.projects import ProjectRow, change_project, create_project, get_project, list_projects
from db.session import Transaction
from jobs.access import GRANTS
from jobs.errors import Conflict, NotFound
from serve_app.accounts.schemas import InvitationView, NewInvitation
from serve_app.accounts.service import new_invitation, page_of_open
from serve_app.conditional import CHANGES, ENDS, READS, IfMatch, IfNoneMatch, answer, version_by_content
from serve_app.dependencies import Audit, PageQuery, Services, Tx
from serve_app.filters import NamePart
from serve_app.openapi import problems
from serve_app.paging import Page, cursor_of
from serve_app.projects.schemas import (
    MemberChange,
    MemberView,
    NewProject,
    ProjectChange,
    ProjectInvitation,
    ProjectView,
)
from serve_app.security import Access

router = APIRouter(prefix="/projects", tags=["access"])

Slug = Annotated[str, Path(max_length=63)]


@router.get("", name="list_projects")
async def list_all(access: Access, tx: Tx, page: PageQuery, name: NamePart = None) -> Page[ProjectView]:
    """The projects that one is in, by slug; all of them for who has a role on the whole farm. `name` looks into the
    slug too."""
    after = page.after(str)
    rows = await list_projects(
        tx,
        only=None if access.sees_all else access.project_ids,
        name_part=name,
        after=after[0] if after else None,
        limit=page.limit + 1,
    )
    more = len(rows) > page.limit
    shown = rows[: page.limit]
    return Page(items=[_view_of(row) for row in shown], next_cursor=cursor_of(shown[-1].slug) if more else None)


@router.post("", name="create_project", status_code=201, responses=problems(409))
async def create(new: NewProject, access: Access, tx: Tx, trail: Audit) -> ProjectView:
    """A new project, in which nobody is yet: invite its manager."""
    made = await create_project(tx, slug=new.slug, name=new.name, weight=new.weight)
    if made is None:
        raise Conflict(f"There is a project {new.slug!r} already.", remedy="Choose another slug.")
    trail.note("project", made.id, project_id=made.id, after=_facts(made))
    return _view_of(made)


@router.get("/{slug}", name="read_project", response_model=ProjectView, responses=READS)
async def read(
    slug: Slug, response: Response, access: Access, tx: Tx, if_none_match: IfNoneMatch = None
) -> ProjectView | Response:
    """One project."""
    project = _view_of(await _own(tx, access.project_id))
    return answer(project, version_by_content(project), response=response, if_none_match=if_none_match)


@router.patch("/{slug}", name="change_project", response_model=ProjectView, responses=CHANGES)
async def change(
    slug: Slug,
    change: ProjectChange,
    response: Response,
    access: Access,
    tx: Tx,
    trail: Audit,
    if_match: IfMatch = None,
) -> ProjectView | Response:
    """Change a project's name or share; a share holds from the next plan on."""
    before = await _own(tx, access.project_id, hold=True)
    version_by_content(_view_of(before)).require(if_match)
    await change_project(tx, project_id=access.project_id, changes=change.model_dump(exclude_none=True))
    after = await _own(tx, access.project_id)
    trail.note_change("project", after.id, before=_facts(before), after=_facts(after))
    project = _view_of(after)
    return answer(project, version_by_content(project), response=response)


@router.get("/{slug}/members")
async def list_members(slug: Slug, access: Access, tx: Tx, page: PageQuery) -> Page[MemberView]:
    """Who is in the project, by e-mail address."""
    after = page.after(str)
    rows = await accounts.list_members(
        tx, project_id=access.project_id, limit=page.limit + 1, after=after[0] if after else None
    )
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return Page(items=[_member_of(row) for row in shown], next_cursor=cursor_of(shown[-1].email) if more else None)


@router.get("/{slug}/members/{account_id}", response_model=MemberView, responses=READS)
async def read_member(
    slug: Slug, account_id: UUID, response: Response, access: Access, tx: Tx, if_none_match: IfNoneMatch = None
) -> MemberView | Response:
    """One member of the project."""
    view = _member_of(await _member(tx, slug, project_id=access.project_id, account_id=account_id))
    return answer(view, version_by_content(view), response=response, if_none_match=if_none_match)


@router.put("/{slug}/members/{account_id}", response_model=MemberView, responses=CHANGES)
async def set_member(
    slug: Slug,
    account_id: UUID,
    change: MemberChange,
    response: Response,
    access: Access,
    tx: Tx,
    trail: Audit,
    if_match: IfMatch = None,
) -> MemberView | Response:
    """Change what a member is. Open invitations to them and by them end. Who is none yet is invited."""
    await hold_edit(tx, "member", access.project_id, account_id)
    member = await _member(tx, slug, project_id=access.project_id, account_id=account_id)
    version_by_content(_member_of(member)).require(if_match)
    access.require_over(member.role)
    access.require_all(GRANTS[change.role])
    await accounts.set_member(tx, project_id=access.project_id, account_id=account_id, role=change.role)
    await revoke_invitations_around(tx, email=member.email, project_id=access.project_id)
    trail.note(
        "member",
        account_id,
        before={"email": member.email, "role": member.role},
        after={"email": member.email, "role": change.role},
    )
    view = _member_of(replace(member, role=change.role))
    return answer(view, version_by_content(view), response=response)


@router.delete("/{slug}/members/{account_id}", status_code=204, responses=ENDS)
async def drop_member(
    slug: Slug, account_id: UUID, access: Access, tx: Tx, trail: Audit, if_match: IfMatch = None
) -> None:
    """Take somebody out of the project: at once, also where they are logged in. Open invitations to them and by them
    end; keys that they made are the project's, and stay."""
    await hold_edit(tx, "member", access.project_id, account_id)
    person = await _member(tx, slug, project_id=access.project_id, account_id=account_id)
    version_by_content(_member_of(person)).require(if_match)
    access.require_over(person.role)
    await accounts.drop_member(tx, project_id=access.project_id, account_id=account_id)
    await revoke_invitations_around(tx, email=person.email, project_id=access.project_id)
    trail.note("member", account_id, before={"email": person.email})


@router.get("/{slug}/invitations")
async def list_invitations(slug: Slug, access: Access, tx: Tx, page: PageQuery) -> Page[InvitationView]:
    """Invitations into the project that can still be taken up."""
    return await page_of_open(tx, page, project_id=access.project_id)


@router.post("/{slug}/invitations", status_code=201)
async def invite(
    slug: Slug, asked: ProjectInvitation, access: Access, tx: Tx, services: Services, trail: Audit
) -> NewInvitation:
    """Invite somebody into the project. The token in the answer is what they need, and is not shown again."""
    return await new_invitation(
        tx, services, email=asked.email, role=asked.role, project_id=access.project_id, caller=access, trail=trail
    )


@router.delete("/{slug}/invitations/{invitation_id}", status_code=204)
async def revoke_invitation(slug: Slug, invitation_id: UUID, access: Access, tx: Tx) -> None:
    """Withdraw an invitation."""
    if not await revoke(tx, invitation_id=invitation_id, project_id=access.project_id):
        raise NotFound("There is no such open invitation.", remedy=f"GET /v1/projects/{slug}/invitations lists them.")


async def _own(tx: Transaction, project_id: UUID, *, hold: bool = False) -> ProjectRow:
    row = await get_project(tx, project_id=project_id, hold=hold)
    assert row is not None  # the caller acts in it
    return row


def _facts(row: ProjectRow) -> dict[str, object]:
    return {name: value for name, value in asdict(row).items() if name in ("slug", "name", "weight")}


def _view_of(row: ProjectRow) -> ProjectView:
    return ProjectView(id=row.id, slug=row.slug, name=row.name, weight=row.weight, created_at=row.created_at)


def _member_of(row: Member) -> MemberView:
    return MemberView(account=row.account_id, kind=row.kind, email=row.email, name=row.name, role=row.role)


async def _member(tx: Transaction, slug: str, *, project_id: UUID, account_id: UUID) -> Member:
    member = await accounts.find_member(tx, project_id=project_id, account_id=account_id)
    if member is not None:
        return member
    raise NotFound(
        f"There is no such member of {slug!r}.",
        remedy=f"GET /v1/projects/{slug}/members lists them; invite who is none yet.",
    )
