"""Signed links to archives: tokens that say whose files may be read, and until when, and need no table.

JWTs (RFC 7519) of a type of their own, under a key that is derived from the one of access tokens or of file links, so
that a token of one use is never taken for one of another (RFC 8725 section 3.12).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt

from storage.base import LinkExpired, LinkInvalid

_CONTEXT = b"rayfarm archive link 1"
_TYPE = "archive+jwt"
_ALGORITHM = "HS256"
_CLAIMS = ("exp", "project", "job", "kinds")
MAX_TOKEN_CHARS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedArchive:
    """What a valid link allows."""

    project_id: UUID
    job_id: UUID
    kinds: tuple[str, ...]


class ArchiveLinks:
    """Signs with the first key, believes all of them."""

    def __init__(self, *, keys: Sequence[str], lifetime: timedelta) -> None:
        self._keys = [hmac.digest(key.encode(), _CONTEXT, hashlib.sha256) for key in keys]
        self.lifetime = lifetime

    def issue(self, archive: LinkedArchive, *, now: datetime | None = None) -> tuple[str, datetime]:
        """The token, and when its time is over."""
        expires_at = (now or datetime.now(UTC)).replace(microsecond=0) + self.lifetime
        claims = {
            "project": str(archive.project_id),
            "job": str(archive.job_id),
            "kinds": list(archive.kinds),
            "exp": expires_at,
        }
        return jwt.encode(claims, self._keys[0], algorithm=_ALGORITHM, headers={"typ": _TYPE}), expires_at

    def read(self, token: str) -> LinkedArchive:
        """Raises ``LinkInvalid`` or ``LinkExpired``."""
        for key in self._keys if len(token) <= MAX_TOKEN_CHARS else ():
            try:
                found = jwt.decode_complete(token, key, algorithms=[_ALGORITHM], options={"require": list(_CLAIMS)})
                claims = found["payload"]
                if found["header"].get("typ") != _TYPE:
                    break
                return LinkedArchive(
                    project_id=UUID(claims["project"]),
                    job_id=UUID(claims["job"]),
                    kinds=tuple(str(kind) for kind in claims["kinds"]),
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.ExpiredSignatureError:
                raise LinkExpired(remedy="Ask for a fresh one: GET /v1/jobs/{id}/archive/link.") from None
            except (jwt.InvalidTokenError, ValueError, TypeError):
                break
        raise LinkInvalid(remedy="Use the link exactly as the API gave it, or ask for a fresh one.")
