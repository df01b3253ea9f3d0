"""Verifies the chain: recomputes every hash from the entries that are there, and names the first that does not fit.

What it finds: an entry that was changed, deleted, put into the chain or taken out of it, a chain that was cut short or
moved. What no chain can find by itself: somebody who rewrites all of it from some place on. That is found by an anchor,
a (place, hash) that was kept elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from db._query import run
from db.audit.chain import ChainState, digest_of, read_chain
from db.session import Database, Transaction

_BATCH = 1000


class BreachKind(StrEnum):
    """How the chain is broken."""

    GAP = "gap"
    """A place of the chain is missing."""
    DELETED = "deleted"
    """The entry of a place is gone."""
    CHANGED = "changed"
    """An entry, or a hash, is not what it was when it was sealed."""
    HEAD = "head"
    """The chain does not end where its record says: its end was cut off or moved."""
    LOST = "lost"
    """An entry that is not sealed is gone."""
    STRAY = "stray"
    """An entry is neither sealed nor waits for it."""
    ANCHOR = "anchor"
    """At the place of the anchor stands another hash: the chain was rewritten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """The first place that does not fit."""

    kind: BreachKind
    seq: int | None = None
    entry_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A hash of the chain that was kept elsewhere."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a verification found."""

    chain: ChainState
    verified_seq: int
    """Up to this place, inclusive, all fits."""
    complete: bool
    """It reached the end; False: ask again behind ``verified_seq``."""
    breach: Breach | None = None


async def verify_chain(
    db: Database, *, after_seq: int = 0, most: int | None = None, anchor: Anchor | None = None
) -> Verification:
    """Verify up to ``most`` places behind ``after_seq``, of which the hash is believed. From the checkpoint at first.

    All in one snapshot: what is sealed or pruned meanwhile is no breach.
    """
    async with db.transaction() as tx:
        await run(tx, "one_snapshot")
        chain = await read_chain(tx)
        start = max(after_seq, chain.pruned_seq)
        end = chain.sealed_seq if most is None else min(chain.sealed_seq, start + most)
        seq, breach = await _walk(tx, chain, start, end, anchor)
        complete = breach is None and seq >= chain.sealed_seq
        if complete:
            breach = await _ends_meet(tx, chain)
        return Verification(chain=chain, verified_seq=seq, complete=complete, breach=breach)


async def _walk(
    tx: Transaction, chain: ChainState, start: int, end: int, anchor: Anchor | None
) -> tuple[int, Breach | None]:
    """How far it fits, and what does not."""
    previous = chain.pruned_hash
    if start > chain.pruned_seq:
        believed = (await run(tx, "audit_seal_at", seq=start)).one_or_none()
        if believed is None:
            kind = BreachKind.HEAD if start > chain.sealed_seq else BreachKind.GAP
            return min(start, chain.sealed_seq), Breach(kind=kind, seq=start)
        previous = bytes(believed.hash)
    if anchor is not None and anchor.seq == start and anchor.hash != previous:
        return start, Breach(kind=BreachKind.ANCHOR, seq=start)
    if anchor is not None and anchor.seq > chain.sealed_seq:
        return start, Breach(kind=BreachKind.ANCHOR, seq=anchor.seq)
    seq = start
    while seq < end:
        rows = (await run(tx, "audit_places", after_seq=seq, limit=min(_BATCH, end - seq))).mappings().all()
        for row in rows:
            if row["seq"] != seq + 1:
                return seq, Breach(kind=BreachKind.GAP, seq=seq + 1)
            if row["id"] is None:
                return seq, Breach(kind=BreachKind.DELETED, seq=seq + 1, entry_id=row["entry_id"])
            previous = digest_of(previous, seq + 1, dict(row))
            if previous != bytes(row["hash"]):
                return seq, Breach(kind=BreachKind.CHANGED, seq=seq + 1, entry_id=row["entry_id"])
            seq += 1
            if anchor is not None and anchor.seq == seq and anchor.hash != previous:
                return seq - 1, Breach(kind=BreachKind.ANCHOR, seq=seq, entry_id=row["entry_id"])
        if not rows:
            return seq, Breach(kind=BreachKind.HEAD, seq=seq + 1)
    if end == chain.sealed_seq and end > chain.pruned_seq and previous != chain.sealed_hash:
        return seq, Breach(kind=BreachKind.HEAD, seq=seq)
    return seq, None


async def _ends_meet(tx: Transaction, chain: ChainState) -> Breach | None:
    """Nothing behind the head, and every entry is either sealed or waits for it."""
    row = (await run(tx, "audit_loose_ends", sealed_seq=chain.sealed_seq)).one()
    if row.beyond is not None:
        return Breach(kind=BreachKind.HEAD, seq=row.beyond)
    if row.lost is not None:
        return Breach(kind=BreachKind.LOST, entry_id=row.lost)
    if row.stray is not None:
        return Breach(kind=BreachKind.STRAY, entry_id=row.stray)
    return None
