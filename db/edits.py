"""Lets people change one thing one after the other, so that a change means the version that was looked at."""

from __future__ import annotations

from db._query import run
from db.session import Transaction


async def hold_edit(tx: Transaction, *thing: object) -> None:
    """Keep other writers of the same thing off until the transaction ends. ``thing``: its kind, and what names it."""
    await run(tx, "hold_edit", thing=" ".join(str(part) for part in thing))
