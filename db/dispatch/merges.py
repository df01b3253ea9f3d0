"""The parts of a frame become the frame: what a merge task reads, and its fenced end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import select

from db.queue._work import LockedWork, lock_work
from db.queue.commit import FrameCommit, committed_before, write_frames
from db.queue.give_back import fail_for_good, record_attempt
from db.session import Database, Transaction
from db.settle import settle
from db.tables import PART_RESULT
from jobs.states import EndReason, JobState, WorkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedPart:
    """A part of a frame that is in storage."""

    part: int
    storage_key: str
    size_bytes: int
    sha256: str
    media_type: str
    render_ms: float
    warm: bool


async def parts_of_frame(tx: Transaction, *, job_id: UUID, ordinal: int, generation: int) -> list[CommittedPart]:
    """Those that are committed, in the order of their numbers."""
    columns = [PART_RESULT.c[name] for name in CommittedPart.__dataclass_fields__]
    query = (
        select(*columns)
        .where(
            PART_RESULT.c.job_id == job_id,
            PART_RESULT.c.ordinal == ordinal,
            PART_RESULT.c.generation == generation,
        )
        .order_by(PART_RESULT.c.part)
    )
    rows = (await tx.execute(query)).mappings().all()
    return [CommittedPart(**row) for row in rows]


async def finish_merge(
    db: Database, *, work_id: int, fence: int, commit: FrameCommit, needs_preview: bool = False
) -> bool:
    """Make the merged picture the result of its frame, as a chunk's commit does. False: superseded.

    The same call again (its answer got lost) gives the same answer.
    """
    async with db.transaction() as tx:
        work = await lock_work(tx, work_id)
        if work is None or work.kind is not WorkKind.MERGE:
            return False
        if not work.is_held_under(fence) or work.job.state.is_terminal or work.job.state is JobState.CANCELING:
            return bool(await committed_before(tx, work_id, [commit]))
        accepted: Sequence[int] = await write_frames(tx, work, None, [commit], needs_preview and work.previews)
        if work.job.scouting or work.job.resolved + len(accepted) == work.job.total:
            await settle(tx, job_id=work.job.id)
        return bool(accepted)


async def merge_failed(tx: Transaction, work: LockedWork, *, reason: EndReason, message: str, final: bool) -> None:
    """One try of a merge went wrong; with the last one its frame has failed. Needs both locks."""
    ordinal, attempt_id = work.ordinals[0], uuid4()
    message = f"The parts of the frame could not be merged: {message}"
    await record_attempt(tx, work, ordinal=ordinal, attempt_id=attempt_id, reason=reason, message=message, log=None)
    if final:
        await fail_for_good(tx, work, ordinal=ordinal, attempt_id=attempt_id, reason=reason, message=message)
        await settle(tx, job_id=work.job.id)
