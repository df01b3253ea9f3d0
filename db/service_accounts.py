"""Accounts of programs: they own keys, have a role like everyone, and nothing to log in with."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, func, insert, or_, select, tuple_, update

from db.accounts import AccountKind, drop_member, set_member
from db.keys import revoke_keys_of
from db.session import Transaction
from db.tables import ACCOUNT, MEMBER
from jobs.access import FarmRole, ProjectRole, Role, role_named

DOMAIN = "service.invalid"
"""Of their addresses, by which lists and logs name them: a domain that no mail reaches (RFC 6761 section 6.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccountRow:
    id: UUID
    email: str
    name: str
    role: Role | None
    """None: it was taken out of its project, and its keys open nothing."""
    created_at: datetime
    disabled_at: datetime | None


_ROW = (ACCOUNT.c.id, ACCOUNT.c.email, ACCOUNT.c.name, ACCOUNT.c.created_at, ACCOUNT.c.disabled_at)
_ROLE_THERE = func.coalesce(MEMBER.c.role, ACCOUNT.c.farm_role).label("role")
_NOT_DELETED = or_(ACCOUNT.c.disabled_at.is_(None), MEMBER.c.role.is_not(None), ACCOUNT.c.farm_role.is_not(None))
"""One that is only disabled keeps its role, so that it can be enabled again."""
_WITH_ROLE = ACCOUNT.outerjoin(
    MEMBER, (MEMBER.c.account_id == ACCOUNT.c.id) & (MEMBER.c.project_id == ACCOUNT.c.project_id)
)


async def create_service_account(
    tx: Transaction, *, project_id: UUID | None, name: str, role: ProjectRole | FarmRole
) -> ServiceAccountRow:
    """A new one of a project or, with a role on it and without a project, of the whole farm. Names may repeat."""
    account_id = uuid4()
    await tx.execute(
        insert(ACCOUNT).values(
            id=account_id,
            kind=str(AccountKind.SERVICE),
            project_id=project_id,
            email=f"{_slug_of(name)}-{secrets.token_hex(4)}@{DOMAIN}",
            name=name,
            farm_role=str(role) if project_id is None else None,
            session_epoch=1,
            created_at=func.now(),
        )
    )
    if project_id is not None:
        await set_member(tx, project_id=project_id, account_id=account_id, role=ProjectRole(role))
    made = await find_service_account(tx, account_id=account_id, project_id=project_id)
    assert made is not None
    return made


async def list_service_accounts(
    tx: Transaction, *, project_id: UUID | None, limit: int, after: tuple[datetime, UUID] | None
) -> list[ServiceAccountRow]:
    """Those of a project, or (None) of the whole farm, that were not deleted; newest first, from behind ``after``
    on."""
    query = select(*_ROW, _ROLE_THERE).select_from(_WITH_ROLE).where(*_of(project_id), _NOT_DELETED)
    if after is not None:
        query = query.where(tuple_(ACCOUNT.c.created_at, ACCOUNT.c.id) < tuple_(*after))
    rows = await tx.execute(query.order_by(ACCOUNT.c.created_at.desc(), ACCOUNT.c.id.desc()).limit(limit))
    return [_row_of(dict(row)) for row in rows.mappings()]


async def find_service_account(
    tx: Transaction, *, account_id: UUID, project_id: UUID | None
) -> ServiceAccountRow | None:
    """One that was not deleted, of that project or (None) of the whole farm."""
    row = await tx.execute(
        select(*_ROW, _ROLE_THERE)
        .select_from(_WITH_ROLE)
        .where(ACCOUNT.c.id == account_id, *_of(project_id), _NOT_DELETED)
    )
    found = row.mappings().one_or_none()
    return None if found is None else _row_of(dict(found))


async def delete_service_account(tx: Transaction, *, account_id: UUID, project_id: UUID | None) -> bool:
    """End it and its keys now. Its row stays, because history names it. False: there is no such one."""
    if await find_service_account(tx, account_id=account_id, project_id=project_id) is None:
        return False
    await tx.execute(
        update(ACCOUNT)
        .where(ACCOUNT.c.id == account_id, *_of(project_id))
        .values(disabled_at=func.coalesce(ACCOUNT.c.disabled_at, func.now()), farm_role=None)
    )
    if project_id is not None:
        await drop_member(tx, project_id=project_id, account_id=account_id)
    await revoke_keys_of(tx, account_id=account_id)
    return True


def _of(project_id: UUID | None) -> tuple[ColumnElement[bool], ...]:
    whose = ACCOUNT.c.project_id.is_(None) if project_id is None else ACCOUNT.c.project_id == project_id
    return (whose, ACCOUNT.c.kind == str(AccountKind.SERVICE))


def _row_of(row: dict[str, object]) -> ServiceAccountRow:
    role = row.pop("role")
    return ServiceAccountRow(**row, role=role_named(str(role)) if role else None)  # type: ignore[arg-type]


def _slug_of(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "service"
