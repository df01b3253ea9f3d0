"""What the sender of webhooks reads and writes: which of them have work, and how each post ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from db._query import run, storable
from db.dispatch.leadership import hold_epoch
from db.events import append_project_event
from db.loops.outbox import Delivery, end_delivery
from db.session import Database, Transaction
from jobs.chat import WebhookFormat
from jobs.events import EventKind
from jobs.webhooks import SecretSeed


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookWithWork:
    """A webhook that something waits for."""

    id: UUID
    project_id: UUID
    project_name: str
    url: str
    format: WebhookFormat
    seeds: tuple[SecretSeed, ...]
    """Of the secrets that sign now, the newest first; none where it is chat."""
    fails: bool
    """Its last post was not taken."""

    @property
    def target(self) -> str:
        return f"webhook:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """How one post ended."""

    taken: bool
    status: int | None
    duration_ms: float
    answer: str
    """The beginning of the answer's body."""
    error: str | None
    """For people; None where it was taken."""
    pause: timedelta | None
    """Before the next attempt; None: none, it was taken or is given up."""
    gone: bool = False
    """The receiver wants no more, ever."""
    receivers_fault: bool = True
    """Whether a failure counts against the webhook."""


async def webhooks_with_work(db: Database) -> list[WebhookWithWork]:
    """Those that are enabled, do not rest, and have events waiting."""
    async with db.transaction() as tx:
        rows = (await run(tx, "webhooks_with_work")).all()
    found = []
    for row in rows:
        seeds = [SecretSeed(salt=bytes(row.salt), key_id=row.key_id)] if row.salt is not None else []
        if row.previous_salt is not None:
            seeds.append(SecretSeed(salt=bytes(row.previous_salt), key_id=row.previous_key_id))
        found.append(
            WebhookWithWork(
                id=row.id,
                project_id=row.project_id,
                project_name=row.project_name,
                url=row.url,
                format=WebhookFormat(row.format),
                seeds=tuple(seeds),
                fails=row.fails,
            )
        )
    return found


async def end_webhook_delivery(
    db: Database,
    delivery: Delivery,
    tried: Tried,
    *,
    webhook_id: UUID,
    first_pause: timedelta,
    longest_rest: timedelta,
    disable_after: timedelta,
    epoch: int,
) -> bool:
    """Write how a post ended into the log, and what it says of the webhook; False: another sender has the row by now.

    A webhook whose receiver is gone, or has failed for ``disable_after``, is disabled, with its event.
    """
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        state = "done" if tried.taken else "failed" if tried.pause is None else "queued"
        error = None if tried.error is None else storable(tried.error)
        pause = tried.pause or timedelta(0)
        if not await end_delivery(tx, delivery, state=state, error=error, pause=pause):
            return False
        await run(
            tx,
            "insert_webhook_attempt",
            id=delivery.id,
            attempt=delivery.attempts,
            duration_ms=tried.duration_ms,
            status=tried.status,
            answer=storable(tried.answer),
            error=error,
        )
        if tried.taken:
            await run(tx, "webhook_recovers", id=webhook_id)
        if tried.taken or not tried.receivers_fault:
            return True
        failed = await run(
            tx,
            "webhook_fails",
            id=webhook_id,
            first_pause=first_pause,
            longest_rest=longest_rest,
            disable_after=disable_after,
        )
        for_too_long = failed.scalar_one_or_none()
        if tried.gone:
            await _disable(tx, webhook_id, reason="gone", message="The receiver answered 410 Gone.")
        elif for_too_long:
            await _disable(tx, webhook_id, reason="failing", message=f"It took nothing for {disable_after}: {error}")
    return True


async def _disable(tx: Transaction, webhook_id: UUID, *, reason: str, message: str) -> None:
    row = (await run(tx, "disable_webhook", id=webhook_id, reason=reason)).one_or_none()
    if row is not None:
        await append_project_event(
            tx,
            project_id=row.project_id,
            kind=EventKind.WEBHOOK_DISABLED,
            data={"webhook": webhook_id, "description": row.description, "reason": reason, "message": message},
        )
