"""Files of a job on their way into a bucket, as people see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, select

from db._query import run
from db.session import Transaction
from db.tables import DELIVERY, DESTINATION


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    id: int
    destination_id: UUID
    kind: str
    ordinal: int | None
    name: str
    generation: int
    artifact_id: UUID
    size_bytes: int
    bucket: str | None
    """None: the destination is gone."""
    prefix: str | None
    path: str | None
    """None: it was not tried yet."""
    state: str
    attempts: int
    error: str | None
    next_at: datetime | None
    """Of the next attempt, or, while it is copied, of the next if this one is lost; None: none."""
    created_at: datetime
    updated_at: datetime
    delivered_at: datetime | None


async def list_job_deliveries(
    tx: Transaction, *, job_id: UUID, states: Sequence[str] | None, limit: int, after: int | None
) -> list[DeliveryRow]:
    """In the order in which they were first committed, from behind ``after`` on."""
    of_row = {"bucket", "prefix", "next_at"}
    query = (
        select(
            *(DELIVERY.c[name] for name in DeliveryRow.__dataclass_fields__ if name not in of_row),
            DESTINATION.c.bucket,
            DESTINATION.c.prefix,
            case((DELIVERY.c.state == "queued", DELIVERY.c.not_before)).label("next_at"),
        )
        .outerjoin(DESTINATION, DESTINATION.c.id == DELIVERY.c.destination_id)
        .where(DELIVERY.c.job_id == job_id)
    )
    if states:
        query = query.where(DELIVERY.c.state.in_(states))
    if after is not None:
        query = query.where(DELIVERY.c.id > after)
    rows = await tx.execute(query.order_by(DELIVERY.c.id).limit(limit))
    return [DeliveryRow(**row) for row in rows.mappings()]


async def retry_job_deliveries(tx: Transaction, *, job_id: UUID) -> int:
    """Try what failed, or waits for its next try, at once; how many files."""
    await run(tx, "lock_job", job_id=job_id)
    return int((await run(tx, "retry_deliveries", job_id=job_id)).scalar_one())
