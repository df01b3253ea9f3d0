"""Sessions as chains of refresh tokens: each is good once, and one that comes twice ends its whole chain.

After RFC 9700 section 4.14.2 (rotation with reuse detection). Only hashes are kept: a token is 256 random bits.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import func, insert, text

from db._query import run
from db.session import Transaction
from db.tables import REFRESH_TOKEN


class Refused(StrEnum):
    """Why a refresh token gives no new session."""

    UNKNOWN = "unknown"
    """Never given, expired, or of a session that has ended."""
    REUSED = "reused"
    """It was used before, so somebody else holds a copy: all of its chain is void now. Commit before refusing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    account_id: UUID
    session_epoch: int
    refresh_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Of whom a chain of tokens is."""

    family_id: UUID
    account_id: UUID
    email: str


async def start_login(
    tx: Transaction,
    *,
    account_id: UUID,
    session_epoch: int,
    lifetime: timedelta,
    ends_at: datetime | None = None,
    family_id: UUID | None = None,
) -> str:
    """The first refresh token of a new session. ``session_epoch``: the account's when its password was checked.

    ``ends_at``: the session ends then, however often it is renewed; None: it lives for as long as it is renewed.
    ``family_id``: of the session, where it was chosen before.
    """
    return await _issue(
        tx,
        account_id=account_id,
        family_id=family_id or uuid4(),
        session_epoch=session_epoch,
        lifetime=lifetime,
        ends_at=ends_at,
    )


async def renew_login(
    tx: Transaction, *, refresh_token: str, lifetime: timedelta, again_within: timedelta = timedelta(0)
) -> Renewed | Refused:
    """Use the token up for the next of its chain.

    ``again_within``: for so long a used one gives another successor, as long as none of them has been used: the answer
    may not have come. Whoever copied it gets one too, and is found out as before: the first successor that is used
    voids the others, and one of those then ends the session.
    """
    digest = _hash(refresh_token)
    await run(tx, "lock_session", token_hash=digest)
    used = (await run(tx, "use_refresh_token", token_hash=digest)).one_or_none()
    if used is None and again_within:
        used = (await run(tx, "lost_renewal", token_hash=digest, within=again_within)).one_or_none()
    if used is None:
        family = (await run(tx, "end_reused_family", token_hash=digest)).first()
        return Refused.UNKNOWN if family is None else Refused.REUSED
    following = await _issue(
        tx,
        account_id=used.account_id,
        family_id=used.family_id,
        session_epoch=used.session_epoch,
        lifetime=lifetime,
        ends_at=used.session_ends_at,
        follows=digest,
    )
    return Renewed(account_id=used.account_id, session_epoch=used.session_epoch, refresh_token=following)


async def find_session(tx: Transaction, *, refresh_token: str) -> Session | None:
    """Whose session this token is of, whichever of the chain it is; None: of none that is known."""
    row = (await run(tx, "session_of_token", token_hash=_hash(refresh_token))).mappings().one_or_none()
    return None if row is None else Session(**row)


async def end_login(tx: Transaction, *, refresh_token: str) -> None:
    """End the session of this token, whichever of the chain it is."""
    await run(tx, "lock_session", token_hash=_hash(refresh_token))
    await run(tx, "end_family", token_hash=_hash(refresh_token))


async def _issue(
    tx: Transaction,
    *,
    account_id: UUID,
    family_id: UUID,
    session_epoch: int,
    lifetime: timedelta,
    ends_at: datetime | None,
    follows: bytes | None = None,
) -> str:
    token = f"rfr_{secrets.token_urlsafe(32)}"
    expires_at = text("least(now() + make_interval(secs => :seconds), cast(:ends_at as timestamptz))").bindparams(
        seconds=lifetime.total_seconds(), ends_at=ends_at
    )  # least() passes over a null
    await tx.execute(
        insert(REFRESH_TOKEN).values(
            token_hash=_hash(token),
            family_id=family_id,
            account_id=account_id,
            session_epoch=session_epoch,
            created_at=func.now(),
            expires_at=expires_at,
            session_ends_at=ends_at,
            follows=follows,
        )
    )
    return token


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
