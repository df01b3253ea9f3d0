"""A job's row under lock: what every writer of a job starts with."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from db._query import run
from db.session import Transaction
from jobs.errors import NotFound
from jobs.states import JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedJob:
    """As it was when the lock was taken."""

    id: UUID
    project_id: UUID
    state: JobState
    total: int
    committed: int
    reused: int
    failed: int
    canceled: int
    skipped: int
    generation: int
    priority_rank: int
    scouting: bool
    """A person must approve it behind its scout frames."""

    @property
    def resolved(self) -> int:
        """Frames that have their outcome."""
        return self.committed + self.reused + self.failed + self.canceled + self.skipped

    @property
    def counts(self) -> dict[str, int]:
        return {
            "total": self.total,
            "committed": self.committed,
            "reused": self.reused,
            "failed": self.failed,
            "canceled": self.canceled,
            "skipped": self.skipped,
        }


async def lock_job(tx: Transaction, job_id: UUID) -> LockedJob:
    """Lock the row until the transaction ends. Always before a work row of the job, so that no two writers deadlock."""
    row = (await run(tx, "lock_job", job_id=job_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such job.", job_id=str(job_id))
    return LockedJob(**{**row, "state": JobState(row["state"])})
