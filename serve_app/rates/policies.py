"""Which class a request counts in, and how many of a class each caller has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from serve_app.settings import ApiSettings


class RateClass(StrEnum):
    """Requests that cost the farm alike; each has its own quota."""

    READ = "read"
    WRITE = "write"
    SUBMIT = "submit"
    """What makes work: jobs and models."""
    UPLOAD = "upload"
    LOGIN = "login"
    """Whatever leads to a session by a password or another proof of who one is; by the client's address."""
    STRANGER = "stranger"
    """Anything else that no credential came with, or none that is good; by the client's address. Renewals of sessions
    count as many, by account."""


AUTH_PREFIX = "/v1/auth/"
RENEWALS = frozenset({"/v1/auth/refresh", "/v1/auth/logout"})
"""They hash no password, and must go on while somebody floods the logins: counted for whose session it is."""
_ASKED_BY_ANYBODY = "/v1/auth/methods"

_SUBMITS = frozenset({"/v1/jobs", "/v1/jobs:import-openjd", "/v1/models"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A token bucket: ``quota`` at most, refilled evenly within ``window``."""

    quota: int
    window: timedelta
    batch: int
    """Tokens that a process takes of the shared bucket at once."""

    @property
    def each_s(self) -> float:
        """Seconds until the next token."""
        return self.window.total_seconds() / self.quota


def class_of(method: str, path: str) -> RateClass:
    """Of a request that has a credential, or is about to get one."""
    if path in RENEWALS or path == _ASKED_BY_ANYBODY:
        return RateClass.STRANGER
    if path.startswith(AUTH_PREFIX) or path == "/v1/me/password":
        return RateClass.LOGIN
    if method in _READS:
        return RateClass.READ
    if path.startswith(("/v1/blobs", "/v1/uploads")):
        return RateClass.UPLOAD
    if method == "POST" and (path in _SUBMITS or path.endswith("/clone")):
        return RateClass.SUBMIT
    return RateClass.WRITE


def policies_of(settings: ApiSettings) -> Mapping[RateClass, Policy]:
    """What the settings say, for every class."""
    return {each: _policy(getattr(settings, f"rate_{each}"), settings) for each in RateClass}


def _policy(quota: int, settings: ApiSettings) -> Policy:
    return Policy(
        quota=quota, window=settings.rate_window, batch=max(1, min(quota, int(quota * settings.rate_batch_share)))
    )
