"""Access tokens: JWTs (RFC 9068) that say who is logged in for some minutes, and nothing of what they may do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import jwt

_ISSUER = "rayfarm"
_AUDIENCE = "rayfarm-api"
_TYPE = "at+jwt"
_ALGORITHM = "HS256"
"""The only one that is ever accepted, whatever a token's header says (RFC 8725 section 3.1)."""
_CLAIMS = ("iss", "aud", "sub", "iat", "exp", "epoch")
_LEEWAY = timedelta(seconds=5)
"""Between the clocks of the API's machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    account_id: UUID
    session_epoch: int


class AccessTokens:
    """Signs with the first key, and believes all of them, so that a key can be replaced while tokens live."""

    def __init__(self, *, keys: Sequence[str], lifetime: timedelta) -> None:
        self._keys = list(keys)
        self.lifetime = lifetime

    @staticmethod
    def looks_like_one(presented: str) -> bool:
        """Whether it has the shape of a JWT; an API key has no dots."""
        return presented.count(".") == 2

    def issue(self, *, account_id: UUID, session_epoch: int) -> str:
        now = datetime.now(UTC)
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": str(account_id),
            "iat": now,
            "exp": now + self.lifetime,
            "jti": uuid4().hex,
            "epoch": session_epoch,
        }
        return jwt.encode(claims, self._keys[0], algorithm=_ALGORITHM, headers={"typ": _TYPE})

    def read(self, token: str) -> Claims | None:
        """What it says; None for one that is forged, of another kind, too old, or not ours."""
        for key in self._keys:
            try:
                found = jwt.decode_complete(
                    token,
                    key,
                    algorithms=[_ALGORITHM],
                    audience=_AUDIENCE,
                    issuer=_ISSUER,
                    leeway=_LEEWAY,
                    options={"require": list(_CLAIMS)},
                )
                epoch = found["payload"]["epoch"]
                if found["header"].get("typ") != _TYPE or type(epoch) is not int:
                    return None
                return Claims(account_id=UUID(found["payload"]["sub"]), session_epoch=epoch)
            except jwt.InvalidSignatureError:
                continue
            except (jwt.InvalidTokenError, ValueError, TypeError):
                return None
        return None
