"""A part of a split frame is committed like a frame: fenced, once; with the last one the merge is queued."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from db._query import as_json, run, storable
from db.queue._work import LockedWork, lock_work
from db.queue.give_back import end_with_job
from db.session import Database
from jobs.billing import used_us
from jobs.states import JobState, WorkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCommit:
    """One rendered part whose file is uploaded under the key of its attempt."""

    attempt_id: UUID
    started_at: float
    """Seconds since the epoch."""
    storage_key: str
    size_bytes: int
    sha256: str
    media_type: str
    engine_ms: float
    """How long its engine had it, by the clock of who asked the engine: its share of the frame's cost."""
    timings_ms: dict[str, float] = field(default_factory=dict)
    """For people."""
    metrics: dict[str, Any] = field(default_factory=dict)
    warm: bool = False
    log: str = ""
    """The end of what the engine printed for it."""


async def commit_part(db: Database, *, work_id: int, fence: int, replica_id: UUID, commit: PartCommit) -> bool:
    """Make this attempt the result of its part. False: superseded, so its file is nobody's.

    The same call again (its answer got lost) gives the same answer. There is no event: the feed speaks of frames, and
    the replica's row of progress. A job that is being canceled takes no part: it could make no frame any more.
    """
    async with db.transaction() as tx:
        work = await lock_work(tx, work_id)
        if work is None or work.kind is not WorkKind.PART:
            return False
        if not work.is_held_under(fence) or work.job.state.is_terminal:
            known = await run(tx, "part_by_attempt", work_id=work_id, attempt_id=commit.attempt_id)
            return bool(known.scalar_one())
        if work.job.state is JobState.CANCELING:
            await end_with_job(tx, work)
            return False
        done = await run(tx, "write_part", **_parameters(work, replica_id, commit))
        return bool(done.one().accepted)


def _parameters(work: LockedWork, replica_id: UUID, commit: PartCommit) -> dict[str, object]:
    return {
        "work_id": work.id,
        "fence": work.fence,
        "job_id": work.job.id,
        "ordinal": work.ordinals[0],
        "generation": work.generation,
        "part": work.part,
        "parts": work.parts,
        "priority_rank": work.job.priority_rank,
        "replica_id": replica_id,
        "attempt_id": commit.attempt_id,
        "started_at": commit.started_at,
        "storage_key": commit.storage_key,
        "size_bytes": commit.size_bytes,
        "sha256": commit.sha256,
        "media_type": commit.media_type,
        "render_ms": commit.engine_ms,
        "used_us": used_us(commit.engine_ms),
        "warm": commit.warm,
        "timings": as_json(commit.timings_ms),
        "metrics": as_json({**commit.metrics, "part": work.part, "parts": work.parts}),
        "log": storable(commit.log) or None,
    }
