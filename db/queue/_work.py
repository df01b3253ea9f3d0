"""A work row under lock, with its job: what every fenced write starts with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from db._jobs import LockedJob
from db._query import run
from db.session import Transaction
from jobs.states import Fault, JobState, WorkKind, WorkState

_JOB_COUNTS = ("total", "committed", "reused", "failed", "canceled", "skipped", "priority_rank", "scouting")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedWork:
    """As it was when both locks were taken: nobody else can change either row until the transaction ends."""

    id: int
    fence: int
    kind: WorkKind
    task: str | None
    state: WorkState
    ordinals: list[int]
    generation: int
    part: int | None
    """Of a part: which slice of its frame."""
    parts: int | None
    replica_id: UUID | None
    tries: int
    worker_failures: int
    resource_failures: int
    avoid: list[UUID]
    updated_at: datetime
    job: LockedJob
    previews: bool
    tries_allowed: int

    @property
    def is_leased(self) -> bool:
        return self.state in (WorkState.LEASED, WorkState.RENDERING)

    def is_held_under(self, fence: int) -> bool:
        """Whether the writer that names ``fence`` still owns this row. An expired lease alone refuses nothing."""
        return self.fence == fence and self.is_leased

    @property
    def frames_it_ends(self) -> list[int]:
        """Frames whose outcome a cancel leaves to this row; a split frame is counted when its job is canceled."""
        return [] if self.kind is WorkKind.PART else list(self.ordinals)

    def failures(self, fault: Fault) -> int:
        """Attempts of its frame that ended by ``fault`` before."""
        match fault:
            case Fault.TASK:
                return self.tries
            case Fault.WORKER:
                return self.worker_failures
            case Fault.RESOURCE:
                return self.resource_failures
            case _:
                return 0


async def lock_work(tx: Transaction, work_id: int) -> LockedWork | None:
    """Lock the job, then its work row; None if there is no such row."""
    row = (await run(tx, "lock_work", work_id=work_id)).mappings().one_or_none()
    if row is None:
        return None
    job = LockedJob(
        id=row["job_id"],
        project_id=row["project_id"],
        state=JobState(row["job_state"]),
        generation=row["job_generation"],
        **{name: row[name] for name in _JOB_COUNTS},
    )
    return LockedWork(
        id=row["id"],
        fence=row["fence"],
        kind=WorkKind(row["kind"]),
        task=row["task"],
        state=WorkState(row["state"]),
        ordinals=row["ordinals"] or [],
        generation=row["generation"],
        part=row["part"],
        parts=row["parts"],
        replica_id=row["replica_id"],
        tries=row["tries"],
        worker_failures=row["worker_failures"],
        resource_failures=row["resource_failures"],
        avoid=row["avoid"],
        updated_at=row["updated_at"],
        job=job,
        previews=row["previews"],
        tries_allowed=row["tries_allowed"],
    )
