"""Verdicts that their writer did not live to write."""

from __future__ import annotations

from cluster.loops.settings import LoopSettings
from db.dispatch import finish_jobs
from db.session import Database


class Finisher:
    """Settles jobs all of whose frames have their outcome; normally whoever wrote the last one has done it."""

    name = "finisher"

    def __init__(self, *, database: Database, settings: LoopSettings) -> None:
        self._database = database
        self.every = settings.finish_every

    async def tick(self, epoch: int) -> int:
        return await finish_jobs(self._database, epoch=epoch)
