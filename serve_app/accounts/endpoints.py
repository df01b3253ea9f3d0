"""``/v1/accounts`` and ``/v1/farm/invitations``: people, and who runs the farm."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from fastapi import APIRouter, Response

from db import accounts
from db.accounts import AccountRow
from db.invitations import revoke_invitation, revoke_invitations_around
from db.session import Transaction
from jobs.access import GRANTS, is_lowered
from jobs.errors import Conflict, NotFound
from serve_app.accounts.schemas import AccountChange, AccountView, FarmInvitation, InvitationView, NewInvitation
from serve_app.accounts.service import new_invitation, page_of_open
from serve_app.conditional import CHANGES, READS, IfMatch, IfNoneMatch, answer, version_by_content
from serve_app.dependencies import Audit, PageQuery, Services, Tx
from serve_app.openapi import problems
from serve_app.paging import Page, cursor_of
from serve_app.security import Access

router = APIRouter(prefix="/accounts", tags=["access"])
farm_router = APIRouter(prefix="/farm", tags=["access"])


@router.get("")
async def list_accounts(access: Access, tx: Tx, page: PageQuery) -> Page[AccountView]:
    """All accounts, by e-mail address."""
    after = page.after(str)
    rows = await accounts.list_accounts(tx, limit=page.limit + 1, after=after[0] if after else None)
    more = len(rows) > page.limit
    shown = rows[: page.limit]
    return Page(items=[_view_of(row) for row in shown], next_cursor=cursor_of(shown[-1].email) if more else None)


@router.get("/{account_id}", response_model=AccountView, responses=READS)
async def read_account(
    account_id: UUID, response: Response, access: Access, tx: Tx, if_none_match: IfNoneMatch = None
) -> AccountView | Response:
    """One account."""
    account = _view_of(await _require(tx, account_id))
    return answer(account, version_by_content(account), response=response, if_none_match=if_none_match)


@router.patch("/{account_id}", response_model=AccountView, responses={**CHANGES, **problems(409)})
async def change_account(
    account_id: UUID,
    change: AccountChange,
    response: Response,
    access: Access,
    tx: Tx,
    trail: Audit,
    if_match: IfMatch = None,
) -> AccountView | Response:
    """Rename, give or take a role on the whole farm, disable or enable. Open invitations to whoever loses a role or is
    disabled, and by them, end."""
    account = await _require(tx, account_id, hold=True)
    version_by_content(_view_of(account)).require(if_match)
    if change.disabled or "farm_role" in change.model_fields_set:
        access.require_over(account.farm_role)
    if change.farm_role is not None:
        access.require_all(GRANTS[change.farm_role])
        if account.project_id is not None:
            raise Conflict(
                "This service account belongs to a project, and has its role there.",
                remedy="Make one of the whole farm: POST /v1/farm/service-accounts.",
            )
    changes = change.model_dump(exclude_unset=True)
    changes = {name: value for name, value in changes.items() if name == "farm_role" or value is not None}
    changed = await accounts.change_account(tx, account_id=account_id, changes=changes)
    assert changed is not None
    if change.disabled or is_lowered(account.farm_role, changed.farm_role):
        await revoke_invitations_around(tx, email=account.email, project_id=None)
    trail.note_change("account", account_id, before=asdict(account), after=asdict(changed))
    view = _view_of(changed)
    return answer(view, version_by_content(view), response=response)


@farm_router.get("/invitations")
async def list_farm_invitations(access: Access, tx: Tx, page: PageQuery) -> Page[InvitationView]:
    """Invitations to run the farm that can still be taken up."""
    return await page_of_open(tx, page, project_id=None)


@farm_router.post("/invitations", status_code=201)
async def invite_to_farm(
    asked: FarmInvitation, access: Access, tx: Tx, services: Services, trail: Audit
) -> NewInvitation:
    """Invite somebody to operate or administer the whole farm."""
    return await new_invitation(
        tx, services, email=asked.email, role=asked.role, project_id=None, caller=access, trail=trail
    )


@farm_router.delete("/invitations/{invitation_id}", status_code=204)
async def revoke_farm_invitation(invitation_id: UUID, access: Access, tx: Tx) -> None:
    """Withdraw an invitation."""
    if not await revoke_invitation(tx, invitation_id=invitation_id, project_id=None):
        raise NotFound("There is no such open invitation.", remedy="GET /v1/farm/invitations lists them.")


async def _require(tx: Transaction, account_id: UUID, *, hold: bool = False) -> AccountRow:
    found = await accounts.find_account(tx, account_id=account_id, hold=hold)
    if found is None:
        raise NotFound("There is no such account.", remedy="GET /v1/accounts lists them.")
    return found


def _view_of(row: AccountRow) -> AccountView:
    return AccountView(**asdict(row))
