"""Asks each dependency, all at once and none for long. Answers carry no addresses: they need no key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import ClassVar

import structlog

from db.dispatch import DISPATCHER_ROLE, LOOPS_ROLE
from db.readiness import SchemaState, leaderless, schema_state
from jobs.errors import RayfarmError, Unavailable
from serve_app.health.schemas import Check
from serve_app.services import ApiServices

log = structlog.get_logger(__name__)


class SchemaBehind(Unavailable):
    """The database lacks a migration of this release."""

    code: ClassVar[str] = "schema-behind"


class Leaderless(Unavailable):
    """Nobody leads a part of the farm."""

    code: ClassVar[str] = "leaderless"


class NotReady(Unavailable):
    """Something that the API needs does not answer."""

    code: ClassVar[str] = "not-ready"


async def check_all(services: ApiServices) -> list[Check]:
    """Every dependency's state. Raises ``NotReady`` with all of them where a required one is away."""
    checks = await check_each(services)
    away = [check.name for check in checks if check.required and not check.ok]
    if away:
        raise NotReady(
            f"Not ready: {', '.join(away)}.",
            remedy="The farm's log names the cause; it is looked at again with every request.",
            checks=[check.model_dump() for check in checks],
        )
    return checks


async def check_each(services: ApiServices) -> list[Check]:
    """Every dependency's state, whatever it is."""
    timeout = services.settings.ready_timeout.total_seconds()
    in_database, storage, events = await asyncio.gather(
        _check_database(services, timeout),
        _check("storage", services.storage.check, required=True, timeout=timeout),
        _check("events", services.hub.connected.wait, required=False, timeout=timeout),
    )
    return [*in_database, storage, events]


async def _check_database(services: ApiServices, timeout: float) -> list[Check]:
    """One behind the other: a probe takes one connection of the pool, and not four from those who work."""
    database = await _check("database", services.database.ping, required=True, timeout=timeout)
    behind: list[tuple[str, Callable[[], Awaitable[object]], bool]] = [
        ("schema", lambda: require_schema(services), True),
        ("dispatcher", lambda: _require_leader(services, DISPATCHER_ROLE), False),
        ("loops", lambda: _require_leader(services, LOOPS_ROLE), False),
    ]
    if not database.ok:
        return [database, *(_unknown(name, required=required) for name, _, required in behind)]
    return [
        database,
        *[await _check(name, ask, required=required, timeout=timeout) for name, ask, required in behind],
    ]


def _unknown(name: str, *, required: bool) -> Check:
    return Check(name=name, ok=False, required=required, ms=0, detail="the database does not say")


async def check_schema(services: ApiServices) -> SchemaState:
    """Where the schema stands. Raises ``Unavailable`` while it is behind, or the database does not answer in time."""
    try:
        return await asyncio.wait_for(require_schema(services), services.settings.ready_timeout.total_seconds())
    except TimeoutError:
        raise NotReady("Not started: the database does not answer in time.") from None


async def require_schema(services: ApiServices) -> SchemaState:
    """Raises ``SchemaBehind``."""
    state = await schema_state(services.database)
    if state.behind:
        raise SchemaBehind(
            f"The database is at revision {state.revision or 'none'}; this release needs {state.wanted}.",
            remedy="Run the migrations: python -m db.migrate (`rayfarm up` does it by itself).",
        )
    return state


async def _require_leader(services: ApiServices, role: str) -> None:
    if await leaderless(services.database, [role]):
        raise Leaderless(f"No process of the farm leads as {role!r}.")


async def _check(name: str, ask: Callable[[], Awaitable[object]], *, required: bool, timeout: float) -> Check:
    started = time.monotonic()
    detail = None
    try:
        await asyncio.wait_for(ask(), timeout)
    except TimeoutError:
        detail = "does not answer in time"
    except RayfarmError as error:
        detail = error.code
        log.warning("not ready", action="api.not_ready", dependency=name, error=error.message)
    except Exception as error:
        detail = "failed"
        log.warning("not ready", action="api.not_ready", dependency=name, error=repr(error))
    return Check(
        name=name,
        ok=detail is None,
        required=required,
        ms=round((time.monotonic() - started) * 1000, 1),
        detail=detail,
    )
