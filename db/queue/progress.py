"""How far a frame is, told while it renders. No row of it is kept but the last word, in the replica's own row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from db._query import as_json, run
from db.listen import PROGRESS
from db.session import Database


async def tell_progress(
    db: Database,
    *,
    replica_id: UUID,
    work_id: int,
    fence: int,
    ordinal: int,
    current: Mapping[str, Any],
    told: Mapping[str, Any],
) -> bool:
    """Tell where a frame of a chunk stands; False, and nothing told, where the frame is not this replica's any more.

    ``current``: what the replica's row shows from now on. ``told``: what those who watch the job hear; with it go the
    replica, the time, and ``seq``: the job's last event, which this progress lies behind.
    """
    async with db.transaction() as tx:
        await run(tx, "async_commit")
        done = await run(
            tx,
            "tell_progress",
            replica_id=replica_id,
            work_id=work_id,
            fence=fence,
            ordinal=ordinal,
            current=as_json(current),
            told=as_json(told),
            channel=PROGRESS,
        )
        return done.one_or_none() is not None
