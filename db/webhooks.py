"""Webhooks of a project: where its events are told, and the log of what was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, and_, case, delete, func, insert, or_, select, tuple_, update

from db._query import run
from db.session import Transaction
from db.tables import EVENT, OUTBOX, PROJECT, WEBHOOK, WEBHOOK_ATTEMPT
from jobs.events import EventKind
from jobs.webhooks import SecretSeed


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRow:
    """As lists show it: nothing of its secrets."""

    id: UUID
    url: str
    format: str
    description: str
    kinds: list[str]
    enabled: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    failing_since: datetime | None
    previous_until: datetime | None
    """While the secret of before signs too."""
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One event on its way to one webhook, or told, or given up."""

    id: UUID
    kind: str
    state: str
    job_id: UUID | None
    model_id: UUID | None
    seq: int | None
    attempts: int
    error: str | None
    next_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One post."""

    attempt: int
    at: datetime
    duration_ms: float
    status: int | None
    answer: str
    error: str | None


_UNTIL = case((WEBHOOK.c.previous_until > func.now(), WEBHOOK.c.previous_until)).label("previous_until")
_ROW: list[Any] = [_UNTIL if name == "previous_until" else WEBHOOK.c[name] for name in WebhookRow.__dataclass_fields__]


async def create_webhook(
    tx: Transaction,
    *,
    webhook_id: UUID,
    project_id: UUID,
    url: str,
    format_: str = "standard",
    description: str,
    kinds: Sequence[str],
    enabled: bool,
    seed: SecretSeed | None,
    created_by: str,
    limit: int,
) -> WebhookRow | None:
    """None where the project has ``limit`` of them already. Projects make theirs one at a time. ``seed``: None for
    chat."""
    await tx.execute(
        select(PROJECT.c.id).where(PROJECT.c.id == project_id).with_for_update(key_share=True)
    )  # for no key update
    mine = WEBHOOK.c.project_id == project_id
    if (await tx.execute(select(func.count()).select_from(WEBHOOK).where(mine))).scalar_one() >= limit:
        return None
    await tx.execute(
        insert(WEBHOOK).values(
            id=webhook_id,
            project_id=project_id,
            url=url,
            format=format_,
            description=description,
            kinds=sorted(set(kinds)),
            salt=None if seed is None else seed.salt,
            key_id=None if seed is None else seed.key_id,
            failures=0,
            created_by=created_by,
            created_at=func.now(),
            enabled=enabled,
            disabled_reason=None if enabled else "user",
            disabled_at=None if enabled else func.now(),
        )
    )
    return await find_webhook(tx, project_id=project_id, webhook_id=webhook_id)


async def list_webhooks(
    tx: Transaction, *, project_id: UUID, limit: int, after: tuple[datetime, UUID] | None
) -> list[WebhookRow]:
    """Oldest first, from behind ``after`` on."""
    query = select(*_ROW).where(WEBHOOK.c.project_id == project_id)
    if after is not None:
        query = query.where(tuple_(WEBHOOK.c.created_at, WEBHOOK.c.id) > tuple_(*after))
    rows = await tx.execute(query.order_by(WEBHOOK.c.created_at, WEBHOOK.c.id).limit(limit))
    return [WebhookRow(**row) for row in rows.mappings()]


async def find_webhook(tx: Transaction, *, project_id: UUID, webhook_id: UUID, hold: bool = False) -> WebhookRow | None:
    """``hold``: keep other writers off until the transaction ends."""
    query = select(*_ROW).where(_is(project_id, webhook_id))
    if hold:
        query = query.with_for_update(key_share=True)  # for no key update: deliveries refer to it meanwhile
    row = (await tx.execute(query)).mappings().one_or_none()
    return None if row is None else WebhookRow(**row)


async def change_webhook(
    tx: Transaction, *, project_id: UUID, webhook_id: UUID, changes: Mapping[str, Any]
) -> WebhookRow | None:
    """Set ``url``, ``description``, ``kinds`` or ``enabled``. Another address, or enabling, forgets its failures."""
    values = {name: value for name, value in changes.items() if name in ("url", "description")}
    if "kinds" in changes:
        values["kinds"] = sorted(set(changes["kinds"]))
    if "enabled" in changes:
        values |= _enabled(changes["enabled"])
    if "url" in changes or changes.get("enabled"):
        values |= {"failing_since": None, "failures": 0, "rests_until": None}
    if values:
        await tx.execute(update(WEBHOOK).where(_is(project_id, webhook_id)).values(**values))
    return await find_webhook(tx, project_id=project_id, webhook_id=webhook_id)


async def delete_webhook(tx: Transaction, *, project_id: UUID, webhook_id: UUID) -> bool:
    """What waits for it is ended by the loops. False: there is none."""
    return (await tx.execute(delete(WEBHOOK).where(_is(project_id, webhook_id)))).rowcount == 1


async def rotate_webhook(
    tx: Transaction, *, project_id: UUID, webhook_id: UUID, seed: SecretSeed, overlap: timedelta
) -> WebhookRow | None:
    """A new secret; the one of now signs beside it for ``overlap``, and the one before that no more."""
    await tx.execute(
        update(WEBHOOK)
        .where(_is(project_id, webhook_id))
        .values(
            previous_salt=WEBHOOK.c.salt,
            previous_key_id=WEBHOOK.c.key_id,
            previous_until=func.now() + overlap,
            salt=seed.salt,
            key_id=seed.key_id,
        )
    )
    return await find_webhook(tx, project_id=project_id, webhook_id=webhook_id)


async def ping_webhook(tx: Transaction, *, webhook_id: UUID) -> UUID:
    """Queue a ping, and end the webhook's rest so that it is told at once; the id of its delivery."""
    delivery_id = uuid4()
    await tx.execute(
        insert(OUTBOX).values(
            stream_id=delivery_id,
            public_id=delivery_id,
            target=f"webhook:{webhook_id}",
            webhook_id=webhook_id,
            state="queued",
            attempts=0,
            spared=0,
            not_before=func.now(),
            created_at=func.now(),
            updated_at=func.now(),
        )
    )
    await _wake(tx, webhook_id)
    return delivery_id


async def redeliver(tx: Transaction, *, webhook_id: UUID, delivery_id: UUID) -> bool:
    """Queue it again, under the same message id. False: it waits already, or its event is not kept any more."""
    done = await run(tx, "redeliver", webhook_id=webhook_id, public_id=delivery_id)
    if done.one_or_none() is None:
        return False
    await _wake(tx, webhook_id)
    return True


async def list_deliveries(
    tx: Transaction, *, webhook_id: UUID, state: str | None, limit: int, after: tuple[datetime, UUID] | None
) -> list[DeliveryRow]:
    """Newest first, from behind ``after`` on."""
    where: list[ColumnElement[bool]] = [OUTBOX.c.webhook_id == webhook_id]
    if state is not None:
        where.append(OUTBOX.c.state == state)
    if after is not None:
        where.append(tuple_(OUTBOX.c.created_at, OUTBOX.c.public_id) < tuple_(*after))
    return await _deliveries(tx, and_(*where), limit)


async def find_delivery(tx: Transaction, *, webhook_id: UUID, delivery_id: UUID) -> DeliveryRow | None:
    rows = await _deliveries(tx, and_(OUTBOX.c.webhook_id == webhook_id, OUTBOX.c.public_id == delivery_id), 1)
    return rows[0] if rows else None


async def list_attempts(tx: Transaction, *, delivery_ids: Sequence[UUID]) -> dict[UUID, list[AttemptRow]]:
    """Of each delivery, the oldest first."""
    rows = await tx.execute(
        select(OUTBOX.c.public_id, *(WEBHOOK_ATTEMPT.c[name] for name in AttemptRow.__dataclass_fields__))
        .join(OUTBOX, OUTBOX.c.id == WEBHOOK_ATTEMPT.c.outbox_id)
        .where(OUTBOX.c.public_id.in_(delivery_ids))
        .order_by(WEBHOOK_ATTEMPT.c.outbox_id, WEBHOOK_ATTEMPT.c.attempt)
    )
    found: dict[UUID, list[AttemptRow]] = {}
    for row in rows.mappings():
        values = dict(row)
        found.setdefault(values.pop("public_id"), []).append(AttemptRow(**values))
    return found


async def _deliveries(tx: Transaction, where: ColumnElement[bool], limit: int) -> list[DeliveryRow]:
    rows = await tx.execute(
        select(
            OUTBOX.c.public_id.label("id"),
            func.coalesce(EVENT.c.kind, case((OUTBOX.c.event_id.is_(None), str(EventKind.WEBHOOK_PING)), else_="")),
            OUTBOX.c.state,
            EVENT.c.job_id,
            EVENT.c.model_id,
            EVENT.c.seq,
            OUTBOX.c.attempts,
            OUTBOX.c.error,
            case((OUTBOX.c.state == "queued", OUTBOX.c.not_before)),
            OUTBOX.c.created_at,
            OUTBOX.c.updated_at,
        )
        .outerjoin(EVENT, EVENT.c.id == OUTBOX.c.event_id)
        .where(where)
        .order_by(OUTBOX.c.created_at.desc(), OUTBOX.c.public_id.desc())
        .limit(limit)
    )
    return [DeliveryRow(**dict(zip(DeliveryRow.__dataclass_fields__, row, strict=True))) for row in rows.all()]


async def _wake(tx: Transaction, webhook_id: UUID) -> None:
    await tx.execute(
        update(WEBHOOK)
        .where(WEBHOOK.c.id == webhook_id, or_(WEBHOOK.c.rests_until.is_not(None), WEBHOOK.c.failures > 0))
        .values(rests_until=None)
    )


def _enabled(enabled: bool) -> dict[str, Any]:
    if enabled:
        return {"enabled": True, "disabled_reason": None, "disabled_at": None}
    return {
        "enabled": False,
        "disabled_reason": func.coalesce(WEBHOOK.c.disabled_reason, "user"),
        "disabled_at": func.coalesce(WEBHOOK.c.disabled_at, func.now()),
    }


def _is(project_id: UUID, webhook_id: UUID) -> ColumnElement[bool]:
    return and_(WEBHOOK.c.id == webhook_id, WEBHOOK.c.project_id == project_id)
