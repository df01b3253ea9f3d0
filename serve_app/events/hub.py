"""Wakes the event streams of this process: one LISTEN connection, fanned out in memory.

A notification is a hint and may be lost; every stream also reads the rows again at each heartbeat. What is told of
frames that render is in the notification itself.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self
from uuid import UUID

import structlog

from db.listen import EVENTS, PROGRESS, listen
from db.settings import DatabaseSettings
from serve_app.events.live import Subscription

log = structlog.get_logger(__name__)


class EventHub:
    """``async with`` starts and ends its one task; ``subscribe`` gives what wakes when a job has news."""

    def __init__(self, *, database_settings: DatabaseSettings) -> None:
        self._database_settings = database_settings
        self._waiting: dict[UUID, set[Subscription]] = defaultdict(set)
        self._of_all: set[Subscription] = set()
        self._task: asyncio.Task[None] | None = None
        self.connected = asyncio.Event()
        """Set once notifications arrive; streams do not wait for it."""
        self.closing = False
        """The app is going away: streams end, and their clients resume at another process."""

    @contextmanager
    def subscribe(self, job_id: UUID) -> Iterator[Subscription]:
        """For one stream. Subscribe before reading the rows, so that nothing falls in between."""
        mine = Subscription()
        self._waiting[job_id].add(mine)
        try:
            yield mine
        finally:
            self._waiting[job_id].discard(mine)
            if not self._waiting[job_id]:
                del self._waiting[job_id]

    @contextmanager
    def subscribe_to_all(self) -> Iterator[Subscription]:
        """The same for a stream that tells of many jobs; of frames that render it hears nothing."""
        mine = Subscription()
        self._of_all.add(mine)
        try:
            yield mine
        finally:
            self._of_all.discard(mine)

    @property
    def streams(self) -> int:
        """Open subscriptions."""
        return sum(len(streams) for streams in self._waiting.values()) + len(self._of_all)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="event-hub")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing = True
        self._wake_all()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        async for note in listen(self._database_settings, [EVENTS, PROGRESS]):
            if not note.channel:  # connected again: whatever was said meanwhile is lost
                self.connected.set()
                self._wake_all()
                continue
            if note.channel == EVENTS:
                for stream in self._of_all:
                    stream.wake()
            try:
                told = json.loads(note.payload)
                job = told.get("job_id" if note.channel == PROGRESS else "job")
                for stream in self._waiting.get(UUID(job), ()) if job else ():
                    if note.channel == PROGRESS:
                        stream.tell(told)
                    else:
                        stream.wake()
            except (ValueError, AttributeError, KeyError, TypeError):
                log.warning("strange notification", action="api.event_payload", payload=note.payload[:200])

    def _wake_all(self) -> None:
        for streams in (*self._waiting.values(), self._of_all):
            for stream in streams:
                stream.wake()
