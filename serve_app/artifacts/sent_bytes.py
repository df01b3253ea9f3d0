"""Counts what this process sends of the files of jobs, and books it in batches: no request waits for that."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Self
from uuid import UUID

import structlog

from db.billing.traffic import add_bytes_sent
from db.session import Database
from jobs.errors import Unavailable

_log = structlog.get_logger(__name__)


class SentBytes:
    """An async context: leaving it books what is left. A process that is killed loses what it has not booked yet, so
    a project is never charged for more than it got."""

    def __init__(self, *, database: Database, every: timedelta) -> None:
        self._database = database
        self._every_s = every.total_seconds()
        self._sent: Counter[UUID] = Counter()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._book_for_ever(), name="book-sent-bytes")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.book()

    async def counted(self, key: str, content: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """The same bytes; those that were handed on are counted, also where the client leaves in between."""
        job_id = _job_of(key)
        async with aclosing(content):
            async for piece in content:
                yield piece
                if job_id is not None:
                    self._sent[job_id] += len(piece)

    async def book(self) -> None:
        """Into the database. During an outage the counts are kept for the next time; only where the outcome of a
        commit is unknown are they given up."""
        sent, self._sent = self._sent, Counter()
        if not sent:
            return
        committing = False
        try:
            async with self._database.transaction() as tx:
                await add_bytes_sent(tx, sent)
                committing = True
        except (Unavailable, OSError, asyncio.CancelledError) as error:
            if not committing:
                self._sent.update(sent)
            _log.warning("sent_bytes_not_booked", jobs=len(sent), kept=not committing, error=repr(error))
            if isinstance(error, asyncio.CancelledError):
                raise

    async def _book_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.book()
            except Exception:
                _log.exception("sent_bytes_not_booked")


def _job_of(key: str) -> UUID | None:
    """Outputs lie under ``artifacts/{job}/``; whatever else is in storage belongs to no job."""
    folder, _, rest = key.partition("/")
    try:
        return UUID(rest.partition("/")[0]) if folder == "artifacts" else None
    except ValueError:
        return None
