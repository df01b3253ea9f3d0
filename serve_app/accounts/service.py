"""Makes invitations and shows them."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from db import accounts
from db.invitations import InvitationRow, invite, list_invitations
from db.session import Transaction
from jobs.access import GRANTS, Role
from serve_app.accounts.schemas import InvitationView, NewInvitation
from serve_app.audit.trail import Trail
from serve_app.paging import Page, PageRequest, cursor_of
from serve_app.security import Caller
from serve_app.services import ApiServices


async def new_invitation(
    tx: Transaction,
    services: ApiServices,
    *,
    email: str,
    role: Role,
    project_id: UUID | None,
    caller: Caller,
    trail: Trail,
) -> NewInvitation:
    """With the token, which is in this answer and nowhere else.

    Raises ``Forbidden`` for more rights than the caller has, and for who has more than the caller.
    """
    caller.require_over(await _present_role(tx, email=email, project_id=project_id))
    caller.require_all(GRANTS[role])
    row, token = await invite(
        tx,
        email=email,
        project_id=project_id,
        role=role,
        invited_by=caller.name,
        lifetime=services.settings.invitation_lifetime,
    )
    trail.note("invitation", row.id, after={"email": row.email, "role": row.role, "expires_at": row.expires_at})
    return NewInvitation(**view_of(row).model_dump(), token=token)


async def page_of_open(tx: Transaction, page: PageRequest, *, project_id: UUID | None) -> Page[InvitationView]:
    """Invitations that can still be taken up, newest first."""
    rows = await list_invitations(tx, project_id=project_id, limit=page.limit + 1, after=page.after_moment())
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return Page(
        items=[view_of(row) for row in shown],
        next_cursor=cursor_of(shown[-1].created_at.isoformat(), shown[-1].id) if more else None,
    )


async def _present_role(tx: Transaction, *, email: str, project_id: UUID | None) -> Role | None:
    known = await accounts.password_record(tx, email=email)
    if known is None:
        return None
    if project_id is not None:
        return await accounts.member_role(tx, project_id=project_id, account_id=known.account_id)
    account = await accounts.find_account(tx, account_id=known.account_id)
    return None if account is None else account.farm_role


def view_of(row: InvitationRow) -> InvitationView:
    return InvitationView.model_validate({name: value for name, value in asdict(row).items() if name != "project_id"})
