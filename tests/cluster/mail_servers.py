"""Mail servers on loopback: aiosmtpd, which keep what they took and behave as they are asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


@dataclass
class MailServer:
    """``refused``: addresses that it does not know; ``answer``: what it says to a whole message."""

    refused: set[str] = field(default_factory=set)
    answer: str = "250 OK"
    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    receivers: list[list[str]] = field(default_factory=list)
    tried: int = 0
    """Messages that came whole, taken or not."""
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    greeted: int = 0

    async def handle_EHLO(self, _: Any, session: Any, envelope: Any, hostname: str, responses: Any) -> Any:
        self.greeted += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, _: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refused:
            return "550 5.1.1 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: Any, session: Any, envelope: Any) -> str:
        self.tried += 1
        if self.answer.startswith("250"):
            self.receivers.append(envelope.rcpt_tos)
            self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.answer

    def authenticate(self, _: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=True)


@asynccontextmanager
async def mail_server(
    *, of: type[MailServer] = MailServer, options: dict[str, Any] | None = None, **behaviour: Any
) -> AsyncIterator[MailServer]:
    made = of(**behaviour)
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(made, loop=loop, authenticator=made.authenticate, hostname="mail.test", **(options or {}))

    server = await loop.create_server(session, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
