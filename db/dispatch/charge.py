"""Settles what projects have used: from the measured time of their jobs into the charge that fair shares compare."""

from __future__ import annotations

from datetime import timedelta

from db._query import run
from db.dispatch.leadership import hold_epoch
from db.session import Database

_COUNTS_FOR_HALF_LIVES = 10
"""After so many half-lives a charge is a thousandth of what it was, and is no longer looked for."""


async def charge_projects(db: Database, *, half_life: timedelta, batch: int, epoch: int) -> int:
    """Charge up to ``batch`` jobs with what they rendered since they were last charged; how many there were.

    Only rendered frames make ``render_ms_sum`` grow, so reused and interrupted work costs nothing.
    """
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        done = await run(
            tx, "charge_projects", half_life=half_life, look_back=half_life * _COUNTS_FOR_HALF_LIVES, batch=batch
        )
        return int(done.scalar_one())
