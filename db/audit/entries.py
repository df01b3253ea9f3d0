"""Writes entries of the audit log, in the transaction of what they tell of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from db._query import as_json, run, storable
from db.session import Transaction
from jobs.redaction import redacted, redacted_text


class ActorKind(StrEnum):
    """What kind of somebody did it."""

    ACCOUNT = "account"
    """A person."""
    KEY = "key"
    """A program with an API key."""
    NOBODY = "nobody"
    """A stranger: a login that failed."""
    FARM = "farm"
    """The farm itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditActor:
    """Who did it, and from where."""

    kind: ActorKind
    id: UUID | None = None
    name: str | None = None
    role: str | None = None
    address: str | None = None
    """Of the client, as the API could know it."""
    user_agent: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditChange:
    """What was done to what."""

    action: str
    """``noun.verb``, stable."""
    resource_type: str
    resource_id: str | None = None
    project_id: UUID | None = None
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None


async def append_audit(tx: Transaction, *, actor: AuditActor, change: AuditChange) -> int:
    """Write one entry, redacted whoever calls; its id. It is there if, and only if, the transaction commits.

    Time is the database's, of the transaction's start.
    """
    done = await run(
        tx,
        "append_audit",
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=_plain(actor.name),
        actor_role=_plain(actor.role),
        address=_plain(actor.address),
        user_agent=_plain(actor.user_agent),
        request_id=_plain(actor.request_id),
        action=change.action,
        resource_type=change.resource_type,
        resource_id=_plain(change.resource_id),
        project_id=change.project_id,
        before=_json(change.before),
        after=_json(change.after),
    )
    return int(done.scalar_one())


def _plain(words: str | None) -> str | None:
    return None if words is None else storable(redacted_text(words))


def _json(value: Mapping[str, object] | None) -> str | None:
    return None if value is None else as_json(redacted(value))
