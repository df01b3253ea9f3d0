"""Invitations: a role offered to an e-mail address, taken up once by who holds the token."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select, text, tuple_, update

from db._query import run
from db.session import Transaction
from db.tables import INVITATION
from jobs.access import Role, role_named


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationRow:
    id: UUID
    email: str
    project_id: UUID | None
    role: str
    invited_by: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a valid token stands for."""

    id: UUID
    email: str
    project_id: UUID | None
    role: Role


_COLUMNS = [INVITATION.c[name] for name in InvitationRow.__dataclass_fields__]
_OPEN = (INVITATION.c.accepted_at.is_(None), INVITATION.c.revoked_at.is_(None), INVITATION.c.expires_at > func.now())


async def invite(
    tx: Transaction, *, email: str, project_id: UUID | None, role: Role, invited_by: str, lifetime: timedelta
) -> tuple[InvitationRow, str]:
    """The invitation, and its token, which is shown once and kept nowhere."""
    token = f"rfi_{secrets.token_urlsafe(32)}"
    row = await tx.execute(
        insert(INVITATION)
        .values(
            id=uuid4(),
            token_hash=_hash(token),
            email=email.lower(),
            project_id=project_id,
            role=str(role),
            invited_by=invited_by,
            created_at=func.now(),
            expires_at=text("now() + make_interval(secs => :seconds)").bindparams(seconds=lifetime.total_seconds()),
        )
        .returning(*_COLUMNS)
    )
    return InvitationRow(**row.mappings().one()), token


async def list_invitations(
    tx: Transaction, *, project_id: UUID | None, limit: int, after: tuple[datetime, UUID] | None
) -> list[InvitationRow]:
    """Those of a project, or (None) to the whole farm, that can still be taken up; newest first, from behind ``after``
    on."""
    whose = INVITATION.c.project_id.is_(None) if project_id is None else INVITATION.c.project_id == project_id
    query = select(*_COLUMNS).where(whose, *_OPEN)
    if after is not None:
        query = query.where(tuple_(INVITATION.c.created_at, INVITATION.c.id) < tuple_(*after))
    rows = await tx.execute(query.order_by(INVITATION.c.created_at.desc(), INVITATION.c.id.desc()).limit(limit))
    return [InvitationRow(**row) for row in rows.mappings()]


async def revoke_invitation(tx: Transaction, *, invitation_id: UUID, project_id: UUID | None) -> bool:
    """False: there is no open one of that project (None: of the whole farm)."""
    whose = INVITATION.c.project_id.is_(None) if project_id is None else INVITATION.c.project_id == project_id
    done = await tx.execute(
        update(INVITATION).where(INVITATION.c.id == invitation_id, whose, *_OPEN).values(revoked_at=func.now())
    )
    return done.rowcount == 1


async def revoke_invitations_around(tx: Transaction, *, email: str, project_id: UUID | None) -> None:
    """Withdraw what is offered to a person, and what they have offered: in a project, or (None) everywhere."""
    theirs = (INVITATION.c.email == email) | (INVITATION.c.invited_by == email)
    where = () if project_id is None else (INVITATION.c.project_id == project_id,)
    await tx.execute(update(INVITATION).where(theirs, *where, *_OPEN).values(revoked_at=func.now()))


async def find_offer(tx: Transaction, *, token: str) -> Offer | None:
    """What the token offers now; its row stays locked, so that it is taken up once."""
    row = (await run(tx, "lock_invitation", token_hash=_hash(token))).one_or_none()
    if row is None:
        return None
    return Offer(id=row.id, email=row.email, project_id=row.project_id, role=role_named(row.role))


async def offers_to(tx: Transaction, *, email: str) -> list[Offer]:
    """All that is offered to an address now, oldest first; the rows stay locked, so that each is taken up once.

    For who has proved the address in another way than by the token: an identity provider vouches for it.
    """
    rows = await run(tx, "lock_open_offers", email=email.lower())
    return [Offer(id=row.id, email=row.email, project_id=row.project_id, role=role_named(row.role)) for row in rows]


async def take_up(tx: Transaction, *, invitation_id: UUID) -> None:
    await tx.execute(update(INVITATION).where(INVITATION.c.id == invitation_id).values(accepted_at=func.now()))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
