"""Entries of the audit log as lines of a file: JSON Lines, and CSV that a spreadsheet does not execute."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict

from db.audit import AuditRow
from db.audit.chain import HASHED, canonical
from jobs.fingerprint import canonical_json
from serve_app.csv_cells import cell

COLUMNS = ("seq", "sha256", *HASHED)


def as_json_lines(rows: Sequence[AuditRow]) -> bytes:
    """One object for each entry: what its hash covers, its place, and the hash. RFC 8259, one per line."""
    return b"".join(canonical_json(_facts(row)) + b"\n" for row in rows)


def as_csv(rows: Sequence[AuditRow]) -> bytes:
    """RFC 4180, every cell quoted; a cell that could be a formula begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for row in rows:
        facts = _facts(row)
        writer.writerow([_cell(facts[name]) for name in COLUMNS])
    return out.getvalue().encode()


def csv_header() -> bytes:
    return ",".join(f'"{name}"' for name in COLUMNS).encode() + b"\r\n"


def _facts(row: AuditRow) -> dict[str, object]:
    return {**canonical(asdict(row)), "seq": row.seq, "sha256": None if row.hash is None else row.hash.hex()}


def _cell(value: object) -> str:
    if value is None:
        return ""
    words = canonical_json(value).decode() if isinstance(value, dict) else str(value)
    return cell(words)
