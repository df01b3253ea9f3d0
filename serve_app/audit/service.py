"""Reads, exports and verifies the audit log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict

from db.audit import AuditFilter, AuditRow, Verification, list_entries, read_chain, read_sealed, verify_chain
from db.audit.verify import Anchor, BreachKind
from db.session import Transaction
from jobs.errors import InvalidInput
from serve_app.audit.formats import as_csv, as_json_lines, csv_header
from serve_app.audit.schemas import AuditEntryView, BreachView, ExportFormat, VerificationView
from serve_app.paging import Page, PageRequest, cursor_of
from serve_app.services import ApiServices

_WORDS = {
    BreachKind.GAP: "A place of the chain is missing.",
    BreachKind.DELETED: "The entry of this place was deleted.",
    BreachKind.CHANGED: "The entry of this place, or its hash, is not what it was when it was sealed.",
    BreachKind.HEAD: "The chain does not end where its record says: its end was cut off or moved.",
    BreachKind.LOST: "An entry was deleted before it was sealed.",
    BreachKind.STRAY: "An entry is neither sealed nor waits for it: its seal was taken away.",
    BreachKind.ANCHOR: "The chain does not have the hash of your anchor there: it was rewritten or cut.",
}


async def list_page(tx: Transaction, *, which: AuditFilter, page: PageRequest) -> Page[AuditEntryView]:
    """Newest first."""
    after = page.after(_id_of)
    rows = await list_entries(tx, which=which, before_id=_id_of(after[0]) if after else None, limit=page.limit + 1)
    shown = rows[: page.limit]
    return Page(
        items=[_view_of(row) for row in shown],
        next_cursor=cursor_of(shown[-1].id) if len(rows) > page.limit else None,
    )


async def export(
    services: ApiServices, *, which: AuditFilter, after_seq: int, through_seq: int, form: ExportFormat
) -> AsyncIterator[bytes]:
    """Sealed entries in the order of the chain, a page and a short transaction at a time."""
    if form is ExportFormat.CSV:
        yield csv_header()
    limit = services.settings.audit_export_page
    while True:
        async with services.database.transaction() as tx:
            rows = await read_sealed(tx, which=which, after_seq=after_seq, through_seq=through_seq, limit=limit)
        if rows:
            yield as_csv(rows) if form is ExportFormat.CSV else as_json_lines(rows)
        if len(rows) < limit:
            return
        assert rows[-1].seq is not None  # sealed
        after_seq = rows[-1].seq


async def verify(services: ApiServices, *, after_seq: int, anchor: str | None) -> VerificationView:
    """Raises ``InvalidInput`` for an anchor whose place retention has deleted."""
    found = await verify_chain(
        services.database,
        after_seq=after_seq,
        most=services.settings.audit_verified_at_once,
        anchor=None if anchor is None else _anchor_of(anchor),
    )
    if anchor is not None and _anchor_of(anchor).seq < found.chain.pruned_seq:
        raise InvalidInput(
            f"Retention has deleted the entries up to {found.chain.pruned_seq}.",
            field="anchor",
            remedy="Use an anchor of a later place.",
        )
    return _verification_of(found)


async def sealed_seq(tx: Transaction) -> int:
    return (await read_chain(tx)).sealed_seq


def _anchor_of(words: str) -> Anchor:
    seq, _, digest = words.partition(":")
    return Anchor(seq=int(seq), hash=bytes.fromhex(digest))


def _id_of(words: str) -> int:
    number = int(words)
    if not 0 <= number < 2**63:
        raise ValueError
    return number


def _view_of(row: AuditRow) -> AuditEntryView:
    facts = asdict(row)
    digest = facts.pop("hash")
    return AuditEntryView(**facts, sha256=None if digest is None else digest.hex())


def _verification_of(found: Verification) -> VerificationView:
    chain, breach = found.chain, found.breach
    return VerificationView(
        ok=breach is None,
        complete=found.complete,
        verified_seq=found.verified_seq,
        breach=breach
        and BreachView(kind=breach.kind, seq=breach.seq, entry=breach.entry_id, words=_WORDS[breach.kind]),
        sealed_seq=chain.sealed_seq,
        sealed_sha256=chain.sealed_hash.hex(),
        sealed_at=chain.sealed_at,
        pending=chain.pending,
        pruned_seq=chain.pruned_seq,
        pruned_sha256=chain.pruned_hash.hex(),
        pruned_at=chain.pruned_at,
    )
