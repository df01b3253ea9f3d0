"""Makes service accounts and their keys. Neither has more rights than who makes it."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from db import keys, service_accounts
from db.service_accounts import ServiceAccountRow
from db.session import Transaction
from jobs.access import GRANTS, FarmRole, ProjectRole
from jobs.errors import Conflict, NotFound
from serve_app.audit.trail import Trail
from serve_app.keys.schemas import MadeKey
from serve_app.keys.service import facts_of_key, require_room, require_within, view_of_key
from serve_app.paging import Page, PageRequest, cursor_of
from serve_app.security import Caller
from serve_app.service_accounts.schemas import NewServiceKey, ServiceAccountView
from serve_app.settings import ApiSettings


async def list_page(tx: Transaction, page: PageRequest, *, project_id: UUID | None) -> Page[ServiceAccountView]:
    rows = await service_accounts.list_service_accounts(
        tx, project_id=project_id, limit=page.limit + 1, after=page.after_moment()
    )
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return Page(
        items=[view_of(row) for row in shown],
        next_cursor=cursor_of(shown[-1].created_at.isoformat(), shown[-1].id) if more else None,
    )


async def create(
    tx: Transaction, caller: Caller, trail: Trail, *, project_id: UUID | None, name: str, role: ProjectRole | FarmRole
) -> ServiceAccountView:
    caller.require_all(GRANTS[role])
    made = await service_accounts.create_service_account(tx, project_id=project_id, name=name, role=role)
    trail.note("service_account", made.id, after={"email": made.email, "name": name, "role": role})
    return view_of(made)


async def delete(tx: Transaction, caller: Caller, trail: Trail, account_id: UUID, *, project_id: UUID | None) -> None:
    """Raises ``NotFound``, and ``Forbidden`` for one that may do more than the caller."""
    account = await service_accounts.find_service_account(tx, account_id=account_id, project_id=project_id)
    if account is None:
        raise _none()
    caller.require_over(account.role)
    await service_accounts.delete_service_account(tx, account_id=account_id, project_id=project_id)
    trail.note("service_account", account_id, before={"email": account.email, "role": account.role})


async def create_key(
    tx: Transaction,
    settings: ApiSettings,
    caller: Caller,
    trail: Trail,
    account_id: UUID,
    asked: NewServiceKey,
    *,
    project_id: UUID | None,
) -> MadeKey:
    """Raises ``NotFound``, ``Conflict`` for one without a role, ``Forbidden`` for more rights than the caller has, and
    ``TooManyKeys``."""
    account = await service_accounts.find_service_account(tx, account_id=account_id, project_id=project_id)
    if account is None:
        raise _none()
    if account.role is None or account.disabled_at is not None:
        raise Conflict(
            f"The service account {account.name!r} is disabled or has no role.",
            remedy="Make another one, or ask an administrator to enable it.",
        )
    require_within(caller, account.role, asked.scopes)
    await require_room(tx, settings, project_id=project_id, account_id=account_id)
    made = await keys.create_key(
        tx,
        project_id=project_id,
        name=asked.name,
        role=account.role,
        scopes=asked.scopes,
        expires_at=asked.expires_at,
        created_by=caller.name,
        account_id=account.id,
    )
    row = await keys.find_key(tx, key_id=made.id)
    assert row is not None
    trail.note("key", made.id, after=facts_of_key(row))
    return MadeKey(**view_of_key(row).model_dump(), key=made.key)


def view_of(row: ServiceAccountRow) -> ServiceAccountView:
    return ServiceAccountView(**asdict(row))


def _none() -> NotFound:
    return NotFound("There is no such service account.", remedy="The list of service accounts names those that live.")
