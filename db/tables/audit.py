"""The audit log. Triggers refuse what is not an insert; see ``db/migrations/versions/0005_audit.sql``."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field, SQLModel

from db.tables._columns import big_integer, instant, json, words


class AuditEntryTable(SQLModel, table=True):
    """One change that somebody made, written by the transaction of that change."""

    __tablename__ = "audit_entry"

    id: int | None = big_integer(default=None, primary_key=True)
    at: datetime = instant()
    actor_kind: str = words()
    """``account``, ``key``, ``nobody`` (a stranger) or ``farm`` (the farm itself)."""
    actor_id: UUID | None = None
    actor_name: str | None = words(default=None)
    actor_role: str | None = words(default=None)
    """What they were where they did it."""
    address: str | None = words(default=None)
    """Of the client."""
    user_agent: str | None = words(default=None)
    request_id: str | None = words(default=None)
    action: str = words()
    resource_type: str = words()
    resource_id: str | None = words(default=None)
    project_id: UUID | None = None
    before: dict[str, Any] | None = json(default=None)
    after: dict[str, Any] | None = json(default=None)


class AuditPendingTable(SQLModel, table=True):
    """Entries that are not sealed yet; a trigger writes them."""

    __tablename__ = "audit_pending"

    entry_id: int = big_integer(primary_key=True)


class AuditSealTable(SQLModel, table=True):
    """Place and hash of an entry in the chain."""

    __tablename__ = "audit_seal"

    seq: int = big_integer(primary_key=True)
    entry_id: int = big_integer(unique=True)
    hash: bytes
    sealed_at: datetime = instant()


class AuditChainTable(SQLModel, table=True):
    """Both ends of the chain: one row."""

    __tablename__ = "audit_chain"

    id: bool = Field(default=True, primary_key=True)
    pruned_seq: int = big_integer(default=0)
    """Where retention has cut it; 0: nowhere."""
    pruned_hash: bytes
    pruned_at: datetime | None = instant(default=None)
    sealed_seq: int = big_integer(default=0)
    sealed_hash: bytes
    sealed_at: datetime | None = instant(default=None)
