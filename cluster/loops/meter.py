"""Charges projects with what they used, so that the planner can share the farm fairly."""

from __future__ import annotations

from datetime import timedelta

from db.dispatch import charge_projects
from db.session import Database
from jobs.planning import PlanSettings

BATCH = 1000
"""Jobs that one statement charges."""

BATCHES_PER_TICK = 20
"""Statements of one tick; the next goes on where it stopped."""


class Meter:
    """A loop (``cluster.loops.base``). What it has not charged yet the planner's snapshot adds by itself, so a late
    meter makes no share wrong; it only lets the charge decay from the time at which it came by."""

    name = "meter"
    every = timedelta(seconds=5)

    def __init__(self, *, database: Database, plan_settings: PlanSettings, batch: int = BATCH) -> None:
        self._database = database
        self._half_life = plan_settings.share_half_life
        self._batch = batch

    async def tick(self, epoch: int) -> int:
        """Charge what is due; how many jobs that were."""
        charged = 0
        for _ in range(BATCHES_PER_TICK):
            now = await charge_projects(self._database, half_life=self._half_life, batch=self._batch, epoch=epoch)
            charged += now
            if now < self._batch:
                break
        return charged
