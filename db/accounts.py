"""People: their accounts, what they are in projects, and what was tried under their names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import RowMapping, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from db._query import run
from db.session import Transaction
from db.tables import ACCOUNT, LOGIN_THROTTLE, MEMBER, REFRESH_TOKEN
from jobs.access import FarmRole, ProjectRole, roles_below


class AccountKind(StrEnum):
    """Who has an account."""

    PERSON = "person"
    SERVICE = "service"
    """A program: it owns keys, and cannot log in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    id: UUID
    kind: AccountKind
    project_id: UUID | None
    """Of a service account: the project that it was made in; None: the whole farm, or a person."""
    email: str
    name: str
    farm_role: FarmRole | None
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    project_id: UUID
    slug: str
    role: ProjectRole


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountIdentity:
    """A person whose access token is good now, with all that they are."""

    id: UUID
    name: str
    email: str
    farm_role: FarmRole | None
    session_epoch: int
    """Rises when all sessions of the account are ended."""
    memberships: tuple[Membership, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Of one project."""

    account_id: UUID
    kind: AccountKind
    email: str
    name: str
    role: ProjectRole


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRecord:
    """What a login is checked against."""

    account_id: UUID
    kind: AccountKind
    password_hash: str | None
    """None: they log in at the identity provider, or not at all."""
    session_epoch: int
    disabled: bool


_COLUMNS = [ACCOUNT.c[name] for name in AccountRow.__dataclass_fields__]


async def create_account(
    tx: Transaction, *, email: str, name: str, password_hash: str | None, farm_role: FarmRole | None = None
) -> UUID | None:
    """The new account of a person; None where the address has one already."""
    row = await tx.execute(
        insert(ACCOUNT)
        .values(
            id=uuid4(),
            kind=str(AccountKind.PERSON),
            email=email.lower(),
            name=name,
            password_hash=password_hash,
            farm_role=farm_role and str(farm_role),
            session_epoch=1,
            created_at=func.now(),
        )
        .on_conflict_do_nothing(index_elements=["email"])
        .returning(ACCOUNT.c.id)
    )
    made: UUID | None = row.scalar_one_or_none()
    return made


async def list_accounts(tx: Transaction, *, limit: int, after: str | None) -> list[AccountRow]:
    """By e-mail address, from behind ``after`` on."""
    query = select(*_COLUMNS).order_by(ACCOUNT.c.email).limit(limit)
    rows = await tx.execute(query if after is None else query.where(ACCOUNT.c.email > after))
    return [_account_of(row) for row in rows.mappings()]


async def find_account(tx: Transaction, *, account_id: UUID, hold: bool = False) -> AccountRow | None:
    """``hold``: keep other writers off until the transaction ends."""
    query = select(*_COLUMNS).where(ACCOUNT.c.id == account_id)
    row = (await tx.execute(query.with_for_update(key_share=True) if hold else query)).mappings().one_or_none()
    return None if row is None else _account_of(row)


async def change_account(tx: Transaction, *, account_id: UUID, changes: Mapping[str, Any]) -> AccountRow | None:
    """Set ``farm_role``, ``name`` or ``disabled``; whoever is disabled is out at once, with all sessions."""
    values = {name: value for name, value in changes.items() if name in ("farm_role", "name")}
    if "disabled" in changes:
        values["disabled_at"] = func.coalesce(ACCOUNT.c.disabled_at, func.now()) if changes["disabled"] else None
    if values:
        await tx.execute(update(ACCOUNT).where(ACCOUNT.c.id == account_id).values(**values))
    if changes.get("disabled"):
        await end_sessions(tx, account_id=account_id)
    return await find_account(tx, account_id=account_id)


async def raise_farm_role(tx: Transaction, *, account_id: UUID, role: FarmRole) -> None:
    """Make them more on the whole farm than they are. Who is that much already stays what they are."""
    present = ACCOUNT.c.farm_role
    is_less = present.is_(None) | present.in_([str(each) for each in roles_below(role)])
    await tx.execute(update(ACCOUNT).where(ACCOUNT.c.id == account_id, is_less).values(farm_role=str(role)))


async def identify(tx: Transaction, *, account_id: UUID, session_epoch: int) -> AccountIdentity | None:
    """The person of an access token; None where they are disabled, or their sessions were ended since."""
    rows = (await run(tx, "identify_account", account_id=account_id, session_epoch=session_epoch)).all()
    if not rows:
        return None
    first = rows[0]
    return AccountIdentity(
        id=first.id,
        name=first.name,
        email=first.email,
        farm_role=FarmRole(first.farm_role) if first.farm_role else None,
        session_epoch=session_epoch,
        memberships=tuple(
            Membership(project_id=row.project_id, slug=row.slug, role=ProjectRole(row.role))
            for row in rows
            if row.project_id is not None
        ),
    )


async def password_record(tx: Transaction, *, email: str) -> PasswordRecord | None:
    return await _password_record(tx, ACCOUNT.c.email == email.lower())


async def set_password(tx: Transaction, *, account_id: UUID, checked: int, password_hash: str) -> bool:
    """Replace it. Whoever was logged in by the old one is out.

    ``checked``: the account's epoch when the old one was right. False: its sessions have been ended since, by another
    password or by who disabled it, and nothing is written over that.
    """
    is_as_checked = (ACCOUNT.c.id == account_id, ACCOUNT.c.session_epoch == checked)
    done = await tx.execute(update(ACCOUNT).where(*is_as_checked).values(password_hash=password_hash))
    if done.rowcount == 0:
        return False
    await end_sessions(tx, account_id=account_id)
    return True


async def drop_password(tx: Transaction, *, account_id: UUID) -> None:
    """From now on they log in at the identity provider alone. Whoever was logged in by the password is out."""
    await tx.execute(update(ACCOUNT).where(ACCOUNT.c.id == account_id).values(password_hash=None))
    await end_sessions(tx, account_id=account_id)


async def strengthen_password(tx: Transaction, *, account_id: UUID, checked: str, password_hash: str) -> None:
    """The same password by today's parameters, unless it was changed since ``checked`` was read."""
    is_the_same = (ACCOUNT.c.id == account_id, ACCOUNT.c.password_hash == checked)
    await tx.execute(update(ACCOUNT).where(*is_the_same).values(password_hash=password_hash))


async def end_sessions(tx: Transaction, *, account_id: UUID) -> None:
    """Void every access and refresh token of a person."""
    await tx.execute(
        update(ACCOUNT).where(ACCOUNT.c.id == account_id).values(session_epoch=ACCOUNT.c.session_epoch + 1)
    )
    await tx.execute(delete(REFRESH_TOKEN).where(REFRESH_TOKEN.c.account_id == account_id))


_MEMBERS = select(MEMBER.c.account_id, ACCOUNT.c.kind, ACCOUNT.c.email, ACCOUNT.c.name, MEMBER.c.role).join(
    ACCOUNT, ACCOUNT.c.id == MEMBER.c.account_id
)


async def list_members(tx: Transaction, *, project_id: UUID, limit: int, after: str | None) -> list[Member]:
    """By e-mail address, from behind ``after`` on."""
    query = _MEMBERS.where(MEMBER.c.project_id == project_id).order_by(ACCOUNT.c.email).limit(limit)
    rows = await tx.execute(query if after is None else query.where(ACCOUNT.c.email > after))
    return [_member_of(row) for row in rows.mappings()]


async def find_member(tx: Transaction, *, project_id: UUID, account_id: UUID) -> Member | None:
    query = _MEMBERS.where(MEMBER.c.project_id == project_id, MEMBER.c.account_id == account_id)
    row = (await tx.execute(query)).mappings().one_or_none()
    return None if row is None else _member_of(row)


async def member_role(tx: Transaction, *, project_id: UUID, account_id: UUID) -> ProjectRole | None:
    """What they are in the project; None: nothing."""
    of_them = (MEMBER.c.project_id == project_id, MEMBER.c.account_id == account_id)
    role = (await tx.execute(select(MEMBER.c.role).where(*of_them))).scalar_one_or_none()
    return None if role is None else ProjectRole(role)


async def set_member(tx: Transaction, *, project_id: UUID, account_id: UUID, role: ProjectRole) -> None:
    """Make them a member, or change what they are."""
    await tx.execute(
        insert(MEMBER)
        .values(project_id=project_id, account_id=account_id, role=str(role), created_at=func.now())
        .on_conflict_do_update(index_elements=["project_id", "account_id"], set_={"role": str(role)})
    )


async def raise_member(tx: Transaction, *, project_id: UUID, account_id: UUID, role: ProjectRole) -> None:
    """Make them a member, or more than they are. Who is that much already stays what they are."""
    await tx.execute(
        insert(MEMBER)
        .values(project_id=project_id, account_id=account_id, role=str(role), created_at=func.now())
        .on_conflict_do_update(
            index_elements=["project_id", "account_id"],
            set_={"role": str(role)},
            where=MEMBER.c.role.in_([str(each) for each in roles_below(role)]),
        )
    )


async def drop_member(tx: Transaction, *, project_id: UUID, account_id: UUID) -> bool:
    """False: they were none."""
    done = await tx.execute(delete(MEMBER).where(MEMBER.c.project_id == project_id, MEMBER.c.account_id == account_id))
    return done.rowcount == 1


async def reserve_login(
    tx: Transaction, *, name: str, free_tries: int, longest: timedelta, forget_after: timedelta
) -> float | None:
    """Count a try under this name, whether anybody has it or not: the answer must not tell. Commit before it is made.

    None: it may be made now. Else the seconds until the next one may: they double with each try that failed.
    """
    limits = {"email_hash": _hash_of(name), "free_tries": free_tries, "longest_s": longest.total_seconds()}
    taken = await run(tx, "reserve_login", **limits, forget_after_s=forget_after.total_seconds())
    if taken.first() is not None:
        return None
    return max(0.0, float((await run(tx, "login_pause", **limits)).scalar_one()))


async def forget_logins(tx: Transaction, *, name: str) -> None:
    """The password was right."""
    await tx.execute(delete(LOGIN_THROTTLE).where(LOGIN_THROTTLE.c.email_hash == _hash_of(name)))


async def _password_record(tx: Transaction, condition: Any) -> PasswordRecord | None:
    columns = (ACCOUNT.c.id, ACCOUNT.c.kind, ACCOUNT.c.password_hash, ACCOUNT.c.session_epoch, ACCOUNT.c.disabled_at)
    row = (await tx.execute(select(*columns).where(condition))).one_or_none()
    if row is None:
        return None
    return PasswordRecord(
        account_id=row.id,
        kind=AccountKind(row.kind),
        password_hash=row.password_hash,
        session_epoch=row.session_epoch,
        disabled=row.disabled_at is not None,
    )


def _account_of(row: RowMapping) -> AccountRow:
    role = row["farm_role"]
    kind = AccountKind(row["kind"])
    return AccountRow(**{**row, "kind": kind, "farm_role": FarmRole(role) if role else None})


def _hash_of(name: str) -> bytes:
    return hashlib.sha256(name.lower().encode()).digest()


def _member_of(row: RowMapping) -> Member:
    return Member(**{**row, "kind": AccountKind(row["kind"]), "role": ProjectRole(row["role"])})
