"""How each loop does, as rows: an operator asks the API, whichever process leads."""

from __future__ import annotations

from datetime import timedelta

from db._query import run, storable
from db.dispatch.leadership import hold_epoch
from db.session import Database

_ERROR_CHARACTERS = 500


async def record_tick(
    db: Database,
    *,
    name: str,
    cluster_id: str,
    every: timedelta,
    took_ms: float,
    handled: int,
    error: str | None,
    epoch: int,
) -> None:
    """Note one tick: ``error`` says why it failed, None that it went well."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        await run(tx, "async_commit")
        await run(
            tx,
            "record_tick",
            name=name,
            cluster_id=cluster_id,
            every_ms=every.total_seconds() * 1000,
            took_ms=took_ms,
            handled=handled,
            failed=error is not None,
            error=None if error is None else storable(error)[:_ERROR_CHARACTERS],
        )
