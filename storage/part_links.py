"""Signed links that take one part of an upload, for storage that has no presigning of its own (local disk)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pydantic import SecretStr

from storage.base import LinkExpired
from storage.parts import StagedUpload
from storage.signing import signed, verified

_PURPOSE = b"rayfarm-part-link-v1\0"  # so that a link to read a file never takes a part, nor the other way round


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPart:
    """What a valid link takes."""

    upload_id: UUID
    project_id: UUID
    number: int
    size_bytes: int


class PartSigner:
    """Signs with the newest key, accepts any of the listed ones, as ``FileSigner`` does."""

    def __init__(self, *, keys: Sequence[SecretStr], clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._secrets = [key.get_secret_value().encode() for key in keys]
        self._clock = clock

    def sign(self, upload: StagedUpload, number: int, *, expires_in: timedelta) -> str:
        """Make the token that takes one part of an upload."""
        expires_at_s = int((self._clock() + expires_in).timestamp())
        size_bytes = upload.size_of(number)
        payload = json.dumps([upload.id.hex, upload.project_id.hex, number, size_bytes, expires_at_s])
        return signed(self._secrets[0], payload.encode(), purpose=_PURPOSE)

    def verify(self, token: str) -> SignedPart:
        """Return what the token takes. Raises LinkInvalid or LinkExpired."""
        upload_id, project_id, number, size_bytes, expires_at_s = json.loads(
            verified(self._secrets, token, purpose=_PURPOSE)
        )
        if self._clock() >= datetime.fromtimestamp(expires_at_s, UTC):
            raise LinkExpired("This upload link has expired.", remedy="GET /v1/uploads/{id} gives fresh ones.")
        return SignedPart(upload_id=UUID(upload_id), project_id=UUID(project_id), number=number, size_bytes=size_bytes)
