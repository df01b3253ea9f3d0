"""Follows the streams of one target: of each job its oldest due event, and then the next ones while they are taken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from cluster.loops.backoff import pause_before_next
from db.errors import DatabaseUnavailable, LostLeadership
from db.loops import Delivery, claim_deliveries
from db.session import Database

_log = structlog.get_logger(__name__)

_TURN = timedelta(seconds=10)
"""How long a turn goes on to take the next event of a stream; what is left waits for the next turn."""

Tell = Callable[[Delivery], Awaitable[bool]]
"""Tells one event. Whether the target has it, or it was given up, so that the next one is due."""


async def follow_streams(
    database: Database, *, target: str, streams: int, lease: timedelta, epoch: int, tell: Tell
) -> int:
    """One turn over up to ``streams`` streams at once; how many events were told. A bug in one stops no other."""
    heads = await claim_deliveries(database, target=target, limit=streams, lease=lease, epoch=epoch)
    until = time.monotonic() + _TURN.total_seconds()

    async def follow(delivery: Delivery) -> int:
        told = 0
        try:
            while await tell(delivery):
                told += 1
                if time.monotonic() >= until:
                    break
                behind = await claim_deliveries(
                    database, target=target, stream_id=delivery.stream_id, limit=1, lease=lease, epoch=epoch
                )
                if not behind:
                    break
                delivery = behind[0]
        except (LostLeadership, DatabaseUnavailable):
            raise
        except Exception:
            _log.exception("delivery_broke", outbox_id=delivery.id, stream_id=str(delivery.stream_id))
        return told

    outcomes = await asyncio.gather(*(follow(head) for head in heads), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return sum(count for count in outcomes if isinstance(count, int))


def pause_after(attempts: int, *, most: int, first: timedelta, longest: timedelta) -> timedelta | None:
    """Before the next attempt; None once there were ``most``."""
    return None if attempts >= most else pause_before_next(attempts, first=first, longest=longest)
