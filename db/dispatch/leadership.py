"""Who leads: a row with a time to live, and an epoch that every write of the leader carries."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from db._query import run
from db.errors import LostLeadership
from db.session import Database, Transaction

DISPATCHER_ROLE = "dispatcher"
"""Who plans for a cluster."""

LOOPS_ROLE = "loops"
"""Who runs the loops beside it."""

_LONGEST_PAUSE = timedelta(seconds=2)
"""Between two statements of a leader's transaction. It holds the row that others need to take over: one that stands
still for longer (a stopped process) loses its connection, and with it the row. Below the time to live of a reign."""


async def lead(db: Database, *, role: str, cluster_id: str, holder: UUID, ttl: timedelta) -> int | None:
    """Take the lead, or keep it for another ``ttl``; the epoch of this reign, or None while somebody else leads."""
    async with db.transaction() as tx:
        done = await run(tx, "lead", role=role, cluster_id=cluster_id, holder=holder, ttl=ttl)
        epoch: int | None = done.scalar_one_or_none()
        return epoch


async def resign(db: Database, *, role: str, cluster_id: str, holder: UUID) -> None:
    """Let another lead at once; late writes under the old epoch are refused."""
    async with db.transaction() as tx:
        await run(tx, "resign", role=role, cluster_id=cluster_id, holder=holder)


async def hold_epoch(tx: Transaction, epoch: int) -> None:
    """First statement of each write of a leader: ``LostLeadership`` unless this epoch still reigns.

    A leader whose row expired may go on until somebody takes over, which cannot happen within the transaction.
    """
    pause_ms = str(int(_LONGEST_PAUSE.total_seconds() * 1000))
    if (await run(tx, "hold_epoch", epoch=epoch, longest_pause_ms=pause_ms)).one_or_none() is None:
        raise LostLeadership(epoch=epoch)
