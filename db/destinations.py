"""Buckets of projects' own, as managers see and change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, insert, select, tuple_, update

from db._query import run
from db.session import Transaction
from db.tables import DESTINATION, PROJECT
from jobs.errors import NotFound
from jobs.sealed import Sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationRow:
    """Without its secret."""

    id: UUID
    project_id: UUID
    name: str
    bucket: str
    prefix: str
    region: str
    endpoint_url: str | None
    access_key_id: str
    is_default: bool
    failing_since: datetime | None
    rests_until: datetime | None
    error: str | None
    created_by: str
    created_at: datetime
    updated_at: datetime


_ROW: list[Any] = [DESTINATION.c[name] for name in DestinationRow.__dataclass_fields__]
_HEALTHY = {"failures": 0, "failing_since": None, "rests_until": None, "error": None}


async def create_destination(
    tx: Transaction, *, destination_id: UUID, project_id: UUID, values: Mapping[str, Any], sealed: Sealed, limit: int
) -> DestinationRow | str:
    """``full`` where the project has ``limit`` of them, ``taken`` where another has the name. Projects make theirs one
    at a time."""
    await _lock_project(tx, project_id)
    mine = DESTINATION.c.project_id == project_id
    names = (await tx.execute(select(DESTINATION.c.name).where(mine))).scalars().all()
    if len(names) >= limit:
        return "full"
    if values["name"] in names:
        return "taken"
    if values["is_default"]:
        await _no_default(tx, project_id)
    await tx.execute(
        insert(DESTINATION).values(
            id=destination_id,
            project_id=project_id,
            secret=sealed.data,
            key_id=sealed.key_id,
            revision=1,
            failures=0,
            created_at=func.now(),
            updated_at=func.now(),
            **values,
        )
    )
    return await require_destination(tx, project_id=project_id, destination_id=destination_id)


async def list_destinations(
    tx: Transaction, *, project_id: UUID, limit: int, after: tuple[datetime, UUID] | None
) -> list[DestinationRow]:
    """Oldest first, from behind ``after`` on."""
    query = select(*_ROW).where(DESTINATION.c.project_id == project_id)
    if after is not None:
        query = query.where(tuple_(DESTINATION.c.created_at, DESTINATION.c.id) > tuple_(*after))
    rows = await tx.execute(query.order_by(DESTINATION.c.created_at, DESTINATION.c.id).limit(limit))
    return [DestinationRow(**row) for row in rows.mappings()]


async def require_destination(tx: Transaction, *, project_id: UUID, destination_id: UUID) -> DestinationRow:
    """Raises ``NotFound``, also for another project's."""
    row = (await tx.execute(select(*_ROW).where(_is(project_id, destination_id)))).mappings().one_or_none()
    if row is None:
        raise NotFound(
            "There is no such destination in this project.",
            remedy="GET /v1/projects/{slug}/destinations names those that there are.",
            destination=str(destination_id),
        )
    return DestinationRow(**row)


async def destination_for(tx: Transaction, *, project_id: UUID, wanted: UUID | str | None) -> UUID | None:
    """Where a new job's files go. ``wanted``: a destination's id, ``default``, or None for nowhere.

    Raises ``NotFound`` for one that is not the project's.
    """
    if wanted is None:
        return None
    if isinstance(wanted, UUID):
        return (await require_destination(tx, project_id=project_id, destination_id=wanted)).id
    query = select(DESTINATION.c.id).where(DESTINATION.c.project_id == project_id, DESTINATION.c.is_default)
    return (await tx.execute(query)).scalar_one_or_none()


async def change_destination(
    tx: Transaction, *, project_id: UUID, destination_id: UUID, changes: Mapping[str, Any]
) -> DestinationRow | None:
    """None: another has the name. Whatever changes of where files go forgets the failures of before, so that what waits
    is tried at once."""
    await _lock_project(tx, project_id)
    if "name" in changes:
        other = select(DESTINATION.c.id).where(
            DESTINATION.c.project_id == project_id,
            DESTINATION.c.name == changes["name"],
            DESTINATION.c.id != destination_id,
        )
        if (await tx.execute(other)).first() is not None:
            return None
    if changes.get("is_default"):
        await _no_default(tx, project_id)
    if changes:
        elsewhere = not changes.keys() <= {"name", "is_default"}
        if elsewhere:
            await run(tx, "hurry_deliveries", destination_id=destination_id)
        await _update(tx, project_id, destination_id, {**changes, **(_HEALTHY if elsewhere else {})})
    return await require_destination(tx, project_id=project_id, destination_id=destination_id)


async def set_destination_key(
    tx: Transaction, *, project_id: UUID, destination_id: UUID, access_key_id: str, sealed: Sealed
) -> DestinationRow:
    """Another key for the bucket; what waits is tried with it at once. Its files are locked before it, as by whoever
    ends an attempt."""
    await run(tx, "hurry_deliveries", destination_id=destination_id)
    values = {"access_key_id": access_key_id, "secret": sealed.data, "key_id": sealed.key_id, **_HEALTHY}
    await _update(tx, project_id, destination_id, values)
    return await require_destination(tx, project_id=project_id, destination_id=destination_id)


async def sealed_key(tx: Transaction, *, project_id: UUID, destination_id: UUID) -> Sealed:
    """The secret as it is kept. Raises ``NotFound``."""
    query = select(DESTINATION.c.secret, DESTINATION.c.key_id).where(_is(project_id, destination_id))
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        raise NotFound("There is no such destination in this project.")
    return Sealed(data=bytes(row.secret), key_id=row.key_id)


async def found_well(tx: Transaction, *, project_id: UUID, destination_id: UUID) -> None:
    """A test went well: what waits is tried at once."""
    await run(tx, "hurry_deliveries", destination_id=destination_id)
    await tx.execute(update(DESTINATION).where(_is(project_id, destination_id)).values(**_HEALTHY))


async def delete_destination(tx: Transaction, *, project_id: UUID, destination_id: UUID) -> None:
    """What waits for it is ended by the loops."""
    await tx.execute(delete(DESTINATION).where(_is(project_id, destination_id)))


async def _update(tx: Transaction, project_id: UUID, destination_id: UUID, values: Mapping[str, Any]) -> None:
    await tx.execute(
        update(DESTINATION)
        .where(_is(project_id, destination_id))
        .values(**values, revision=DESTINATION.c.revision + 1, updated_at=func.now())
    )


async def _no_default(tx: Transaction, project_id: UUID) -> None:
    mine = and_(DESTINATION.c.project_id == project_id, DESTINATION.c.is_default)
    await tx.execute(update(DESTINATION).where(mine).values(is_default=False))


async def _lock_project(tx: Transaction, project_id: UUID) -> None:
    locked = select(PROJECT.c.id).where(PROJECT.c.id == project_id).with_for_update(key_share=True)
    await tx.execute(locked)  # for no key update


def _is(project_id: UUID, destination_id: UUID) -> ColumnElement[bool]:
    return and_(DESTINATION.c.id == destination_id, DESTINATION.c.project_id == project_id)
