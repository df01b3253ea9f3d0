"""Who calls, and for which project: bearer API keys, checked on every request.

A key of a project sees that project alone. A farm-wide key acts in project ``default`` unless the header
``X-Rayfarm-Project`` names another one by its slug. What belongs to another project is answered as not found, so that
nobody learns that it exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from db.bootstrap import DEFAULT_PROJECT
from db.keys import ApiKeyIdentity, verify_key
from db.repositories.projects import find_project
from db.session import Transaction
from jobs.errors import Forbidden, NotFound, Unauthorized
from serve_app.dependencies import Tx

_bearer = HTTPBearer(
    scheme_name="apiKey", bearerFormat="rf_<prefix>_<secret>", auto_error=False, description="An API key of this farm."
)

_HOW = "Send Authorization: Bearer <key>; `rayfarm up` keeps the first one in the farm's admin_key file."

PROJECT_HEADER = "X-Rayfarm-Project"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated caller, acting in one project."""

    key: ApiKeyIdentity
    project_id: UUID

    @property
    def is_admin(self) -> bool:
        """Whether the key opens the whole farm."""
        return self.key.project_id is None


async def authenticate(
    tx: Tx,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    project: Annotated[
        str | None, Header(alias=PROJECT_HEADER, max_length=63, description="Slug of the project to act in.")
    ] = None,
) -> Caller:
    """The caller of this request. Raises ``Unauthorized``, or ``NotFound`` for a project that is not theirs."""
    identity = await _identity_of(tx, credentials)
    caller = Caller(key=identity, project_id=await _project_of(tx, identity, project))
    structlog.contextvars.bind_contextvars(key=identity.name, project_id=str(caller.project_id))
    return caller


Access = Annotated[Caller, Depends(authenticate)]


async def require_admin(caller: Access) -> Caller:
    """Raises ``Forbidden`` for a key of one project: the farm's machines belong to all of them."""
    if not caller.is_admin:
        raise Forbidden(
            "This needs a key of the whole farm.",
            remedy="Ask the farm's administrator; a key of a project may look at workers, not change them.",
        )
    return caller


Admin = Annotated[Caller, Depends(require_admin)]


async def refuse_strangers(request: Request) -> None:
    """Raises ``Unauthorized`` before a body is read: the framework reads and parses it ahead of `authenticate`."""
    credentials = await _bearer(request)
    async with request.app.state.services.database.transaction() as tx:
        await _identity_of(tx, credentials)


async def _identity_of(tx: Transaction, credentials: HTTPAuthorizationCredentials | None) -> ApiKeyIdentity:
    if credentials is None:
        raise Unauthorized("This request has no API key.", remedy=_HOW)
    identity = await verify_key(tx, credentials.credentials)
    if identity is None:
        raise Unauthorized("This API key is unknown, expired or revoked.", remedy=_HOW)
    return identity


async def _project_of(tx: Transaction, identity: ApiKeyIdentity, slug: str | None) -> UUID:
    if slug is None and identity.project_id is not None:
        return identity.project_id
    found = await find_project(tx, slug=slug or DEFAULT_PROJECT)
    if found is None or identity.project_id not in (None, found.id):
        raise NotFound(
            f"There is no project {slug or DEFAULT_PROJECT!r}.", remedy=f"Leave out {PROJECT_HEADER}, or correct it."
        )
    return found.id
