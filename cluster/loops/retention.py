"""Ends the outputs of jobs whose time is over, after notice; the collector takes the files away."""

from __future__ import annotations

from cluster.loops.settings import LoopSettings
from db.loops.expiry import expire_outputs, set_expiry, tell_expiry
from db.session import Database

_BATCH = 200
"""Jobs of each step in one tick."""


class OutputExpirer:
    """A loop over ended jobs with ``expires_at``."""

    name = "output_expirer"

    def __init__(self, *, database: Database, settings: LoopSettings) -> None:
        self._database = database
        self._settings = settings
        self.every = settings.outputs_every

    async def tick(self, epoch: int) -> int:
        """Ends are given and told before any is carried out, so nothing goes that was not told of."""
        kept, notice = self._settings.outputs_kept, self._settings.outputs_notice
        handled = 0
        if kept is not None:
            handled += await set_expiry(self._database, kept=kept, notice=notice, limit=_BATCH, epoch=epoch)
        handled += await tell_expiry(self._database, notice=notice, limit=_BATCH, epoch=epoch)
        return handled + await expire_outputs(self._database, limit=_BATCH, epoch=epoch)
