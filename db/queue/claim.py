"""A replica takes its next chunk, and says when it starts to render it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from db._frames import frame_range
from db._query import run
from db.events import append_event
from db.listen import DISPATCH
from db.queue._work import lock_work
from db.queue.give_back import give_back
from db.session import Database
from jobs.events import EventKind
from jobs.states import EndReason, JobState, WorkState


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedChunk:
    """All that a replica needs to render it; every later write names ``work_id`` and ``fence``."""

    work_id: int
    fence: int
    job_id: UUID
    project_id: UUID
    generation: int
    ordinals: list[int]
    """Without a result, in the order to render."""
    frames: list[int]
    """Their numbers in the scene."""
    pipeline: str
    model_id: UUID
    model_digest: str
    manifest: dict[str, Any]
    spec: dict[str, Any]
    tries: int
    part: int | None = None
    """Which slice of its only frame this is, from 0; None: whole frames."""
    parts: int | None = None
    """Into how many slices that frame is split."""
    resource_failures: int = 0
    """Attempts of its frame that ran out of memory; the next one gets the replica's memory for itself."""
    waited_ms: float = 0.0
    """Since it was last put in line, by the database's clock."""
    total: int = 1
    """Frames of its job."""
    traceparent: str | None = None
    """W3C trace context of its hand-out, else of its job."""

    @property
    def key(self) -> tuple[int, int]:
        """(work id, fence): this claim and no other."""
        return (self.work_id, self.fence)


async def claim_chunk(db: Database, *, replica_id: UUID, cluster_id: str, lease: timedelta) -> ClaimedChunk | None:
    """The most urgent chunk that is assigned to this replica and whose job runs; None when there is none."""
    async with db.transaction() as tx:
        await run(tx, "async_commit")
        done = await run(tx, "claim_chunk", replica_id=replica_id, cluster_id=cluster_id, lease=lease)
        row = done.mappings().one_or_none()
    if row is None:
        return None
    numbers = frame_range(row["spec"]["frames"])
    return ClaimedChunk(
        frames=[numbers[ordinal] for ordinal in row["ordinals"]], pipeline=row["spec"]["pipeline"], **row
    )


async def has_claimable(db: Database, *, replica_id: UUID) -> bool:
    """Whether a chunk waits for this replica that a claim passed over because another held it locked: whoever starts
    or ends one part of a frame holds the others. Nobody tells of such a lock's end."""
    async with db.transaction() as tx:
        return bool((await run(tx, "has_claimable", replica_id=replica_id)).scalar_one())


async def start_chunk(db: Database, *, work_id: int, fence: int, warm: bool) -> bool:
    """Leased to rendering. False: render nothing of it, and nothing is left to release.

    It is somebody else's, or its job was paused or its project's money ran out (it went back to the queue), or its job
    ended (it is canceled).
    """
    async with db.transaction() as tx:
        work = await lock_work(tx, work_id)
        if work is None or not work.is_held_under(fence) or work.state is not WorkState.LEASED:
            return work is not None and work.is_held_under(fence)  # an answer that got lost: it has started
        if work.job.state is not JobState.RUNNING:
            await give_back(tx, work, reason=EndReason.INTERRUPTED, limits=None)
            await run(tx, "notify", channel=DISPATCH, payload="chunk")
            return False
        is_first = (await run(tx, "start_chunk", work_id=work_id, project_id=work.job.project_id)).scalar_one_or_none()
        if is_first is None:  # the project's money ran out since it was claimed
            await give_back(tx, work, reason=EndReason.INTERRUPTED, limits=None)
            await run(tx, "notify", channel=DISPATCH, payload="chunk")
            return False
        if is_first:
            await append_event(
                tx,
                job_id=work.job.id,
                kind=EventKind.CHUNK_STARTED,
                data={"ordinals": work.ordinals, "replica": work.replica_id, "warm": warm},
            )
        return True
