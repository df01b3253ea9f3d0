"""Rows that have served their time are deleted."""

from __future__ import annotations

from cluster.loops.settings import LoopSettings
from db.loops import Retention, prune
from db.session import Database

_BATCHES = 20
"""Batches of each kind in one tick: 20,000 rows in some seconds at most."""


class Pruner:
    """Replicas long gone, old reigns, told events; see ``db.loops.prune``."""

    name = "pruner"

    def __init__(self, *, database: Database, settings: LoopSettings) -> None:
        self._database = database
        self.every = settings.prune_every
        self._retention = Retention(
            replicas=settings.replicas_kept,
            leaders=settings.leaders_kept,
            health=settings.health_kept,
            deliveries=settings.deliveries_kept,
            events=settings.events_kept,
            logins=settings.logins_kept,
        )

    async def tick(self, epoch: int) -> int:
        return await prune(self._database, retention=self._retention, epoch=epoch, batches=_BATCHES)
