"""Keeps what budgets and credits are added up from short, and tells of what they pass; also the meter of storage."""

from __future__ import annotations

from datetime import timedelta

from db.billing.upkeep import measure_storage, settle_spend, tell_money
from db.session import Database

BATCH = 1000
"""Daily sums that one statement hands over."""

BATCHES_PER_TICK = 20
"""Statements of one tick; the next goes on where it stopped."""


class Biller:
    """A loop (``cluster.loops.base``). Whether a project may go on is read from the committed rows themselves: a late
    biller lets nothing be overspent, only its events come later."""

    name = "biller"

    def __init__(self, *, database: Database, every: timedelta, batch: int = BATCH) -> None:
        self.every = every
        self._database = database
        self._batch = batch

    async def tick(self, epoch: int) -> int:
        """Hand over daily sums, and tell of thresholds; how many of both."""
        handled = 0
        for _ in range(BATCHES_PER_TICK):
            now = await settle_spend(self._database, batch=self._batch, epoch=epoch)
            handled += now
            if now < self._batch:
                break
        return handled + len(await tell_money(self._database, epoch=epoch))


class StorageMeter:
    """A loop. Between two looks as much is taken to be stored as at the first of them."""

    name = "storage-meter"

    def __init__(self, *, database: Database, every: timedelta) -> None:
        self.every = every
        self._database = database

    async def tick(self, epoch: int) -> int:
        """Measure; how many projects store anything."""
        return await measure_storage(self._database, epoch=epoch)
