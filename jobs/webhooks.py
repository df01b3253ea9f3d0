"""Secrets, signatures and bodies of webhooks, after Standard Webhooks (https://www.standardwebhooks.com).

A secret is not stored but derived: HMAC-SHA256 of a random salt under the farm's own key (as HKDF's expand step, RFC
5869). A copy of the database alone signs nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict
from standardwebhooks import Webhook

from jobs.errors import Unavailable
from jobs.events import EventKind
from jobs.settings import FarmSettings

PING = EventKind.WEBHOOK_PING
SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with
_CONTEXT = b"rayfarm webhook secret 1"
MIN_KEY_BYTES = 32
"""As many as the hash has."""

MAX_LISTED = 100
"""Items of a list in a payload: it tells what happened, and the API tells the whole of it."""

Wait = Annotated[timedelta, Field(gt=timedelta(0))]


class WebhookSettings(FarmSettings):
    """Read from ``RAYFARM_WEBHOOK_*`` by the API, which makes secrets, and by the loops, which sign with them."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_WEBHOOK_", frozen=True)

    key: SecretStr | None = None
    """Secrets of webhooks are derived from it, and keys of destinations are sealed with it, 32 bytes or more; the same
    in every process of the farm. None: a project can have neither. The farm on one machine makes its own."""

    previous_keys: tuple[SecretStr, ...] = ()
    """Keys that older secrets were derived from: keep the old one here until every webhook was rotated, and every
    destination's key was set anew."""

    rotation_overlap: Wait = timedelta(days=1)
    """How long the secret of before signs beside a new one: time to bring the new one to every receiver."""

    max_per_project: Annotated[int, Field(ge=1)] = 20
    """Webhooks of one project; each event is posted to every one of them."""

    timeout: Wait = timedelta(seconds=10)
    """A receiver that has not answered by then did not take the event; for the name, the connection and the answer
    together."""

    every: Wait = timedelta(seconds=1)
    """Pause between two looks at which webhooks have something to be told."""

    at_once: Annotated[int, Field(ge=1)] = 64
    """Webhooks that are served at a time."""

    at_once_per_project: Annotated[int, Field(ge=1)] = 4
    """Of them, of one project: receivers that hang hold no more than these, and nobody else's."""

    jobs_at_once: Annotated[int, Field(ge=1)] = 4
    """Jobs whose events are posted to one webhook at a time; one while it fails."""

    attempts: Annotated[int, Field(ge=1)] = 24
    """Posts of one event before it is given up: about three days with these pauses, a weekend's outage."""

    first_pause: Wait = timedelta(seconds=5)
    """Before an event that was not taken is posted again; doubles each time, less a fifth at random."""

    longest_pause: Wait = timedelta(hours=6)
    """Longest of these pauses, and of those that a receiver asks for by Retry-After."""

    longest_rest: Wait = timedelta(minutes=10)
    """A webhook that fails is left alone as a whole, for ``first_pause`` at first, and for this at most: how late it is
    noticed that its receiver is back."""

    disable_after: Wait = timedelta(days=5)
    """A webhook that has failed for so long, without one post that was taken, is disabled. Receivers that answer 410
    Gone are disabled at once."""

    @field_validator("key", "previous_keys")
    @classmethod
    def _is_long(cls, value: SecretStr | tuple[SecretStr, ...] | None) -> SecretStr | tuple[SecretStr, ...] | None:
        for key in (value,) if isinstance(value, SecretStr) else value or ():
            if len(key.get_secret_value().encode()) < MIN_KEY_BYTES:
                raise ValueError(f"needs {MIN_KEY_BYTES} bytes or more; make one with: openssl rand -hex 32")
        return value


class NoWebhookKey(Unavailable):
    """This farm has no key to derive webhook secrets from."""

    code = "no-webhook-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSeed:
    """What the database keeps of a secret."""

    salt: bytes
    key_id: str
    """Names the farm's key that it was derived from; tells nothing of it."""


class WebhookSecrets:
    """Makes secrets and finds them again."""

    def __init__(self, settings: WebhookSettings) -> None:
        keys = [settings.key, *settings.previous_keys] if settings.key is not None else list(settings.previous_keys)
        raw = [key.get_secret_value().encode() for key in keys]
        self._keys = {name_of_key(key): key for key in raw}
        self._newest = name_of_key(raw[0]) if settings.key is not None else None

    def new(self) -> SecretSeed:
        """Of a new secret. Raises ``NoWebhookKey``."""
        if self._newest is None:
            raise NoWebhookKey(
                remedy="Its operator sets RAYFARM_WEBHOOK_KEY, for example to the output of: openssl rand -hex 32"
            )
        return SecretSeed(salt=secrets.token_bytes(16), key_id=self._newest)

    def secret_of(self, seed: SecretSeed, *, webhook_id: UUID) -> str:
        """``whsec_…``, 32 bytes in base64. Raises ``NoWebhookKey`` where the farm has its key no more."""
        key = self._keys.get(seed.key_id)
        if key is None:
            raise NoWebhookKey(
                "The key that this webhook's secret was derived from is not in the settings any more.",
                remedy="Put it in RAYFARM_WEBHOOK_PREVIOUS_KEYS, or rotate the webhook's secret.",
            )
        derived = hmac.digest(key, b"\0".join((_CONTEXT, webhook_id.bytes, seed.salt)), hashlib.sha256)
        return SECRET_PREFIX + base64.b64encode(derived).decode()


def signed_headers(body: bytes, *, message_id: str, at: datetime, secrets_: Sequence[str]) -> dict[str, str]:
    """The three headers of Standard Webhooks; a signature for each secret, the newest first. ``at``: with its zone."""
    signatures = [Webhook(secret).sign(message_id, at, body.decode()) for secret in secrets_]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def body_of(*, kind: str, at: datetime, data: Mapping[str, Any], about: Mapping[str, Any]) -> bytes:
    """``{type, timestamp, data}``. ``about``: whose event it is; lists of ``data`` are cut at ``MAX_LISTED``."""
    told: dict[str, Any] = {}
    for name, value in data.items():
        told[name] = value[:MAX_LISTED] if isinstance(value, list) else value
        if isinstance(value, list) and len(value) > MAX_LISTED:
            told[f"{name}_omitted"] = len(value) - MAX_LISTED
    whole = {"type": kind, "timestamp": at.isoformat(), "data": {**told, **about}}
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()


def name_of_key(key: bytes) -> str:
    """What a key of the farm is called where it must not be shown."""
    return hmac.digest(key, b"rayfarm webhook key id", hashlib.sha256).hex()[:16]
