"""Ends jobs that are past a deadline."""

from __future__ import annotations

from datetime import timedelta

from db.dispatch import expire_jobs
from db.session import Database


class Expirer:
    """A loop (``cluster.loops.base.Loop``) over jobs with ``start_before`` or ``finish_before``."""

    def __init__(self, *, database: Database, every: timedelta, batch: int) -> None:
        self._database = database
        self._every = every
        self._batch = batch

    @property
    def name(self) -> str:
        return "expirer"

    @property
    def every(self) -> timedelta:
        return self._every

    async def tick(self, epoch: int) -> int:
        """Up to ``batch`` jobs end as ``deadline``; the longest overdue first."""
        return await expire_jobs(self._database, epoch=epoch, limit=self._batch)
