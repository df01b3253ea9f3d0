"""A login under way, kept by the browser that began it: a signed cookie, so that strangers fill no table."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import jwt

_TYPE = "rayfarm-login+jwt"
_AUDIENCE = "rayfarm-oidc"
_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLogin:
    """What must be the same when the browser comes back."""

    state: str
    nonce: str
    code_verifier: str
    redirect_uri: str
    return_to: str | None
    """Where the browser goes at the end; None: it is shown the session."""
    code_challenge: str | None
    """RFC 7636, of the program that began the login and waits at ``return_to``."""
    client_state: str | None
    """That program's own, given back to it unchanged."""


class PendingLogins:
    """Seals and opens them. The keys are those of access tokens, made into others: neither opens the other's."""

    def __init__(self, *, keys: Sequence[str], lifetime: timedelta) -> None:
        self._keys = [hmac.digest(key.encode(), b"rayfarm oidc login", hashlib.sha256) for key in keys]
        self.lifetime = lifetime

    @staticmethod
    def begin(
        *, redirect_uri: str, return_to: str | None, code_challenge: str | None, client_state: str | None
    ) -> PendingLogin:
        return PendingLogin(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            code_verifier=secrets.token_urlsafe(48),
            redirect_uri=redirect_uri,
            return_to=return_to,
            code_challenge=code_challenge,
            client_state=client_state,
        )

    def seal(self, login: PendingLogin) -> str:
        claims = {"login": asdict(login), "aud": _AUDIENCE, "exp": datetime.now(UTC) + self.lifetime}
        return jwt.encode(claims, self._keys[0], algorithm=_ALGORITHM, headers={"typ": _TYPE})

    def open(self, sealed: str) -> PendingLogin | None:
        """None: it is not ours, or too old."""
        for key in self._keys:
            try:
                found = jwt.decode_complete(
                    sealed, key, algorithms=[_ALGORITHM], audience=_AUDIENCE, options={"require": ["exp", "aud"]}
                )
                return PendingLogin(**found["payload"]["login"]) if found["header"].get("typ") == _TYPE else None
            except jwt.InvalidSignatureError:
                continue
            except (jwt.InvalidTokenError, KeyError, TypeError):
                return None
        return None
