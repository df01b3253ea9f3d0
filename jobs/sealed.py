"""Secrets that the farm must be able to read again: sealed before they reach the database.

AES-256-GCM (NIST SP 800-38D) under a key of its own for each secret, derived by HKDF-SHA256 (RFC 5869) from the farm's
key and a random salt. What is sealed is bound to the row that it belongs to: copied into another, it does not open. A
copy of the database alone reveals nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from jobs.errors import Unavailable
from jobs.webhooks import WebhookSettings, name_of_key

_CONTEXT = b"rayfarm sealed secret 1"
_SALT_BYTES = 16
_NONCE_BYTES = 12


class CannotUnseal(Unavailable):
    """A secret that the farm keeps cannot be read with the keys that it has."""

    code = "cannot-unseal"


class NoSealingKey(Unavailable):
    """This farm has no key to keep secrets under."""

    code = "no-sealing-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What the database keeps."""

    data: bytes
    """Salt, nonce, and the sealed secret with its tag."""
    key_id: str
    """Names the farm's key that it was sealed under; tells nothing of it."""


class Seals:
    """Seals with the newest key of the farm, opens with all of them."""

    def __init__(self, settings: WebhookSettings) -> None:
        keys = [settings.key, *settings.previous_keys] if settings.key is not None else list(settings.previous_keys)
        raw = [key.get_secret_value().encode() for key in keys]
        self._keys = {name_of_key(key): key for key in raw}
        self._newest = name_of_key(raw[0]) if settings.key is not None else None

    def seal(self, secret: str, *, owner: UUID) -> Sealed:
        """``owner``: the row that it is of. Raises ``NoSealingKey``."""
        if self._newest is None:
            raise NoSealingKey(
                remedy="Its operator sets RAYFARM_WEBHOOK_KEY, for example to the output of: openssl rand -hex 32"
            )
        salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
        key = _derived(self._keys[self._newest], salt)
        data = salt + nonce + AESGCM(key).encrypt(nonce, secret.encode(), owner.bytes)
        return Sealed(data=data, key_id=self._newest)

    def unseal(self, sealed: Sealed, *, owner: UUID) -> str:
        """Raises ``CannotUnseal``."""
        key = self._keys.get(sealed.key_id)
        if key is None:
            raise CannotUnseal(
                "The key that this secret was sealed under is not in the settings any more.",
                remedy="Put it in RAYFARM_WEBHOOK_PREVIOUS_KEYS, or set the secret anew.",
            )
        salt, nonce = sealed.data[:_SALT_BYTES], sealed.data[_SALT_BYTES : _SALT_BYTES + _NONCE_BYTES]
        try:
            opened = AESGCM(_derived(key, salt)).decrypt(nonce, sealed.data[_SALT_BYTES + _NONCE_BYTES :], owner.bytes)
        except (InvalidTag, ValueError) as error:
            raise CannotUnseal(
                "This secret was changed since it was sealed, or belongs to another row.",
                remedy="Set the secret anew.",
            ) from error
        return opened.decode()


def _derived(key: bytes, salt: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=_CONTEXT).derive(key)
