"""The text of a feed over many jobs: behind the last seen event, then live, with comments against silence."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractContextManager
from math import inf
from uuid import UUID

from db.feed import FeedEvent, FeedPage, FeedPlace, feed_horizon, read_feed
from db.session import Database, Transaction
from jobs.errors import InvalidInput, Unavailable
from jobs.events import EventKind
from jobs.fingerprint import canonical_json
from serve_app.events.hub import EventHub
from serve_app.events.stream import HEARTBEAT, RETRY_MS
from serve_app.settings import ApiSettings

_PLACE = re.compile(r"([0-9]{1,19})-([0-9]{1,18})")
_MOST = 2**63


async def place_after(tx: Transaction, *, last_event_id: str | None, after: str | None) -> FeedPlace:
    """Where a feed begins: behind the event that is named, else with what happens from now on.

    Raises ``InvalidInput`` for an id that no event of this database can have.
    """
    horizon = await feed_horizon(tx)
    named = last_event_id or after  # a browser that reconnects sends the header along with its first address
    if named is None:
        return horizon.place
    found = _PLACE.fullmatch(named)
    place = FeedPlace(int(found[1]), int(found[2])) if found else None
    if place is None or place.xid >= min(_MOST, horizon.beyond):
        raise InvalidInput(
            f"{named[:60]!r} is not an event id of this feed.",
            field="after" if last_event_id is None else "Last-Event-ID",
            remedy="Send the id of the last event that was seen, 0-0 for all that are kept, or none for what comes. "
            "Where the database was restored from a dump, read the state of the jobs and begin anew.",
        )
    return place


async def stream_feed(
    *,
    database: Database,
    hub: EventHub,
    settings: ApiSettings,
    place: AbstractContextManager[None],
    project_id: UUID | None,
    kinds: Collection[EventKind] | None,
    after: FeedPlace,
    still_may: Callable[[Transaction], Awaitable[bool]],
) -> AsyncIterator[bytes]:
    """Ends when the app closes, the caller may no longer read, or after the stream's longest life."""
    heartbeat, soon = settings.heartbeat.total_seconds(), settings.feed_every.total_seconds()
    yield f"retry: {RETRY_MS}\n\n".encode()
    told_at = checked_at = time.monotonic()
    ends_at = told_at + settings.stream_lifetime.total_seconds()
    with place, hub.subscribe_to_all() as news:
        while not hub.closing and time.monotonic() < ends_at:
            news.take_rows()
            page: FeedPage | None = None
            try:
                async with database.transaction() as tx:
                    if time.monotonic() - checked_at >= heartbeat:
                        if not await still_may(tx):
                            return
                        checked_at = time.monotonic()
                    page = await read_feed(
                        tx, project_id=project_id, kinds=kinds, after=after, limit=settings.event_page
                    )
            except Unavailable:
                pass  # the database is away: the stream lives on and catches up
            if page is not None:
                for event in page.events:
                    yield encode(event)
                after = page.place
                if page.events:
                    told_at = time.monotonic()
                if not page.is_whole:
                    continue
            if time.monotonic() - told_at >= heartbeat:
                yield HEARTBEAT
                told_at = time.monotonic()
            await asyncio.sleep(soon)
            if page is None or not page.is_held:
                await news.wait(words_from=inf, until=told_at + heartbeat)


def encode(event: FeedEvent) -> bytes:
    """One event as it goes over the line."""
    body = canonical_json(
        {
            "kind": str(event.kind),
            "project": str(event.project_id),
            "job": event.job_id and str(event.job_id),
            "model": event.model_id and str(event.model_id),
            "seq": event.seq,
            "at": event.at.isoformat(),
            "data": event.data,
        }
    )
    return b"id: %d-%d\nevent: %s\ndata: %s\n\n" % (event.place.xid, event.place.id, event.kind.encode(), body)
