"""Signed download links for storage that has no presigning of its own (local disk).

A token is ``base64url(JSON) . base64url(HMAC-SHA256)``: it says what may be read, under which name, and until when.
It needs no table, so any API replica can check what another one signed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import SecretStr

from jobs.errors import InvalidInput
from storage.base import LinkExpired, LinkInvalid
from storage.keys import require_key, require_media_type

MIN_KEY_BYTES = 32
"""As long as the digest: a shorter key would be the weakest part of HMAC-SHA256."""

MAX_TOKEN_CHARS = 4096
"""Checked before any decoding, so that a huge URL costs nothing."""

_PURPOSE = b"rayfarm-file-link-v1\0"  # the same key used elsewhere would not make a valid link


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFile:
    """What a valid link allows."""

    key: str
    filename: str
    media_type: str
    expires_at: datetime


class FileSigner:
    """Signs with the newest key, accepts any of the listed ones: rotate by putting a new key first."""

    def __init__(self, *, keys: Sequence[SecretStr], clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        secrets = [key.get_secret_value().encode() for key in keys]
        if not secrets or any(len(secret) < MIN_KEY_BYTES for secret in secrets):
            raise InvalidInput(
                f"Download links need signing keys of {MIN_KEY_BYTES} bytes or more.",
                field="signing_key",
                remedy="Set RAYFARM_STORAGE_SIGNING_KEY, for example to the output of: openssl rand -hex 32",
            )
        self._secrets = secrets
        self._clock = clock

    def sign(self, key: str, filename: str, media_type: str, expires_at: datetime) -> str:
        """Make the token that allows one object to be read until ``expires_at``."""
        payload = json.dumps(
            [require_key(key), filename, require_media_type(media_type), int(expires_at.timestamp())],
            separators=(",", ":"),
        ).encode()
        token = signed(self._secrets[0], payload, purpose=_PURPOSE)
        if len(token) > MAX_TOKEN_CHARS:
            raise InvalidInput("The file name is too long for a link.", field="filename", remedy="Shorten it.")
        return token

    def verify(self, token: str) -> SignedFile:
        """Return what the token allows. Raises LinkInvalid or LinkExpired."""
        payload = verified(self._secrets, token, purpose=_PURPOSE)
        key, filename, media_type, expires_at_s = json.loads(payload)
        expires_at = datetime.fromtimestamp(expires_at_s, UTC)
        if self._clock() >= expires_at:
            raise LinkExpired(remedy="Ask the API for the artifact again: its answer holds a fresh link.")
        return SignedFile(key=require_key(key), filename=filename, media_type=media_type, expires_at=expires_at)


def signed(secret: bytes, payload: bytes, *, purpose: bytes) -> str:
    """The token of a payload; ``purpose`` keeps a token of one kind from being taken for one of another."""
    return f"{_encode(payload)}.{_encode(_mac(secret, purpose, payload))}"


def verified(secrets: Sequence[bytes], token: str, *, purpose: bytes) -> bytes:
    """The payload of a token that one of the secrets has signed. Raises LinkInvalid."""
    payload, mac = _split(token)
    # No early exit: the time taken must not tell which key, or how much of the MAC, was right.
    matches = [hmac.compare_digest(_mac(secret, purpose, payload), mac) for secret in secrets]
    if not any(matches):
        raise _invalid()
    return payload


def _mac(secret: bytes, purpose: bytes, payload: bytes) -> bytes:
    return hmac.digest(secret, purpose + payload, hashlib.sha256)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _split(token: str) -> tuple[bytes, bytes]:
    if len(token) > MAX_TOKEN_CHARS or not token.isascii() or token.count(".") != 1:
        raise _invalid()
    payload_text, mac_text = token.split(".")
    payload, mac = _decode(payload_text), _decode(mac_text)
    # base64 ignores the unused bits of its last character: only one spelling of a token is valid.
    if _encode(payload) != payload_text or _encode(mac) != mac_text:
        raise _invalid()
    return payload, mac


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _invalid() from None


def _invalid() -> LinkInvalid:
    return LinkInvalid(remedy="Use the link exactly as the API gave it, or ask for a fresh one.")
