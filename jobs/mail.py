"""Notices by e-mail: what a person may ask for, how a mail server is reached, and the message.

Everything that waits for one person goes in one message, so a storm of jobs is one summary. Text only: there is no
markup that a job's name could be part of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobs.errors import Unavailable
from jobs.notices import Notice, plain

Wait = Annotated[timedelta, Field(gt=timedelta(0))]

MAX_LISTED = 50
"""Notices in one message; the rest are counted."""

_MAX_SUBJECT = 200


class MailKind(StrEnum):
    """What a person may be written of."""

    JOB_SUCCEEDED = "job.succeeded"
    """A job that they submitted is done."""
    JOB_FAILED = "job.failed"
    JOB_CANCELED = "job.canceled"
    JOB_EXPIRING = "job.expiring"
    """The files of a job that they submitted end soon."""
    BUDGET_THRESHOLD = "budget.threshold"
    """Of a project that they manage."""
    CREDITS_SPENT = "credits.spent"
    """Of a project that they manage."""


class MailSecurity(StrEnum):
    STARTTLS = "starttls"
    """Begins in the clear and goes on in TLS, or not at all (RFC 3207); usually port 587."""
    TLS = "tls"
    """TLS from the first byte (RFC 8314); usually port 465."""
    NONE = "none"
    """In the clear: for a relay on the same machine."""


class MailSettings(BaseSettings):
    """Read from ``RAYFARM_MAIL_*`` by the loops, which send, and by the API, which says whether anybody does."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_MAIL_", frozen=True)

    host: str | None = None
    """Name of the mail server that takes the farm's messages (SMTP, RFC 5321). None: the farm writes to nobody."""

    port: Annotated[int, Field(ge=1, le=65535)] = 587
    """587 for starttls, 465 for tls (RFC 8314)."""

    security: MailSecurity = MailSecurity.STARTTLS
    """``starttls``, ``tls`` or ``none``. The server's certificate is checked."""

    user: str | None = None
    """Name to log in with. None: no login."""

    password: SecretStr | None = None
    """Goes with ``user``; never sent without TLS."""

    sender: str | None = None
    """Address that messages come from, for example ``Rayfarm <farm@example.org>``. Needed with ``host``."""

    timeout: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(seconds=30))] = timedelta(seconds=20)
    """A server that has not taken a message by then, from the connection to its last answer, did not. At most 30 s: a
    tick of the loop has a minute."""

    every: Wait = timedelta(seconds=10)
    """Pause between two looks at what waits; what comes within it goes in one message."""

    most_per_hour: Annotated[int, Field(ge=1)] = 10
    """Messages to one person in an hour. What comes after them waits for the hour's end, and goes in one summary."""

    first_pause: Wait = timedelta(seconds=30)
    """Before a message that was not taken is sent again; doubles each time, less a fifth at random."""

    longest_pause: Wait = timedelta(hours=1)
    """Longest of these pauses."""

    give_up_after: Wait = timedelta(days=3)
    """A notice that could not be sent for so long is dropped: as long as mail servers themselves try."""

    @field_validator("sender")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None:
            name, spec = parseaddr(value)
            if plain(value, len(value)) != value or not spec.isascii() or spec.count("@") != 1:
                raise ValueError("an address, or a name and an address in angle brackets")
            try:
                Address(display_name=name, addr_spec=spec)
            except HeaderParseError as error:
                raise ValueError(str(error)) from error
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> MailSettings:
        if self.host is not None and self.sender is None:
            raise ValueError("RAYFARM_MAIL_HOST needs RAYFARM_MAIL_SENDER")
        if (self.user is None) != (self.password is None):
            raise ValueError("RAYFARM_MAIL_USER and RAYFARM_MAIL_PASSWORD go together")
        if self.user is not None and self.security is MailSecurity.NONE:
            raise ValueError("a password is not sent in the clear: RAYFARM_MAIL_SECURITY is starttls or tls")
        return self


class NoMail(Unavailable):
    """This farm has no mail server to send notices by."""

    code = "no-mail"


def message_of(
    notices: Sequence[Notice], *, omitted: int, to: str, sender: str, account_id: UUID, last_id: int, at: datetime
) -> EmailMessage:
    """One message with all of them. The same notices make the same Message-ID: a second delivery can be told by it.

    ``omitted``: how many more there are than ``notices``. Raises ``ValueError`` or ``HeaderParseError`` for an address
    that is none.
    """
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))  # not every server on the way takes 8BITMIME
    name, spec = parseaddr(sender)
    message["From"] = Address(display_name=name, addr_spec=spec)
    message["To"] = Address(addr_spec=to)
    many = len(notices) + omitted
    summary = f"{many} notice{'s' if many > 1 else ''} of the render farm"
    _set_subject(message, notices[0].title if many == 1 else summary, otherwise=summary)
    message["Date"] = at
    tag = hashlib.sha256(f"{account_id}:{last_id}".encode()).hexdigest()[:32]
    message["Message-ID"] = f"<{tag}@{spec.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence notice answers it
    parts = ["\n".join(line for line in (each.title, each.text, each.link or "") if line) for each in notices]
    if omitted:
        parts.append(f"And {omitted} more.")
    parts.append(
        "-- \nYou asked the farm for such notices (PATCH /v1/me/notices changes which), or a job names you to be told."
    )
    message.set_content(_encodable("\n\n".join(parts) + "\n"))
    return message


def _set_subject(message: EmailMessage, title: str, *, otherwise: str) -> None:
    """``otherwise`` stands for a title that no header can hold: nobody misses a notice for a job's name.

    The library decodes the encoded words of RFC 2047 in what it is given, and with them line ends and marks of
    direction that were cleaned away: ``=?``, with which each begins, is broken.
    """
    try:
        message["Subject"] = plain(title.replace("=?", "= ?"), _MAX_SUBJECT)
        message["Subject"].fold(policy=message.policy).encode("ascii")
    except Exception:  # whatever a parser of words that anybody may write can raise
        del message["Subject"]
        message["Subject"] = otherwise


def _encodable(text: str) -> str:
    """With a question mark for each half of a UTF-16 pair."""
    return text.encode(errors="replace").decode()
