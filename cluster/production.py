"""The production profile: with ``RAYFARM_PROFILE=production`` nothing starts whose settings leave a door open.

Each function judges one part of the settings and names every fault with what to change, so that an operator mends all
of them at once. Other settings, of the API, are judged in ``serve_app.production``.
"""

from __future__ import annotations

import ipaddress
import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from cluster.logs import LogLevel, LogSettings
from cluster.loops.settings import LoopSettings
from db.settings import DatabaseSettings
from jobs.egress import EgressSettings
from jobs.errors import RayfarmError
from jobs.mail import MailSecurity, MailSettings
from jobs.settings import FarmSettings
from jobs.webhooks import WebhookSettings
from pipelines.sandbox import SandboxLevel
from pipelines.settings import EngineSettings
from storage.settings import StorageSettings

MIN_SECRET_BITS = 96
"""Entropy, by the frequency of its characters, below which a signing key counts as thought up: 16 random bytes in hex
have more. A sentence may have more too: this finds repeated letters and words, not everything that somebody made up."""

MIN_PASSWORD_CHARS = 12
"""Of the database's password: what a farm makes itself has 32."""

DASHBOARD_TIMEOUT = timedelta(seconds=5)
"""The dashboard of a cluster that has just started answers within one."""

_THOUGHT_UP = (
    "changeme", "change-me", "change_me", "placeholder", "example", "secret", "password", "default", "rayfarm",
    "postgres", "qwerty", "letmein", "12345678", "abcdefgh",
)  # fmt: skip
"""Each too long to come up by chance: four letters would, in one of a few hundred keys in hex."""

_DEBUG = ("PYTHONDEVMODE", "PYTHONASYNCIODEBUG", "RAY_DEBUG", "RAY_DEBUG_POST_MORTEM", "RAY_PDB")
_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})


class Profile(StrEnum):
    """What the farm is for."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class ProfileSettings(FarmSettings):
    """Read from ``RAYFARM_PROFILE`` by every process of the farm."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_", frozen=True, extra="ignore")

    profile: Profile = Profile.DEVELOPMENT
    """`production`: nothing starts with weak secrets, plain HTTP, an open Ray, a sandbox that may be missing, debug
    flags or pages of any origin, and all faults are listed at once (docs/security.md). `development`: no checks."""


class NotForProduction(RayfarmError):
    """These settings are not safe in production."""

    code: ClassVar[str] = "not-for-production"


@dataclass(frozen=True, slots=True)
class Fault:
    """One setting that leaves a door open."""

    setting: str
    words: str
    """What is wrong, and what to set instead; never the value of a secret."""

    def __str__(self) -> str:
        return f"{self.setting}: {self.words}"


def refuse(faults: Iterable[Fault], *, profile: Profile | None = None) -> None:
    """Raises ``NotForProduction`` with all of them, in the production profile. ``profile``: None reads the setting."""
    found = list(dict.fromkeys(faults))
    if not found or (profile or ProfileSettings().profile) is not Profile.PRODUCTION:
        return
    count = f"{len(found)} setting{'' if len(found) == 1 else 's'}"
    raise NotForProduction(
        f"RAYFARM_PROFILE=production refuses to start with {count}:\n" + "\n".join(f"- {fault}" for fault in found),
        remedy="\nMend all of them, or set RAYFARM_PROFILE=development where nobody else can reach the farm.",
        settings=[fault.setting for fault in found],
    )


def is_weak(secret: str) -> bool:
    """Whether a signing key was thought up, or is too short to be one: words that people use, or too little in it."""
    counts = Counter(secret)
    bits = -sum(count * math.log2(count / len(secret)) for count in counts.values())
    return bits < MIN_SECRET_BITS or any(word in secret.lower() for word in _THOUGHT_UP)


def secret_faults(setting: str, *secrets: SecretStr | None) -> list[Fault]:
    """Of keys that sign. One that is not set signs nothing, and is no fault."""
    if not any(is_weak(secret.get_secret_value()) for secret in secrets if secret is not None):
        return []
    return [Fault(setting, "is short or thought up; set it to the output of: openssl rand -hex 32")]


def database_faults(settings: DatabaseSettings) -> list[Fault]:
    """A password worth the name, and encryption on the way where there is a way."""
    url = settings.sqlalchemy_url
    password = url.password or ""
    found = []
    if len(password) < MIN_PASSWORD_CHARS or any(word in password.lower() for word in _THOUGHT_UP):
        words = f"has no password of {MIN_PASSWORD_CHARS} characters or more that nobody thought up"
        found.append(Fault("RAYFARM_DATABASE_URL", f"{words}; make one with: openssl rand -hex 24"))
    host = _one(url.query.get("host")) or url.host or ""
    if not _is_here(host) and _one(url.query.get("sslmode")) not in _ENCRYPTED:
        found.append(Fault("RAYFARM_DATABASE_URL", "reaches another machine in the clear; add ?sslmode=verify-full"))
    return found


def storage_faults(settings: StorageSettings) -> list[Fault]:
    """Keys of links, and encryption on the way to S3."""
    found = secret_faults("RAYFARM_STORAGE_SIGNING_KEY", settings.signing_key)
    found += secret_faults("RAYFARM_STORAGE_PREVIOUS_SIGNING_KEYS", *settings.previous_signing_keys)
    for name in ("endpoint_url", "public_endpoint_url"):
        if is_plain_http(getattr(settings, name)):
            found.append(Fault(f"RAYFARM_STORAGE_{name.upper()}", "is plain http; use https"))
    secret = settings.secret_access_key
    if secret is not None and any(word in secret.get_secret_value().lower() for word in _THOUGHT_UP):
        found.append(Fault("RAYFARM_STORAGE_SECRET_ACCESS_KEY", "is a default of somebody's; make another one"))
    return found


def engine_faults(settings: EngineSettings) -> list[Fault]:
    """A scene is somebody else's program: none runs outside of the whole sandbox."""
    found = []
    if settings.require_sandbox is not SandboxLevel.FULL:
        words = f"is `{settings.require_sandbox}`, so scenes may run with less of the sandbox; set `full`"
        found.append(Fault("RAYFARM_ENGINE_REQUIRE_SANDBOX", words))
    for name in ("unshare_network", "confine_files", "filter_calls"):
        if not getattr(settings, name):
            found.append(Fault(f"RAYFARM_ENGINE_{name.upper()}", "turns a part of the sandbox off; leave it out"))
    return found


def outgoing_faults(
    *, webhooks: WebhookSettings, egress: EgressSettings, loops: LoopSettings, mail: MailSettings
) -> list[Fault]:
    """What the farm sends, and where users may make it send."""
    found = secret_faults("RAYFARM_WEBHOOK_KEY", webhooks.key)
    found += secret_faults("RAYFARM_WEBHOOK_PREVIOUS_KEYS", *webhooks.previous_keys)
    if egress.allow_http:
        found.append(Fault("RAYFARM_EGRESS_ALLOW_HTTP", "lets webhooks go in the clear; leave it out"))
    if any(network.prefixlen == 0 for network in egress.allowed_networks):
        found.append(
            Fault("RAYFARM_EGRESS_ALLOWED_NETWORKS", "opens every network to whoever has a webhook; name a few")
        )
    if mail.host not in (None, "localhost", "127.0.0.1", "::1") and mail.security is MailSecurity.NONE:
        found.append(Fault("RAYFARM_MAIL_SECURITY", "sends e-mail in the clear; use starttls or tls"))
    if any(is_plain_http(target) for target in loops.event_targets):
        found.append(Fault("RAYFARM_LOOPS_EVENT_TARGETS", "names a plain http address; use https"))
    return found


def process_faults(*, logs: LogSettings, environment: Mapping[str, str] | None = None) -> list[Fault]:
    """Of how Python and Ray were told to run. ``environment``: None is this process's own."""
    environment = os.environ if environment is None else environment
    found = []
    if environment.get("RAY_AUTH_MODE") != "token":
        words = "is not `token`: whoever reaches Ray's dashboard, GCS or client port runs programs on the cluster"
        found.append(Fault("RAY_AUTH_MODE", f"{words}; set `token`, on every node, with RAY_AUTH_TOKEN_PATH"))
    if environment.get("FORWARDED_ALLOW_IPS") == "*":
        found.append(Fault("FORWARDED_ALLOW_IPS", "believes anybody's X-Forwarded-For; set `none`"))
    if logs.level is LogLevel.DEBUG:
        found.append(Fault("RAYFARM_LOG_LEVEL", "is `debug`; set `info`"))
    set_ = [name for name in _DEBUG if environment.get(name, "") not in ("", "0")]
    return found + [Fault(name, "is a debug flag; leave it out") for name in set_]


def dashboard_faults(address: str) -> list[Fault]:
    """Whether strangers get into Ray's dashboard (``host:port``), asked of itself: the token is no use where only we
    present it (CVE-2023-48022)."""
    try:
        answer = httpx.get(f"http://{address}/api/jobs/", timeout=DASHBOARD_TIMEOUT.total_seconds(), trust_env=False)
    except httpx.HTTPError:
        return []  # nobody gets in, we neither
    if answer.status_code in (401, 403):
        return []
    words = f"answers strangers at {address} ({answer.status_code}): start Ray with RAY_AUTH_MODE=token on every node"
    return [Fault("Ray's dashboard", words)]


def is_plain_http(url: str | None) -> bool:
    """Whether what is sent there can be read on the way; the machine itself is no way."""
    parts = urlsplit(url or "")
    return parts.scheme == "http" and not _is_here(parts.hostname or "")


def _is_here(host: str) -> bool:
    if host in ("", "localhost") or host.startswith("/"):  # a socket's folder
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _one(value: str | tuple[str, ...] | None) -> str | None:
    return value[-1] if isinstance(value, tuple) else value
