"""Counts each request once, for who made it: a key, an account, or the address of a stranger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from starlette.requests import Request

from db.accounts import AccountIdentity
from db.keys import ApiKeyIdentity
from jobs.access import FarmRole
from jobs.errors import Forbidden
from serve_app.client_address import address_of
from serve_app.rates.clients import Address, client_of, is_exempt
from serve_app.rates.errors import RateLimited
from serve_app.rates.limiter import Standing
from serve_app.rates.policies import AUTH_PREFIX, RENEWALS, RateClass, class_of
from serve_app.services import ApiServices

SCOPE_KEY = "rayfarm.rate"
"""Where the outermost layer finds what to say of a request's standing."""

_OPEN = frozenset({"/v1/health/ready", "/v1/status"})
_OPEN_PREFIX = "/v1/archives/"
"""Routes of strangers behind which the farm is asked something; an archive by its link costs a list of its files."""


def subject_of(who: ApiKeyIdentity | AccountIdentity) -> str:
    """Under which name a caller's requests are counted."""
    return f"{'key' if isinstance(who, ApiKeyIdentity) else 'account'}:{who.id}"


def is_farm_staff(who: ApiKeyIdentity | AccountIdentity) -> bool:
    """Whether they have a role on the whole farm."""
    return isinstance(who.role, FarmRole) if isinstance(who, ApiKeyIdentity) else who.farm_role is not None


async def charge(request: Request, services: ApiServices, who: ApiKeyIdentity | AccountIdentity) -> None:
    """Count a request of a caller, unless it is counted. Raises ``RateLimited``."""
    scope = request.scope
    if SCOPE_KEY in scope or (services.settings.rate_exempt_staff and is_farm_staff(who)):
        return
    await _spend(request, services, subject_of(who), class_of(scope["method"], scope["path"]))


async def charge_stranger(request: Request, services: ApiServices) -> None:
    """Count a request without a good credential. Raises ``RateLimited``."""
    if SCOPE_KEY not in request.scope:
        await _spend_for_client(request, services, RateClass.STRANGER)


async def charge_renewal(request: Request, services: ApiServices, account_id: UUID | None) -> None:
    """Count a renewal or the end of a session: for the account that it is of, so that no stranger uses up what it has;
    None: the token is of no session. Raises ``RateLimited``."""
    if account_id is None:
        await charge_stranger(request, services)
    elif SCOPE_KEY not in request.scope:
        await _spend(request, services, f"account:{account_id}", RateClass.STRANGER)


@asynccontextmanager
async def gate(request: Request) -> AsyncIterator[None]:
    """What strangers pass before anything of theirs is read. Raises ``RateLimited``, ``TooManyAtOnce`` and, for what a
    browser sends for a page of another site, ``Forbidden``: it is not counted, or such a page could spend what its
    visitors have.

    Logins hold a place while they last, of which each client has few: hashing passwords is slow on purpose, and one
    client must not keep it from everybody else.
    """
    services: ApiServices = request.app.state.services
    path = request.scope["path"]
    if path.startswith(AUTH_PREFIX):
        _refuse_other_sites(request, services, path)
        if path in RENEWALS:  # counted by `charge_renewal`, for whose session it is
            yield
            return
        rate_class = class_of(request.scope["method"], path)
        await _spend_for_client(request, services, rate_class)
        if rate_class is not RateClass.LOGIN:
            yield
            return
        with services.logins.take(client_of(_address(request, services))):
            yield
        return
    if path in _OPEN or path.startswith(_OPEN_PREFIX):
        await charge_stranger(request, services)
    yield


def _refuse_other_sites(request: Request, services: ApiServices, path: str) -> None:
    """Single sign-on comes back from another site; pages of ``cors_origins`` may ask."""
    headers, origins = request.headers, services.settings.cors_origins
    if headers.get("sec-fetch-site") != "cross-site" or path.startswith(f"{AUTH_PREFIX}oidc/"):
        return
    if "*" not in origins and headers.get("origin") not in origins:
        raise Forbidden(
            "A page of another site asks for a session of this farm.",
            remedy="Open the farm at its own address. Is this it, the operator sets RAYFARM_API_PUBLIC_URL to what the "
            "browser shows; for a page of their own elsewhere, RAYFARM_API_CORS_ORIGINS.",
        )


def _address(request: Request, services: ApiServices) -> Address | None:
    return address_of(request.scope, trusted=services.settings.trusted_proxies)


async def _spend_for_client(request: Request, services: ApiServices, rate_class: RateClass) -> None:
    address = _address(request, services)
    if not is_exempt(address, services.settings.rate_exempt_clients):
        await _spend(request, services, f"client:{client_of(address)}", rate_class)


async def _spend(request: Request, services: ApiServices, subject: str, rate_class: RateClass) -> None:
    standing = await services.rates.spend(subject, rate_class)
    request.scope[SCOPE_KEY] = standing
    if standing.is_over:
        raise _refusal(standing, "This address" if subject.startswith("client:") else "This caller")


def _refusal(standing: Standing, whose: str) -> RateLimited:
    policy, name = standing.policy, str(standing.rate_class)
    return RateLimited(
        f"{whose} has made all of the {policy.quota} requests of the class {name} that it may make in "
        f"{policy.window.total_seconds():g} s.",
        remedy=f"Wait {standing.reset_s} s, as Retry-After says. GET /v1/limits tells what is left; an operator may "
        f"raise RAYFARM_API_RATE_{name.upper()}.",
        retry_after_s=standing.reset_s,
        **{"violated-policies": [name]},
    )
