"""What a replica will need next."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from db._query import run
from db.session import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedModel:
    """Of a chunk that waits for the replica."""

    id: UUID
    digest: str


async def staged_models(tx: Transaction, *, replica_id: UUID, most: int) -> list[StagedModel]:
    """Of the chunks that are assigned to the replica and not claimed yet, the most urgent first."""
    done = await run(tx, "staged_models", replica_id=replica_id, most=most)
    return [StagedModel(**row) for row in done.mappings()]
