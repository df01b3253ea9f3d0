"""People as identity providers know them, and the logins that a provider has vouched for: each is good once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, insert, select, update

from db._query import run
from db.session import Transaction
from db.tables import OIDC_IDENTITY


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIdentity:
    """Whose account it is, and what the provider's claims gave it last."""

    account_id: UUID
    session_epoch: int
    disabled: bool
    granted: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VouchedLogin:
    """A login that may be changed for a session now."""

    account_id: UUID
    session_epoch: int
    session_ends_at: datetime
    code_challenge: str
    family_id: UUID
    """That the session is to have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedLogin:
    session_ends_at: datetime
    family_id: UUID
    """That the session is to have."""
    code: str | None
    """The one-time code that stands for the login, where it has a challenge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSession:
    """What names a session at the provider."""

    issuer: str
    id_token: str | None


async def find_identity(tx: Transaction, *, issuer: str, subject: str) -> KnownIdentity | None:
    """The account of this subject. Until the transaction ends, other logins of the subject wait."""
    whose = {"issuer": issuer, "subject": subject}
    await run(tx, "lock_identity", **whose)
    row = (await run(tx, "find_identity", **whose)).one_or_none()
    if row is None:
        return None
    return KnownIdentity(
        account_id=row.account_id,
        session_epoch=row.session_epoch,
        disabled=row.disabled,
        granted=frozenset(row.granted),
    )


async def has_identity(tx: Transaction, *, issuer: str, account_id: UUID) -> bool:
    """Whether somebody of this provider has the account already."""
    whose = (OIDC_IDENTITY.c.issuer == issuer, OIDC_IDENTITY.c.account_id == account_id)
    return (await tx.execute(select(OIDC_IDENTITY.c.subject).where(*whose).limit(1))).first() is not None


async def add_identity(tx: Transaction, *, issuer: str, subject: str, account_id: UUID) -> None:
    await tx.execute(
        insert(OIDC_IDENTITY).values(
            issuer=issuer,
            subject=subject,
            account_id=account_id,
            granted=[],
            created_at=func.now(),
            last_login_at=func.now(),
        )
    )


async def note_grants(tx: Transaction, *, issuer: str, subject: str, granted: Collection[str]) -> None:
    """What the claims of this login gave, for the next one to take back; and when it was."""
    whose = (OIDC_IDENTITY.c.issuer == issuer, OIDC_IDENTITY.c.subject == subject)
    await tx.execute(update(OIDC_IDENTITY).where(*whose).values(granted=sorted(granted), last_login_at=func.now()))


async def record_login(
    tx: Transaction,
    *,
    state: str,
    account_id: UUID,
    session_epoch: int,
    session_lifetime: timedelta,
    kept: timedelta,
    code_challenge: str | None,
    code_lifetime: timedelta,
) -> RecordedLogin | None:
    """The login, good once.

    None: a login of this ``state`` was recorded before. ``kept``: for so long at least such a second one is known.
    """
    code = f"rfo_{secrets.token_urlsafe(32)}" if code_challenge is not None else None
    recorded = await run(
        tx,
        "record_oidc_login",
        state_hash=_hash(state),
        account_id=account_id,
        session_epoch=session_epoch,
        session_s=session_lifetime.total_seconds(),
        code_hash=None if code is None else _hash(code),
        code_challenge=code_challenge,
        code_s=code_lifetime.total_seconds(),
        kept_s=kept.total_seconds(),
    )
    row = recorded.one_or_none()
    if row is None:
        return None
    return RecordedLogin(session_ends_at=row.session_ends_at, family_id=row.family_id, code=code)


async def use_code(tx: Transaction, *, code: str) -> VouchedLogin | None:
    """What the code stands for; it is used up by this, so commit also where it is refused after all."""
    row = (await run(tx, "use_oidc_code", code_hash=_hash(code))).one_or_none()
    if row is None:
        return None
    return VouchedLogin(
        account_id=row.account_id,
        session_epoch=row.session_epoch,
        session_ends_at=row.session_ends_at,
        code_challenge=row.code_challenge,
        family_id=row.family_id,
    )


async def record_session(
    tx: Transaction, *, family_id: UUID, issuer: str, id_token: str | None, ends_at: datetime
) -> None:
    """Remember what names the session at the provider, until it ends."""
    await run(tx, "record_oidc_session", family_id=family_id, issuer=issuer, id_token=id_token, ends_at=ends_at)


async def end_session(tx: Transaction, *, family_id: UUID) -> ProviderSession | None:
    """Forget it, and say what it was; None: no provider vouched for this session, or none is known any more."""
    row = (await run(tx, "end_oidc_session", family_id=family_id)).mappings().one_or_none()
    return None if row is None else ProviderSession(**row)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
