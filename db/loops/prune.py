"""Rows that have served their time. Each kind has its own retention; None keeps it for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog

from db._query import run
from db.dispatch.leadership import hold_epoch
from db.errors import DatabaseUnavailable, LostLeadership, RowsBusy
from db.session import Database

_log = structlog.get_logger(__name__)

_BATCH = 1000
"""Rows deleted in one transaction: some ten milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long rows stay after they have ended; None: for ever."""

    replicas: timedelta | None
    """After the replica was gone."""
    leaders: timedelta | None
    """After the reign expired."""
    health: timedelta | None
    """After the loop last ran; one that a farm no longer has stops being shown then."""
    deliveries: timedelta | None
    """After an event was told, or given up."""
    events: timedelta | None
    """After their job ended."""
    logins: timedelta | None
    """After a refresh token or an invitation expired, or a login failed."""


async def prune(db: Database, *, retention: Retention, epoch: int, batches: int) -> int:
    """Delete up to ``batches`` batches of each kind; how many rows went. A kind that fails stops no other."""
    kinds = {
        "prune_replicas": retention.replicas,
        "prune_leaders": retention.leaders,
        "prune_loop_health": retention.health,
        "prune_outbox": retention.deliveries,
        "prune_events": retention.events,
        "prune_refresh_tokens": retention.logins,
        "prune_invitations": retention.logins,
        "prune_failed_logins": retention.logins,
        "prune_oidc_logins": retention.logins,
        "prune_oidc_sessions": timedelta(0),  # they hold names and addresses, and serve nothing after their end
        "prune_uploads": timedelta(0),
        "prune_rate_buckets": timedelta(0),  # full ones alone, and those say nothing
    }
    gone = 0
    for name, kept in kinds.items():
        if kept is None:
            continue
        try:
            gone += await _prune_kind(db, name, kept, epoch, batches)
        except RowsBusy as error:
            _log.warning("prune_waits", kind=name, error=str(error))
        except (LostLeadership, DatabaseUnavailable):
            raise
        except Exception:
            _log.exception("prune_failed", kind=name)
    return gone


async def _prune_kind(db: Database, name: str, kept: timedelta, epoch: int, batches: int) -> int:
    gone = 0
    for _ in range(batches):
        async with db.transaction() as tx:
            await hold_epoch(tx, epoch)
            await run(tx, "short_lock_wait")
            deleted = (await run(tx, name, kept=kept, limit=_BATCH)).rowcount
        gone += deleted
        if deleted < _BATCH:
            break
    return gone
