"""The one way a frame gets its picture: a fenced commit of a batch, in one transaction of two statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from db._query import as_json, run
from db.queue._work import LockedWork, lock_work
from db.session import Database, Transaction
from db.settle import settle
from jobs.billing import used_us
from jobs.ids import new_id
from jobs.states import JobState, WorkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class NewArtifact:
    """A file that is in storage already."""

    kind: str
    name: str
    storage_key: str
    size_bytes: int
    sha256: str
    media_type: str
    width: int | None = None
    height: int | None = None
    ordinal: int | None = None
    """Of a task's output that belongs to one frame (a preview); a frame's own files need not say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCommit:
    """One rendered frame whose files are uploaded under the key of its attempt."""

    ordinal: int
    frame: int
    attempt_id: UUID
    started_at: float
    """Seconds since the epoch."""
    engine_ms: float
    """How long its engine had it, by the clock of who asked the engine: what is charged, and sizes the next chunks."""
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    """For people: what the engine says of itself is a scene's word, and no money hangs on it."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    warm: bool = False
    log: str = ""
    """The end of what the engine printed for it."""
    artifacts: Sequence[NewArtifact] = ()

    @property
    def render_ms(self) -> float:
        """What is shown: the engine's word, all of its times where it does not tell rendering from the rest."""
        return min(float(self.timings_ms.get("render", sum(self.timings_ms.values()))), self.engine_ms)


async def commit_frames(
    db: Database,
    *,
    work_id: int,
    fence: int,
    replica_id: UUID,
    frames: Sequence[FrameCommit],
    needs_preview: bool = False,
) -> list[int] | None:
    """Make these attempts the results of their frames; returns the ordinals whose result they are.

    None: superseded, so drop them all. The same call again (its answer got lost) gives the same answer. Only the fence
    and the job decide: a lease that ran out refuses nothing until somebody raised the fence.
    """
    async with db.transaction() as tx:
        work = await lock_work(tx, work_id)
        if work is None or work.kind is not WorkKind.CHUNK:
            return None
        if not work.is_held_under(fence) or work.job.state.is_terminal:
            return await committed_before(tx, work_id, frames) or None
        held = set(work.ordinals)
        fresh = {commit.ordinal: commit for commit in frames if commit.ordinal in held}
        known = await committed_before(tx, work_id, frames) if len(fresh) < len(frames) else []
        if not fresh:
            return known
        shows = needs_preview and work.previews and work.job.state is not JobState.CANCELING
        accepted = await write_frames(tx, work, replica_id, list(fresh.values()), shows)
        is_last_of_chunk = len(accepted) == len(held)
        is_last_of_job = work.job.resolved + len(accepted) == work.job.total
        if is_last_of_job or (is_last_of_chunk and (work.job.scouting or work.job.state is JobState.CANCELING)):
            await settle(tx, job_id=work.job.id)
        return sorted({*accepted, *known})


async def write_frames(
    tx: Transaction, work: LockedWork, replica_id: UUID | None, frames: list[FrameCommit], needs_preview: bool
) -> list[int]:
    """Results, attempts, artifacts, counts, and one event; the ordinals that got their result. Needs both locks."""
    files = [(commit, new_id(), artifact) for commit in frames for artifact in commit.artifacts]
    remaining = [ordinal for ordinal in work.ordinals if ordinal not in {commit.ordinal for commit in frames}]
    is_merge = work.kind is WorkKind.MERGE
    pictures = {commit.ordinal: file_id for commit, file_id, artifact in files if artifact.kind == "frame"}
    event = {
        "frames": [
            {
                "ordinal": commit.ordinal,
                "frame": commit.frame,
                "artifact": pictures.get(commit.ordinal),
                "render_ms": round(commit.render_ms, 3),
                "warm": commit.warm,
                "replica": replica_id,
            }
            for commit in frames
        ],
        "counts": {**work.job.counts, "committed": work.job.committed + len(frames)},
    }
    done = await run(
        tx,
        "write_frames",
        work_id=work.id,
        fence=work.fence,
        job_id=work.job.id,
        project_id=work.job.project_id,
        generation=work.generation,
        replica_id=replica_id,
        priority_rank=work.job.priority_rank,
        remaining=remaining,
        done=not remaining,
        needs_preview=needs_preview,
        kind="merge" if is_merge else "frame",
        frames=as_json([_frame_row(commit, is_merge=is_merge) for commit in frames]),
        artifacts=as_json([artifact_row(file_id, artifact, commit.ordinal) for commit, file_id, artifact in files]),
        event=as_json(event),
    )
    accepted: list[int] = done.one().accepted
    return accepted


async def committed_before(tx: Transaction, work_id: int, frames: Sequence[FrameCommit]) -> list[int]:
    """Which of these attempts are the results of their frames already."""
    done = await run(
        tx,
        "committed_by_attempts",
        work_id=work_id,
        ordinals=[commit.ordinal for commit in frames],
        attempts=[commit.attempt_id for commit in frames],
    )
    return list(done.scalars().all())


def _frame_row(commit: FrameCommit, *, is_merge: bool) -> dict[str, object]:
    return {
        "ordinal": commit.ordinal,
        "frame": commit.frame,
        "attempt_id": commit.attempt_id,
        "started_at": commit.started_at,
        "render_ms": commit.render_ms,
        "engine_ms": commit.engine_ms,
        # the parts of a merged frame were charged when they were committed
        "used_us": used_us(commit.timings_ms.get("merge", 0.0) if is_merge else commit.engine_ms),
        "warm": commit.warm,
        "timings": commit.timings_ms,
        "metrics": commit.metrics,
        "log": commit.log or None,
    }


def artifact_row(file_id: UUID, artifact: NewArtifact, ordinal: int | None) -> dict[str, object]:
    """One element of the ``artifacts`` parameter of the statements that insert them."""
    return {
        "id": file_id,
        "ordinal": ordinal,
        "kind": artifact.kind,
        "name": artifact.name,
        "storage_key": artifact.storage_key,
        "size_bytes": artifact.size_bytes,
        "sha256": artifact.sha256,
        "media_type": artifact.media_type,
        "width": artifact.width,
        "height": artifact.height,
    }
