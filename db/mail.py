"""Notices by e-mail: what people asked for, and what waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select

from db._query import run, storable
from db.accounts import AccountKind
from db.dispatch.leadership import hold_epoch
from db.session import Database, Transaction
from db.tables import ACCOUNT, MAIL_BOX, MEMBER

_READ = 5000
"""Notices of one person that are read at a time; a message lists the first of them and counts the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailBoxRow:
    """Of one person."""

    kinds: list[str]
    error: str | None
    """Of the last message, where it was not taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingMail:
    """One event for one person."""

    id: int
    kind: str | None
    """None, with the rest: the event is not kept any more."""
    data: dict[str, Any] | None
    job_id: UUID | None
    job_name: str | None
    project_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMail:
    """All that waits for one person, in the hands of one sender."""

    account_id: UUID
    attempts: int
    """The fence."""
    failures: int
    """In a row, before this attempt."""
    email: str
    at: datetime
    disabled: bool
    waiting: list[WaitingMail]

    @property
    def last_id(self) -> int:
        return self.waiting[-1].id


async def find_mail_box(tx: Transaction, *, account_id: UUID) -> MailBoxRow:
    """Of somebody who never asked for anything: an empty one."""
    columns = [MAIL_BOX.c[name] for name in MailBoxRow.__dataclass_fields__]
    row = (await tx.execute(select(*columns).where(MAIL_BOX.c.account_id == account_id))).mappings().one_or_none()
    return MailBoxRow(kinds=[], error=None) if row is None else MailBoxRow(**row)


async def set_mail_box(tx: Transaction, *, account_id: UUID, kinds: Sequence[str]) -> None:
    """Of what they are written from now on."""
    await run(tx, "set_mail_box", account_id=account_id, kinds=sorted({str(each) for each in kinds}))


async def addresses_among(tx: Transaction, *, project_id: UUID, emails: Sequence[str]) -> dict[str, bool]:
    """Those of the addresses at which a person may be told of the project: whether as one of its members, or else (as
    somebody with a role on the whole farm) only if they ask for it themselves."""
    of_project = and_(MEMBER.c.account_id == ACCOUNT.c.id, MEMBER.c.project_id == project_id)
    rows = await tx.execute(
        select(ACCOUNT.c.email, MEMBER.c.role.is_not(None).label("is_member"))
        .outerjoin(MEMBER, of_project)
        .where(
            ACCOUNT.c.email.in_(emails),
            ACCOUNT.c.kind == str(AccountKind.PERSON),
            ACCOUNT.c.disabled_at.is_(None),
            or_(MEMBER.c.role.is_not(None), ACCOUNT.c.farm_role.is_not(None)),
        )
    )
    return {row.email: row.is_member for row in rows}


async def claim_mail(db: Database, *, most_per_hour: int, lease: timedelta, epoch: int) -> ClaimedMail | None:
    """All that waits for one person whose turn it is, left to its sender for ``lease``; None: nobody's."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        box = (await run(tx, "claim_mail", most_per_hour=most_per_hour, lease=lease)).mappings().one_or_none()
        if box is None:
            return None
        rows = await run(tx, "read_mail", account_id=box["account_id"], limit=_READ)
        return ClaimedMail(**box, waiting=[WaitingMail(**row) for row in rows.mappings()])


async def end_mail(
    db: Database, mail: ClaimedMail, *, taken: bool, error: str | None, pause: timedelta | None, epoch: int
) -> bool:
    """Write how a message ended; False: another sender has it by now. ``pause``: before it is sent again; None: it is
    not, it was taken or is given up."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        ended = await run(
            tx,
            "end_mail",
            account_id=mail.account_id,
            attempts=mail.attempts,
            taken=taken,
            error=None if error is None else storable(error),
            pause=pause or timedelta(0),
        )
        if ended.one_or_none() is None:
            return False
        if pause is None:
            await run(tx, "drop_mail", account_id=mail.account_id, ids=[each.id for each in mail.waiting])
    return True


async def drop_old_mail(db: Database, *, age: timedelta, epoch: int) -> int:
    """Give up what waits for longer; how many notices."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        return (await run(tx, "drop_old_mail", age=age)).rowcount
