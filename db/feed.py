"""The feed over many jobs: every event, in an order in which none is skipped.

A number that an insert draws says nothing of when it is committed: a reader that has seen event 7 would never see
event 6 of a transaction that commits later. So events are ordered by the transaction that wrote them, and told as far
as every older transaction has ended (``pg_snapshot_xmin``). Two that overlap may number one job's events the other way
round.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from db._query import run
from db.session import Transaction
from jobs.events import EventKind


@dataclass(frozen=True, slots=True, order=True)
class FeedPlace:
    """How far a feed was read; all of it lies behind ``FeedPlace(0, 0)``."""

    xid: int
    """Of the transaction that wrote the last event."""
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    place: FeedPlace
    project_id: UUID
    job_id: UUID | None
    model_id: UUID | None
    seq: int
    """Of its job; 0 for what is no job's."""
    kind: EventKind
    data: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    events: tuple[FeedEvent, ...]
    place: FeedPlace
    """Where the next page begins."""
    is_whole: bool
    """Nothing more can be told now."""
    is_held: bool
    """Something is committed that cannot be told yet: read again soon, for nothing will be notified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """What the feeds can tell now."""

    place: FeedPlace
    """Behind all that can be told."""
    beyond: int
    """No transaction of this database has had this number."""
    is_held: bool


async def feed_horizon(tx: Transaction) -> Horizon:
    row = (await run(tx, "feed_horizon")).one()
    return Horizon(place=FeedPlace(int(row.horizon), 0), beyond=int(row.beyond), is_held=row.is_held)


async def read_feed(
    tx: Transaction, *, project_id: UUID | None, kinds: Collection[EventKind] | None, after: FeedPlace, limit: int
) -> FeedPage:
    """Events behind ``after``. ``project_id`` None: of the whole farm. ``kinds`` None: all of them; empty: none."""
    horizon = await feed_horizon(tx)  # first: what it calls ended, the next statement sees
    rows = await run(
        tx,
        "read_feed" if project_id is None else "read_feed.project",
        xid=str(after.xid),
        id=after.id,
        horizon=str(horizon.place.xid),
        kinds=None if kinds is None else [str(kind) for kind in kinds],
        limit=limit,
        **({} if project_id is None else {"project_id": project_id}),
    )
    events = tuple(_event(row) for row in rows.mappings())
    is_whole = len(events) < limit
    place = max(after, horizon.place) if is_whole else events[-1].place
    return FeedPage(events=events, place=place, is_whole=is_whole, is_held=horizon.is_held)


def _event(row: Any) -> FeedEvent:
    facts = dict(row)
    place = FeedPlace(int(facts.pop("xid")), facts.pop("id"))
    return FeedEvent(**{**facts, "place": place, "kind": EventKind(facts["kind"])})
