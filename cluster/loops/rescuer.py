"""Rows whose owner fell silent go back to the queue."""

from __future__ import annotations

from datetime import timedelta

from cluster.loops.settings import LoopSettings
from cluster.metrics.ports import SILENT, FarmMeter
from db.dispatch import rescue_expired
from db.session import Database
from jobs.limits import FarmLimits


class Rescuer:
    """Raises the fence of every expired lease; see ``db.dispatch.rescue``."""

    name = "rescuer"

    def __init__(
        self,
        *,
        database: Database,
        settings: LoopSettings,
        limits: FarmLimits,
        task_lease: timedelta,
        meter: FarmMeter = SILENT,
    ) -> None:
        self._database = database
        self._limits = limits
        self._meter = meter
        self.every = settings.rescue_every
        self.grace = max(limits.lease, task_lease)
        self._failures: dict[int, int] = {}

    async def tick(self, epoch: int) -> int:
        rescued = await rescue_expired(self._database, epoch=epoch, limits=self._limits, failures=self._failures)
        self._meter.expired(rescued)
        return rescued
