"""API keys: ``rf_<prefix>_<secret>``, of which the database keeps the prefix and a hash of the secret.

The hash is one SHA-256: the secret is 256 random bits, so there is nothing to guess that a slow hash (argon2) would
protect, and a key is verified on every request.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import case, func, insert, or_, select, tuple_, update

from db._query import run
from db.session import Transaction
from db.tables import ACCOUNT, API_KEY, MEMBER
from jobs.access import Role, role_named

_FORMAT = re.compile(r"rf_([a-z0-9]{8})_([A-Za-z0-9_-]{43})", re.ASCII)
_PREFIX_LETTERS = string.ascii_lowercase + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyIdentity:
    """Who presented a key."""

    id: UUID
    project_id: UUID | None
    """None: a key of the whole farm."""
    name: str
    role: Role
    scopes: frozenset[str]
    """Permissions that it is narrowed to; empty: all of its role."""
    account_id: UUID | None = None
    """The service account that it is of."""
    account_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedKey:
    id: UUID
    prefix: str
    key: str
    """The whole key; shown once, never stored."""


async def create_key(
    tx: Transaction,
    *,
    project_id: UUID | None,
    name: str,
    role: Role,
    scopes: Iterable[str] = (),
    expires_at: datetime | None = None,
    created_by: str = "the farm",
    account_id: UUID | None = None,
) -> CreatedKey:
    """Make a key for a project, or (with a farm role, and without a project) for the whole farm.

    ``account_id``: the service account that it is of; its role is then what that account is, whenever it is used.
    """
    key_id = uuid4()
    prefix = "".join(secrets.choice(_PREFIX_LETTERS) for _ in range(8))
    secret = secrets.token_urlsafe(32)
    await tx.execute(
        insert(API_KEY).values(
            id=key_id,
            project_id=project_id,
            name=name,
            prefix=prefix,
            secret_hash=_hash(secret),
            account_id=account_id,
            role=str(role),
            scopes=sorted(set(map(str, scopes))),
            created_by=created_by,
            created_at=func.now(),
            expires_at=expires_at,
        )
    )
    return CreatedKey(id=key_id, prefix=prefix, key=f"rf_{prefix}_{secret}")


async def verify_key(tx: Transaction, presented: str) -> ApiKeyIdentity | None:
    """Whose key this is; None for one that is malformed, unknown, expired or revoked."""
    parts = _FORMAT.fullmatch(presented)
    if parts is None:
        return None
    row = (await run(tx, "verify_key", prefix=parts[1])).one_or_none()
    expected = bytes(row.secret_hash) if row is not None else b"\0" * 32
    if not hmac.compare_digest(_hash(parts[2]), expected) or row is None or row.role is None:
        return None
    if row.stale:  # once a minute: a write per request would cost more than the request
        await tx.execute(update(API_KEY).where(API_KEY.c.id == row.id).values(last_used_at=func.now()))
    return ApiKeyIdentity(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        role=role_named(row.role),
        scopes=frozenset(row.scopes),
        account_id=row.account_id,
        account_name=row.account_name,
    )


async def count_keys(
    tx: Transaction, *, project_id: UUID | None = None, account_id: UUID | None = None, window: timedelta
) -> int:
    """Keys of a project or of a service account that open something, or did within ``window``: until then what they
    were good for is not used up."""
    whose = API_KEY.c.account_id == account_id if account_id is not None else API_KEY.c.project_id == project_id
    since = func.now() - window
    ends = (API_KEY.c.revoked_at, API_KEY.c.expires_at)
    query = select(func.count()).where(whose, *(or_(each.is_(None), each > since) for each in ends))
    return int((await tx.execute(query)).scalar_one())


async def revoke_keys_of(tx: Transaction, *, account_id: UUID) -> int:
    """End every key of a service account now; how many there were."""
    done = await tx.execute(
        update(API_KEY)
        .where(API_KEY.c.account_id == account_id, API_KEY.c.revoked_at.is_(None))
        .values(revoked_at=func.now())
    )
    return done.rowcount


async def revoke_key(tx: Transaction, *, key_id: UUID) -> bool:
    """End a key now; False if there is no such live key."""
    done = await tx.execute(
        update(API_KEY).where(API_KEY.c.id == key_id, API_KEY.c.revoked_at.is_(None)).values(revoked_at=func.now())
    )
    return done.rowcount == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key as lists show it: nothing of its secret."""

    id: UUID
    project_id: UUID | None
    account_id: UUID | None
    """The service account that it is of."""
    name: str
    prefix: str
    role: str | None
    """Of a service account's key what the account is now; None: it is nothing any more, and the key opens nothing."""
    scopes: list[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


_ROLE_NOW = case(
    (API_KEY.c.account_id.is_(None), API_KEY.c.role),
    (API_KEY.c.project_id.is_(None), ACCOUNT.c.farm_role),
    else_=MEMBER.c.role,
).label("role")
_ROW = [_ROLE_NOW if name == "role" else API_KEY.c[name] for name in KeyRow.__dataclass_fields__]
_KEYS = API_KEY.outerjoin(ACCOUNT, ACCOUNT.c.id == API_KEY.c.account_id).outerjoin(
    MEMBER, (MEMBER.c.account_id == API_KEY.c.account_id) & (MEMBER.c.project_id == API_KEY.c.project_id)
)


async def list_keys(
    tx: Transaction, *, project_id: UUID | None, limit: int, after: tuple[datetime, UUID] | None
) -> list[KeyRow]:
    """The keys of a project that are not revoked, or (None) those of the whole farm; newest first, from behind
    ``after`` on.

    Those of service accounts are among them, with the role that the account has now.
    """
    whose = API_KEY.c.project_id.is_(None) if project_id is None else API_KEY.c.project_id == project_id
    query = select(*_ROW).select_from(_KEYS).where(whose, API_KEY.c.revoked_at.is_(None))
    if after is not None:
        query = query.where(tuple_(API_KEY.c.created_at, API_KEY.c.id) < tuple_(*after))
    rows = await tx.execute(query.order_by(API_KEY.c.created_at.desc(), API_KEY.c.id.desc()).limit(limit))
    return [KeyRow(**row) for row in rows.mappings()]


async def find_key(tx: Transaction, *, key_id: UUID) -> KeyRow | None:
    row = (await tx.execute(select(*_ROW).select_from(_KEYS).where(API_KEY.c.id == key_id))).mappings().one_or_none()
    return None if row is None else KeyRow(**row)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
