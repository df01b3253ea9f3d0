"""What the routes of notices do."""

from __future__ import annotations

from db import mail
from db.accounts import AccountIdentity
from db.session import Transaction
from jobs.errors import Conflict
from jobs.mail import MailKind, MailSettings, NoMail
from serve_app.conditional import Version, digest_of
from serve_app.notices.schemas import NoticesChange, NoticesView
from serve_app.security import Caller


def person_of(access: Caller) -> AccountIdentity:
    """Raises ``Conflict`` for a key: it has no address."""
    if not isinstance(access.who, AccountIdentity):
        raise Conflict("A key has no address to write to.", remedy="Log in as a person, or make a webhook.")
    return access.who


def version_of(view: NoticesView) -> Version:
    """What one asked for; whether the last message arrived is nobody's edit."""
    return Version(digest_of(" ".join(sorted(view.email))), digest_of(view.model_dump_json()))


async def read(tx: Transaction, person: AccountIdentity, settings: MailSettings) -> NoticesView:
    box = await mail.find_mail_box(tx, account_id=person.id)
    return NoticesView(
        email=[MailKind(kind) for kind in box.kinds],
        address=person.email,
        available=settings.host is not None,
        error=box.error,
    )


async def change(tx: Transaction, person: AccountIdentity, wish: NoticesChange, settings: MailSettings) -> NoticesView:
    """Raises ``NoMail`` where something is asked for that nobody would send."""
    if wish.email and settings.host is None:
        raise NoMail(remedy="Its operator sets RAYFARM_MAIL_HOST and RAYFARM_MAIL_SENDER.")
    await mail.set_mail_box(tx, account_id=person.id, kinds=wish.email)
    return await read(tx, person, settings)
