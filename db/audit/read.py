"""Reads the audit log: newest first for people, in the order of the chain for exports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, select

from db.session import Transaction
from db.tables import AUDIT_ENTRY, AUDIT_SEAL


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Entries that match everything which is given."""

    project_id: UUID | None = None
    actor: str | None = None
    """Id or name."""
    action: str | None = None
    """``key.create``, or ``key.`` for all that begin so."""
    resource_type: str | None = None
    resource_id: str | None = None
    since: datetime | None = None
    """From then on."""
    until: datetime | None = None
    """Before then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    id: int
    at: datetime
    actor_kind: str
    actor_id: UUID | None
    actor_name: str | None
    actor_role: str | None
    address: str | None
    user_agent: str | None
    request_id: str | None
    action: str
    resource_type: str
    resource_id: str | None
    project_id: UUID | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    seq: int | None
    """Place in the chain; None: not sealed yet."""
    hash: bytes | None


_ENTRY = [AUDIT_ENTRY.c[name] for name in AuditRow.__dataclass_fields__ if name not in ("seq", "hash")]
_SEAL = [AUDIT_SEAL.c.seq, AUDIT_SEAL.c.hash]
_IS_ITS_SEAL = AUDIT_SEAL.c.entry_id == AUDIT_ENTRY.c.id


async def list_entries(tx: Transaction, *, which: AuditFilter, before_id: int | None, limit: int) -> list[AuditRow]:
    """Newest first, below ``before_id``; also those that are not sealed yet."""
    query = select(*_ENTRY, *_SEAL).select_from(AUDIT_ENTRY.outerjoin(AUDIT_SEAL, _IS_ITS_SEAL))
    query = _narrowed(query, which).order_by(AUDIT_ENTRY.c.id.desc()).limit(limit)
    rows = await tx.execute(query if before_id is None else query.where(AUDIT_ENTRY.c.id < before_id))
    return [_row_of(row) for row in rows.mappings()]


async def read_sealed(
    tx: Transaction, *, which: AuditFilter, after_seq: int, through_seq: int, limit: int
) -> list[AuditRow]:
    """In the order of the chain, behind ``after_seq`` and up to ``through_seq``."""
    query = select(*_ENTRY, *_SEAL).select_from(AUDIT_ENTRY.join(AUDIT_SEAL, _IS_ITS_SEAL))
    place = (AUDIT_SEAL.c.seq > after_seq, AUDIT_SEAL.c.seq <= through_seq)
    rows = await tx.execute(_narrowed(query, which).where(*place).order_by(AUDIT_SEAL.c.seq).limit(limit))
    return [_row_of(row) for row in rows.mappings()]


def _narrowed(query: Select[Any], which: AuditFilter) -> Select[Any]:
    entry = AUDIT_ENTRY.c
    if which.actor is not None:
        actor_id = _uuid_of(which.actor)
        query = query.where(entry.actor_name == which.actor if actor_id is None else entry.actor_id == actor_id)
    if which.action is not None:
        whole = not which.action.endswith(".")
        query = query.where(
            entry.action == which.action if whole else entry.action.startswith(which.action, autoescape=True)
        )
    equal = {"project_id": which.project_id, "resource_type": which.resource_type, "resource_id": which.resource_id}
    query = query.where(*(entry[name] == value for name, value in equal.items() if value is not None))
    if which.since is not None:
        query = query.where(entry.at >= which.since)
    if which.until is not None:
        query = query.where(entry.at < which.until)
    return query


def _uuid_of(words: str) -> UUID | None:
    try:
        return UUID(words)
    except ValueError:
        return None


def _row_of(row: RowMapping) -> AuditRow:
    sealed = row["hash"]
    return AuditRow(**{**row, "hash": None if sealed is None else bytes(sealed)})
