"""Events that have to be told outside: a row per event and target, written by a trigger with the event itself.

Each (job, target) is a stream in the order of the job's events: its oldest row alone may be claimed. A target is an
address of the settings, or ``webhook:`` and the id of a project's webhook (``db.loops.webhooks``). A claim puts the
row off by a lease, so that a sender that died is followed by another; a receiver may hear an event twice, never out of
order and never not at all, until it is given up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from db._query import run, storable
from db.dispatch.leadership import hold_epoch
from db.session import Database, Transaction

_ORPHANS = 1000
"""Rows of a target that is gone, failed in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one target."""

    id: int
    public_id: UUID
    attempts: int
    """This one counted; every write about it names it."""
    spared: int
    """Of them, those before somebody asked for it to be told again."""
    stream_id: UUID
    job_id: UUID | None
    job_name: str | None
    model_id: UUID | None
    project_id: UUID | None
    """None, with the rest of the event, for a webhook's ping."""
    event_id: int | None
    seq: int | None
    kind: str | None
    data: dict[str, Any]
    at: datetime


async def keep_targets(db: Database, *, cluster_id: str, urls: Sequence[str], epoch: int) -> int:
    """Make ``urls`` the targets of this cluster, and fail what waits for one that nobody names; rows changed."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        changed: int = (await run(tx, "keep_targets", cluster_id=cluster_id, urls=list(urls))).scalar_one()
    while True:
        async with db.transaction() as tx:
            await hold_epoch(tx, epoch)
            failed = (await run(tx, "fail_deliveries_to_nobody", limit=_ORPHANS)).rowcount
        changed += failed
        if failed < _ORPHANS:
            return changed


async def claim_deliveries(
    db: Database, *, target: str, limit: int, lease: timedelta, epoch: int, stream_id: UUID | None = None
) -> list[Delivery]:
    """Up to ``limit`` due events for ``target``, of as many streams (or the next of ``stream_id``), oldest first."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        rows = await run(tx, "claim_deliveries", target=target, stream_id=stream_id, limit=limit, lease=lease)
        return [Delivery(**row) for row in rows.mappings()]


async def finish_delivery(db: Database, delivery: Delivery, *, epoch: int) -> bool:
    """The target has it. False: another sender took it over meanwhile, and it may be told twice."""
    return await _end(db, delivery, state="done", error=None, pause=timedelta(0), epoch=epoch)


async def fail_delivery(db: Database, delivery: Delivery, *, error: str, pause: timedelta | None, epoch: int) -> bool:
    """The target did not take it: tried again after ``pause``; None: given up, and what waits behind it goes on."""
    state = "failed" if pause is None else "queued"
    return await _end(db, delivery, state=state, error=storable(error), pause=pause or timedelta(0), epoch=epoch)


async def _end(
    db: Database, delivery: Delivery, *, state: str, error: str | None, pause: timedelta, epoch: int
) -> bool:
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        return await end_delivery(tx, delivery, state=state, error=error, pause=pause)


async def end_delivery(tx: Transaction, delivery: Delivery, *, state: str, error: str | None, pause: timedelta) -> bool:
    """Write how this attempt ended; False: another sender has the row by now."""
    done = await run(
        tx, "end_delivery", id=delivery.id, attempts=delivery.attempts, state=state, error=error, pause=pause
    )
    return done.rowcount == 1
