"""Who calls, for which project, and whether they may: API keys and access tokens, checked on every request.

A key of a project sees that project alone. Who may act in several names one by its slug in the header
``X-Rayfarm-Project``, or in the path where it holds one. What belongs to a project that one is not in is answered as
not found, so that nobody learns that it exists; what one may see and not do, as forbidden.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from cluster.tracing import caller_is_known
from db.accounts import AccountIdentity, identify
from db.audit import ActorKind
from db.bootstrap import DEFAULT_PROJECT
from db.keys import ApiKeyIdentity, verify_key
from db.repositories.projects import find_project
from db.session import Transaction
from jobs.access import GRANTS, FarmRole, Permission, Role, grants_of
from jobs.errors import Forbidden, InvalidInput, NotFound, RayfarmError, Unauthorized
from serve_app.auth.tokens import AccessTokens
from serve_app.dependencies import Audit, Services, Tx
from serve_app.maintenance.gate import refuse_changes
from serve_app.permissions import IN_A_PROJECT, REQUIRED
from serve_app.rates.gate import charge, charge_stranger
from serve_app.services import ApiServices

_bearer = HTTPBearer(
    scheme_name="apiKey",
    bearerFormat="rf_<prefix>_<secret>, or the access token of a login",
    auto_error=False,
    description="An API key of this farm, or the access token that POST /v1/auth/login gives.",
)

_HOW = (
    "Send Authorization: Bearer <key>; `rayfarm up` keeps the first one in the farm's admin_key file, and "
    "POST /v1/auth/login gives one to people."
)

PROJECT_HEADER = "X-Rayfarm-Project"
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
PROJECT_SCOPE = "rayfarm.project_id"
"""Where the project of a request with a body stands before it is read; None: it acts in none."""
PATH_PROJECT = "slug"
"""The name of a project in the paths that hold one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The project that a request acts in, and what the caller is there."""

    project_id: UUID | None = None
    roles: Sequence[Role] = ()
    trouble: RayfarmError | None = None
    """Why there is no project; told to whoever needs one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated caller, acting in one project if it needs one."""

    who: ApiKeyIdentity | AccountIdentity
    grants: frozenset[Permission]
    place: _Place

    @property
    def project_id(self) -> UUID:
        """Raises ``NotFound`` for who is in no project, ``InvalidInput`` for who is in several and named none."""
        if self.place.project_id is None:
            raise self.place.trouble or NotFound("You are in no project.")
        return self.place.project_id

    @property
    def sees_all(self) -> bool:
        """Whether the work of every project is theirs to see: they have a role on the whole farm."""
        return self.farm_role is not None and self.may(Permission.PROJECT_READ)

    @property
    def farm_role(self) -> FarmRole | None:
        return next((role for role in self.place.roles if isinstance(role, FarmRole)), None)

    @property
    def project_ids(self) -> list[UUID]:
        """The projects that they are in; who has a role on the whole farm acts in the others too."""
        if isinstance(self.who, ApiKeyIdentity):
            return [self.who.project_id] if self.who.project_id else []
        return [each.project_id for each in self.who.memberships]

    @property
    def name(self) -> str:
        """For lists and logs: who did it."""
        if isinstance(self.who, AccountIdentity):
            return self.who.email
        of = f" of {self.who.account_name}" if self.who.account_name is not None else ""
        return f"key {self.who.name}{of}"

    def may(self, permission: Permission) -> bool:
        return permission in self.grants

    def require_sight_of_all(self) -> None:
        """Raises ``Forbidden`` for who may not see the work of every project."""
        if not self.sees_all:
            raise Forbidden(
                f"This tells of the work of every project, and needs the right {Permission.PROJECT_READ} in them all.",
                remedy="Use a key of the whole farm whose scopes, where it has any, name that right too.",
                permission=Permission.PROJECT_READ,
            )

    def require_over(self, role: Role | None) -> None:
        """Nobody takes away what they do not have themselves: a narrowed key cannot lower who may do more than it.

        Raises ``Forbidden``. None: there is nothing to take.
        """
        if beyond := sorted(GRANTS[role] - self.grants if role is not None else ()):
            raise Forbidden(
                f"They are {role}, with rights that you do not have: {', '.join(beyond)}.",
                remedy="Ask somebody who has them all.",
            )

    def require_all(self, granted: frozenset[Permission]) -> None:
        """Nobody gives away what they do not have themselves. Raises ``Forbidden``."""
        if beyond := sorted(granted - self.grants):
            raise Forbidden(
                f"That would give rights that you do not have: {', '.join(beyond)}.",
                remedy="Give less, or ask somebody who has them all.",
            )


async def authenticate(
    request: Request,
    tx: Tx,
    services: Services,
    trail: Audit,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    project: Annotated[
        str | None,
        Header(
            alias=PROJECT_HEADER,
            max_length=63,
            description="Slug of the project to act in.",
            json_schema_extra={"pattern": f"^{SLUG.pattern}$"},  # said only: what is no slug names no project, a 404
        ),
    ] = None,
) -> Caller:
    """The caller of this request, who may make it.

    Raises ``Unauthorized``, ``RateLimited``, ``NotFound`` for a project that is not theirs, ``Forbidden``, and
    ``UnderMaintenance``.
    """
    who = await _counted(request, tx, services, credentials)
    caller_is_known("key" if isinstance(who, ApiKeyIdentity) else "person")
    caller = await _caller_of(tx, who, request.path_params.get(PATH_PROJECT) or project)
    place = caller.place
    structlog.contextvars.bind_contextvars(caller=caller.name, project_id=str(place.project_id))
    right = REQUIRED[request.scope["route"].name]
    _require(caller, right)
    await refuse_changes(request, tx, services)
    trail.know(
        ActorKind.KEY if isinstance(who, ApiKeyIdentity) else ActorKind.ACCOUNT,
        id=who.id,
        name=who.name if isinstance(who, ApiKeyIdentity) else who.email,
        role=" and ".join(place.roles) or None,
        project_id=place.project_id if right in IN_A_PROJECT or PATH_PROJECT in request.path_params else None,
    )
    return caller


Access = Annotated[Caller, Depends(authenticate)]


async def still_may(tx: Transaction, *, request: Request, caller: Caller) -> bool:
    """Whether who was let in would be let in again: for answers that last longer than a revocation may take.

    An access token that has merely run out meanwhile counts: it was good when the answer began, which ends by itself.
    """
    who: ApiKeyIdentity | AccountIdentity | None
    if isinstance(caller.who, AccountIdentity):
        who = await identify(tx, account_id=caller.who.id, session_epoch=caller.who.session_epoch)
    else:
        credentials = await _bearer(request)
        who = await verify_key(tx, credentials.credentials) if credentials is not None else None
    if who is None:
        return False
    try:
        again = await _caller_of(tx, who, request.path_params.get(PATH_PROJECT) or request.headers.get(PROJECT_HEADER))
        _require(again, REQUIRED[request.scope["route"].name])
    except (NotFound, Forbidden, InvalidInput):  # also: in several projects since, so that another one might be meant
        return False
    return again.place.project_id == caller.place.project_id


async def require_right(request: Request, route: str | None, *, path_params: Mapping[str, str]) -> None:
    """Raises as `authenticate` does for who may not use the route of this name; None: there is no such route."""
    services = request.app.state.services
    credentials = await _bearer(request)
    async with services.database.transaction() as tx:
        who = await _counted(request, tx, services, credentials)
        if route is not None:
            slug = path_params.get(PATH_PROJECT) or request.headers.get(PROJECT_HEADER)
            caller = await _caller_of(tx, who, slug)
            _require(caller, REQUIRED[route])
            request.scope[PROJECT_SCOPE] = caller.place.project_id


async def recognize(
    request: Request, tx: Transaction, services: ApiServices
) -> ApiKeyIdentity | AccountIdentity | None:
    """Who asks an open route; None: a stranger, who has no credential. Raises ``Unauthorized`` for one that is bad."""
    credentials = await _bearer(request)
    return None if credentials is None else await _identity_of(tx, services.tokens, credentials)


async def _counted(
    request: Request, tx: Transaction, services: ApiServices, credentials: HTTPAuthorizationCredentials | None
) -> ApiKeyIdentity | AccountIdentity:
    """Who asks, within their rate. A bad credential counts for its client, so guessing ends in ``RateLimited`` too."""
    try:
        who = await _identity_of(tx, services.tokens, credentials)
    except Unauthorized:
        await charge_stranger(request, services)
        raise
    await charge(request, services, who)
    return who


async def _caller_of(tx: Transaction, who: ApiKeyIdentity | AccountIdentity, slug: str | None) -> Caller:
    if slug is not None and SLUG.fullmatch(slug) is None:
        raise _no_project(slug)
    place = await _place_of(tx, who, slug)
    scopes = who.scopes if isinstance(who, ApiKeyIdentity) else ()
    return Caller(who=who, grants=grants_of(place.roles, scopes=scopes), place=place)


def _require(caller: Caller, permission: Permission) -> None:
    if permission in IN_A_PROJECT:
        _ = caller.project_id  # raises where there is none
    if permission is Permission.SELF or caller.may(permission):
        return
    if permission in IN_A_PROJECT:
        raise Forbidden(
            f"You are {_words(caller.place.roles)} in this project; this needs the right {permission}.",
            remedy="Ask a manager of the project for another role or key.",
            permission=permission,
        )
    raise Forbidden(
        f"This needs the right {permission} on the whole farm.",
        remedy="Ask the farm's administrator; workers and licences may be looked at without it.",
        permission=permission,
    )


def _words(roles: Sequence[Role]) -> str:
    return " and ".join(roles) or "nobody"


async def _identity_of(
    tx: Transaction, tokens: AccessTokens | None, credentials: HTTPAuthorizationCredentials | None
) -> ApiKeyIdentity | AccountIdentity:
    if credentials is None:
        raise Unauthorized("This request has no API key.", remedy=_HOW)
    presented = credentials.credentials
    if not AccessTokens.looks_like_one(presented):
        key = await verify_key(tx, presented)
        if key is None:
            raise Unauthorized("This API key is unknown, expired or revoked.", remedy=_HOW)
        return key
    claims = tokens.read(presented) if tokens is not None else None
    person = claims and await identify(tx, account_id=claims.account_id, session_epoch=claims.session_epoch)
    if not person:
        raise Unauthorized(
            "This access token is not valid, or its session has ended.",
            remedy="POST /v1/auth/refresh gives a new one, or log in again.",
        )
    return person


async def _place_of(tx: Transaction, who: ApiKeyIdentity | AccountIdentity, slug: str | None) -> _Place:
    if isinstance(who, ApiKeyIdentity):
        if slug is None and who.project_id is not None:
            return _Place(project_id=who.project_id, roles=(who.role,))
        found = await find_project(tx, slug=slug or DEFAULT_PROJECT)
        if found is None or who.project_id not in (None, found.id):
            raise _no_project(slug)
        return _Place(project_id=found.id, roles=(who.role,))
    return await _place_of_person(tx, who, slug)


async def _place_of_person(tx: Transaction, who: AccountIdentity, slug: str | None) -> _Place:
    everywhere: tuple[Role, ...] = (who.farm_role,) if who.farm_role else ()
    memberships = {each.slug: each for each in who.memberships}
    if slug is None and len(memberships) == 1:
        [slug] = memberships
    if slug is None and (DEFAULT_PROJECT in memberships or everywhere):
        slug = DEFAULT_PROJECT
    if slug is None:
        trouble: RayfarmError = NotFound("You are in no project.", remedy="Ask a manager for an invitation.")
        if memberships:
            trouble = InvalidInput(
                f"You are in several projects: {', '.join(sorted(memberships)[:10])}.",
                field=PROJECT_HEADER,
                remedy=f"Name one in the header {PROJECT_HEADER}.",
            )
        return _Place(roles=everywhere, trouble=trouble)
    if slug in memberships:
        member = memberships[slug]
        return _Place(project_id=member.project_id, roles=(member.role, *everywhere))
    found = await find_project(tx, slug=slug) if everywhere else None
    if found is None:
        raise _no_project(slug)
    return _Place(project_id=found.id, roles=everywhere)


def _no_project(slug: str | None) -> NotFound:
    asked = DEFAULT_PROJECT if slug is None else slug
    return NotFound(f"There is no project {asked!r}.", remedy=f"Leave out {PROJECT_HEADER}, or correct it.")
