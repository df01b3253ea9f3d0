"""Asks each dependency, all at once and none for long. Answers carry no addresses: they need no key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import ClassVar

import structlog

from jobs.errors import RayfarmError, Unavailable
from serve_app.health.schemas import Check
from serve_app.services import ApiServices

log = structlog.get_logger(__name__)


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
    checks = await asyncio.gather(
        _check("database", services.database.ping, required=True, timeout=timeout),
        _check("storage", services.storage.check, required=True, timeout=timeout),
        _check("events", services.hub.connected.wait, required=False, timeout=timeout),
    )
    return list(checks)


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
