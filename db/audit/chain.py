"""The chain: each sealed entry carries the SHA-256 of itself and of the hash before it.

Entries are sealed behind their commit, in batches, by the leader's loop: the order of the chain is that of sealing, so
that an entry whose transaction committed late gets a later place and is not passed over. ``digest_of`` is all that an
auditor needs to check an export on another machine (``docs/operations/audit.md``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping

from db._query import run
from db.audit.entries import ActorKind, AuditActor, AuditChange, append_audit
from db.dispatch.leadership import hold_epoch
from db.session import Database, Transaction
from jobs.fingerprint import canonical_json

HASHED = (
    "id",
    "at",
    "actor_kind",
    "actor_id",
    "actor_name",
    "actor_role",
    "address",
    "user_agent",
    "request_id",
    "action",
    "resource_type",
    "resource_id",
    "project_id",
    "before",
    "after",
)
"""Columns of an entry that its hash covers, beside its place: all there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainState:
    """Where the chain begins and ends."""

    pruned_seq: int = 0
    """The checkpoint: entries up to this place are past their retention and gone."""
    pruned_hash: bytes = b"\0" * 32
    pruned_at: datetime | None = None
    sealed_seq: int = 0
    """Entries up to this place are sealed."""
    sealed_hash: bytes = b"\0" * 32
    sealed_at: datetime | None = None
    pending: int = 0
    """Entries that wait for their seal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What one batch has sealed."""

    count: int
    seq: int
    hash: bytes


def digest_of(previous: bytes, seq: int, entry: Mapping[str, Any]) -> bytes:
    """SHA-256 over the hash before and the entry's canonical JSON: keys sorted, no white space, UTF-8, times in UTC."""
    return hashlib.sha256(previous + canonical_json({"seq": seq, **canonical(entry)})).digest()


def canonical(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The hashed columns of an entry as JSON has them; an export shows the same."""
    return {name: _plain(entry[name]) for name in HASHED}


async def read_chain(tx: Transaction) -> ChainState:
    """Both ends as they are now."""
    row = (await run(tx, "read_audit_chain")).mappings().one()
    return _state_of(row) if row["sealed_seq"] is not None else ChainState(pending=row["pending"])


async def seal_entries(db: Database, *, limit: int, epoch: int) -> Sealed:
    """Seal up to ``limit`` entries that are committed and not sealed, by their ids.

    One sealer at a time, over all clusters on this database: the chain's row is locked. Raises ``LostLeadership``.
    """
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        await run(tx, "short_lock_wait")
        await run(tx, "begin_audit_chain")
        head = (await run(tx, "lock_audit_chain")).one()
        seq, previous = int(head.sealed_seq), bytes(head.sealed_hash)
        rows = (await run(tx, "unsealed_entries", limit=limit)).mappings().all()
        seals: list[tuple[int, int, bytes]] = []
        for row in rows:
            seq += 1
            previous = digest_of(previous, seq, dict(row))
            seals.append((seq, row["id"], previous))
        if seals:
            seqs, ids, hashes = zip(*seals, strict=True)
            await run(tx, "insert_audit_seals", seqs=list(seqs), ids=list(ids), hashes=[each.hex() for each in hashes])
            await run(tx, "drop_audit_pending", ids=list(ids))
            await run(tx, "move_audit_chain", seq=seq, hash=previous)
        return Sealed(count=len(seals), seq=seq, hash=previous)


async def prune_audit(db: Database, *, kept: timedelta, limit: int, epoch: int) -> int:
    """Delete up to ``limit`` of the oldest sealed entries that are all older than ``kept``; how many went.

    The chain keeps the place and hash of the last of them, and an entry tells of it. Raises ``LostLeadership``.
    """
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        await run(tx, "short_lock_wait")
        gone = int((await run(tx, "prune_audit", kept=kept, limit=limit)).scalar_one())
        if gone:
            state = await read_chain(tx)
            await append_audit(
                tx,
                actor=AuditActor(kind=ActorKind.FARM),
                change=AuditChange(
                    action="audit.prune",
                    resource_type="audit",
                    resource_id=str(state.pruned_seq),
                    after={"entries": gone, "through": state.pruned_seq, "sha256": state.pruned_hash.hex()},
                ),
            )
        return gone


def _state_of(row: RowMapping) -> ChainState:
    return ChainState(
        pruned_seq=row["pruned_seq"],
        pruned_hash=bytes(row["pruned_hash"]),
        pruned_at=row["pruned_at"],
        sealed_seq=row["sealed_seq"],
        sealed_hash=bytes(row["sealed_hash"]),
        sealed_at=row["sealed_at"],
        pending=row["pending"],
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if value is None or isinstance(value, str | int | float | bool | dict | list):
        return value
    return str(value)
