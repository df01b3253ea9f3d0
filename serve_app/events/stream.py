"""The text of an event stream: replay behind the last seen event, then live, with comments against silence."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from uuid import UUID

from db.events import EventRow, read_events
from db.session import Database, Transaction
from jobs.errors import Unavailable
from jobs.events import TERMINAL_JOB_EVENT_STATES, EventKind
from jobs.fingerprint import canonical_json
from serve_app.events.hub import EventHub
from serve_app.events.live import encode_word
from serve_app.events.service import Start
from serve_app.settings import ApiSettings

RETRY_MS = 2000
"""What a browser waits before it connects again."""

HEARTBEAT = b": still here\n\n"


async def stream_events(
    *,
    database: Database,
    hub: EventHub,
    settings: ApiSettings,
    place: AbstractContextManager[None],
    job_id: UUID,
    start: Start,
    still_may: Callable[[Transaction], Awaitable[bool]],
) -> AsyncIterator[bytes]:
    """Ends when the job is over and all is told, when the app closes, or after the stream's longest life.

    The event that ends the job need not be its last: an output that the job did not wait for is told behind it.
    Between events it tells of frames that render (``serve_app.events.live``). Whether the caller may still read is
    looked at again every heartbeat: a key that is revoked, or somebody who has left the project, hears no more by then.
    """
    after_seq, is_over = start.after_seq, start.is_over
    yield f"retry: {RETRY_MS}\n\n".encode()
    ends_at = time.monotonic() + settings.stream_lifetime.total_seconds()
    read_at = words_at = 0.0  # at once
    checked_at = time.monotonic()
    with place, hub.subscribe(job_id) as news:
        while not hub.closing and time.monotonic() < ends_at:
            if news.take_rows() or time.monotonic() >= read_at:
                try:
                    async with database.transaction() as tx:
                        if time.monotonic() - checked_at >= settings.heartbeat.total_seconds():
                            if not await still_may(tx):
                                return
                            checked_at = time.monotonic()
                        rows = await read_events(tx, job_id=job_id, after_seq=after_seq, limit=settings.event_page)
                    told = True
                except Unavailable:
                    rows, told = [], False  # the database is away: the stream lives on and catches up
                for row in rows:
                    yield encode_event(row, job_id=job_id)
                    after_seq = row.seq
                    news.note_event(row.kind, row.seq, row.data)
                    if row.kind is EventKind.JOB_STATE:
                        is_over = ends_job(row)  # a retry goes on behind the end of a job
                if len(rows) == settings.event_page:
                    read_at = 0.0
                    continue
                if is_over and told:
                    return
                read_at = time.monotonic() + settings.heartbeat.total_seconds()
            if time.monotonic() >= words_at and (words := news.take_words()):
                for word in words:
                    yield encode_word(word, job_id=job_id)
                words_at = time.monotonic() + settings.progress_every.total_seconds()
            if not await news.wait(words_from=words_at, until=read_at):
                yield HEARTBEAT


def encode_event(row: EventRow, *, job_id: UUID) -> bytes:
    """One event as it goes over the line."""
    body = canonical_json(
        {"seq": row.seq, "kind": str(row.kind), "job": str(job_id), "at": row.at.isoformat(), "data": row.data}
    )
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (row.seq, row.kind.encode(), body)


def ends_job(row: EventRow) -> bool:
    """Whether a feed may be closed behind this event."""
    return row.kind is EventKind.JOB_STATE and row.data.get("state") in TERMINAL_JOB_EVENT_STATES
