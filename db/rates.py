"""Token buckets that all processes of the API share: one row for each caller and class of requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from db._query import run
from db.session import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a bucket gave, and what it holds now."""

    tokens: int
    """As many as were wanted, or all that there were; 0: none was left."""
    left: float
    """Tokens that stay in the bucket, as a fraction too: it fills steadily."""


async def take_tokens(
    tx: Transaction, *, subject: str, rate_class: str, want: int, quota: int, window: timedelta
) -> Grant:
    """Take up to ``want`` tokens of a bucket that holds ``quota`` and fills in ``window``. Locks its row until the
    transaction ends."""
    each_s = window.total_seconds() / quota
    parameters = {"subject": subject, "rate_class": rate_class, "want": want, "quota": quota, "each_s": each_s}
    row = (await run(tx, "take_rate_tokens", **parameters)).one()
    return Grant(tokens=row.granted, left=quota - row.missing_s / each_s)


async def seconds_until_full(tx: Transaction, *, subject: str) -> Mapping[str, float]:
    """Class → seconds until its bucket is full; a class without a row is full."""
    rows = await run(tx, "read_rate_buckets", subject=subject)
    return {row["rate_class"]: row["missing_s"] for row in rows.mappings()}
