"""Waits for a job on behalf of a request: woken by the event hub, bounded in time and number, never a poll."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import UUID

from starlette.requests import Request

from db.repositories.jobs import has_ended
from db.session import Transaction
from jobs.errors import Unavailable
from serve_app.events.live import Subscription
from serve_app.places import TooManyAtOnce
from serve_app.services import ApiServices

Look = Callable[[Transaction], Awaitable[bool]]
"""Whether what is waited for is there."""


async def wait_for_end(
    services: ApiServices, *, request: Request, project_id: UUID, job_id: UUID, at_most: timedelta
) -> bool:
    """Until the job has ended; see ``wait_until``."""

    async def look(tx: Transaction) -> bool:
        return await has_ended(tx, job_id=job_id)

    return await wait_until(look, services, request=request, project_id=project_id, job_id=job_id, at_most=at_most)


async def wait_until(
    look: Look, services: ApiServices, *, request: Request, project_id: UUID, job_id: UUID, at_most: timedelta
) -> bool:
    """Until ``look`` finds it, ``at_most`` is over, the client is gone or the app closes. False: there was no place to
    wait in, and the preference for it is not met.

    The rows are read once for each event of the job, and once in a heartbeat where a notification was lost. Holds no
    transaction: commit what the answer depends on before. A client that goes away ends the wait and nothing else.
    """
    if at_most <= timedelta(0):
        return True
    try:
        services.waits.require_one(project_id)
    except TooManyAtOnce:
        return False
    ends_at = time.monotonic() + at_most.total_seconds()
    heartbeat_s = services.settings.heartbeat.total_seconds()
    with services.waits.take(project_id), services.hub.subscribe(job_id) as news:
        async with _client_of(request, news) as client:
            while True:
                news.take_rows()  # before the look: what is written behind it wakes again
                if await _found(look, services) or services.hub.closing or client.done():
                    break
                now = time.monotonic()
                if now >= ends_at:
                    break
                await news.wait(words_from=math.inf, until=min(ends_at, now + heartbeat_s))
    return True


async def _found(look: Look, services: ApiServices) -> bool:
    try:
        async with services.database.transaction() as tx:
            return await look(tx)
    except Unavailable:  # the database is away: it may be back before the wait is over
        return False


@asynccontextmanager
async def _client_of(request: Request, news: Subscription) -> AsyncIterator[asyncio.Task[None]]:
    """A task that ends, and wakes the wait, when the client has gone."""
    watch = asyncio.create_task(_gone(request), name="client-of-a-wait")
    watch.add_done_callback(lambda _: news.wake())
    try:
        yield watch
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass  # the end of the request's body
