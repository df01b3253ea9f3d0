"""Releases jobs whose wait for another job is over."""

from __future__ import annotations

from datetime import timedelta

from db.dispatch import release_blocked
from db.session import Database


class Releaser:
    """A loop (``cluster.loops.base.Loop``): the net below the end of a job, which releases what waits for it itself."""

    def __init__(self, *, database: Database, every: timedelta, batch: int) -> None:
        self._database = database
        self._every = every
        self._batch = batch

    @property
    def name(self) -> str:
        return "releaser"

    @property
    def every(self) -> timedelta:
        return self._every

    async def tick(self, epoch: int) -> int:
        """Up to ``batch`` blocked jobs go on, or fail with what they waited for."""
        return await release_blocked(self._database, epoch=epoch, limit=self._batch)
