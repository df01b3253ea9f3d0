"""Writes to people what they asked to be told; a mail server that is away keeps nobody but its own tick."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from email.errors import HeaderParseError

import aiosmtplib
import structlog

from cluster.loops.streams import pause_after
from db.mail import ClaimedMail, claim_mail, drop_old_mail, end_mail
from db.session import Database
from jobs.mail import MAX_LISTED, MailSecurity, MailSettings, message_of
from jobs.notices import NoticeSettings, notice_of

_log = structlog.get_logger(__name__)

_TICK_S = 20.0
"""No message is begun after so much of a tick: well below the limit on ticks."""

_FOREVER = 10**6


class Mailer:
    """One message after the other, each to one person."""

    name = "mailer"

    def __init__(self, *, database: Database, settings: MailSettings, notices: NoticeSettings) -> None:
        self._database = database
        self._settings = settings
        self._notices = notices
        self.every = settings.every
        self._lease = settings.timeout + timedelta(seconds=30)
        """Above the time-out, so that nobody sends it beside us."""

    async def tick(self, epoch: int) -> int:
        """Messages that were taken. Without a mail server what waits is left to another cluster's of the same database,
        and dropped like what none takes: it would come years later."""
        settings = self._settings
        dropped = await drop_old_mail(self._database, age=settings.give_up_after, epoch=epoch)
        if dropped:
            _log.warning("mail_given_up", notices=dropped)
        if settings.host is None:
            return 0
        taken, began = 0, time.monotonic()
        while time.monotonic() - began < _TICK_S:
            mail = await claim_mail(
                self._database, most_per_hour=settings.most_per_hour, lease=self._lease, epoch=epoch
            )
            if mail is None:
                break
            server_answers, was_taken = await self._handle(mail, epoch)
            taken += was_taken
            if not server_answers:
                break
        return taken

    async def _handle(self, mail: ClaimedMail, epoch: int) -> tuple[bool, bool]:
        """Whether the server is there, and whether it took the message."""
        notices = [
            notice
            for each in mail.waiting
            if each.kind is not None
            and (
                notice := notice_of(
                    each.kind,
                    each.data or {},
                    job_name=each.job_name,
                    project=each.project_name or "",
                    link=self._notices.page_of(each.job_id),
                )
            )
        ]
        if mail.disabled or not notices:
            await end_mail(self._database, mail, taken=False, error=None, pause=None, epoch=epoch)
            return True, False
        settings = self._settings
        assert settings.sender is not None  # the settings see to it
        error, for_good, server_answers = None, False, True
        try:
            message = message_of(
                notices[:MAX_LISTED],
                omitted=len(notices[MAX_LISTED:]),
                to=mail.email,
                sender=settings.sender,
                account_id=mail.account_id,
                last_id=mail.last_id,
                at=mail.at,
            )
            content, sender = message.as_bytes(), message["From"].addresses[0].addr_spec
        except (ValueError, HeaderParseError) as refused:
            error, for_good = f"This is no address to write to: {refused}", True
        else:
            error, for_good, server_answers = await self._outcome(content, sender=sender, to=mail.email)
        if error is None:
            await end_mail(self._database, mail, taken=True, error=None, pause=None, epoch=epoch)
            return True, True
        pause = pause_after(
            mail.failures + 1, most=_FOREVER, first=settings.first_pause, longest=settings.longest_pause
        )
        _log.warning("mail_not_taken", account_id=str(mail.account_id), error=error, given_up=for_good)
        await end_mail(self._database, mail, taken=False, error=error, pause=None if for_good else pause, epoch=epoch)
        return server_answers, False

    async def _outcome(self, message: bytes, *, sender: str, to: str) -> tuple[str | None, bool, bool]:
        """An error, if any; whether it is one for good; and whether the server is there."""
        try:
            await self._send(message, sender=sender, to=to)
        except aiosmtplib.SMTPRecipientsRefused as refused:
            first = refused.recipients[0]
            return f"The mail server refused the address: {first.code} {first.message}", first.code >= 500, True
        except (aiosmtplib.SMTPException, OSError, ValueError) as failed:  # ValueError: of a host name, ours or its
            # One that minds this message takes others.
            return f"{type(failed).__name__}: {failed}"[:300], False, isinstance(failed, aiosmtplib.SMTPDataError)
        return None, False, True

    async def _send(self, message: bytes, *, sender: str, to: str) -> None:
        settings = self._settings
        seconds = settings.timeout.total_seconds()
        async with asyncio.timeout(seconds):  # all of it: a server may answer each command just in time
            await aiosmtplib.send(
                message,
                sender=sender,
                recipients=[to],
                hostname=settings.host,
                port=settings.port,
                username=settings.user,
                password=None if settings.password is None else settings.password.get_secret_value(),
                timeout=seconds,
                use_tls=settings.security is MailSecurity.TLS,
                start_tls=settings.security is MailSecurity.STARTTLS,  # True: it must, not None: it may
            )
