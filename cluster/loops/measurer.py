"""Looks at the farm as a whole, for those who watch it from outside."""

from __future__ import annotations

from datetime import timedelta

from cluster.loops.settings import LoopSettings
from cluster.metrics.ports import FarmMeter
from db.loops.measure import measure_farm
from db.session import Database


class Measurer:
    """A loop (``cluster.loops.base``) that writes nothing: it handles no rows."""

    name = "measurer"

    def __init__(
        self, *, database: Database, cluster_id: str, settings: LoopSettings, silent_after: timedelta, meter: FarmMeter
    ) -> None:
        self._database = database
        self._cluster_id = cluster_id
        self._silent_after = silent_after
        self._named_projects = settings.cost_projects
        self._meter = meter
        self.every = settings.measure_every

    async def tick(self, epoch: int) -> int:
        self._meter.show(
            await measure_farm(
                self._database,
                cluster_id=self._cluster_id,
                silent_after=self._silent_after,
                named_projects=self._named_projects,
            )
        )
        return 0

    def hush(self) -> None:
        """The leader that follows shows the farm; what this one showed last would stand beside it for ever."""
        self._meter.clear()
