"""What was sent of the files of jobs, added to the day that runs."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from db._query import run
from db.session import Transaction


async def add_bytes_sent(tx: Transaction, sent: Mapping[UUID, int]) -> None:
    """Job -> bytes. What was sent of a job that is known no more is charged to nobody."""
    await run(tx, "add_bytes_sent", jobs=list(sent), bytes=list(sent.values()))
