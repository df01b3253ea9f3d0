"""A job starts: it is pinned to an engine version and device class, and takes what is rendered already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from db._frames import runs_as_rows
from db._jobs import lock_job
from db._query import as_json, run, storable
from db.cancel import fail_job
from db.dispatch.leadership import hold_epoch
from db.events import append_event
from db.session import Database
from db.settle import settle
from db.transitions import change_job
from jobs.events import EventKind
from jobs.spec import JobSpec
from jobs.states import EndReason, JobCommand, JobState

_EVENT_FRAMES = 1000
"""Reused frames that an event names; a feed line of a million frames helps nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobToPin:
    id: UUID
    spec: dict[str, Any]
    model_digest: str


async def jobs_to_pin(db: Database, *, job_ids: Sequence[UUID]) -> list[JobToPin]:
    """Those of ``job_ids`` that are still queued, the most urgent first."""
    async with db.transaction() as tx:
        rows = (await run(tx, "jobs_to_pin", job_ids=list(job_ids))).mappings().all()
    return [JobToPin(**row) for row in rows]


async def refuse_job(db: Database, *, job_id: UUID, message: str, epoch: int) -> None:
    """A queued job that cannot start fails, and says why; nothing happens to one that left the queue meanwhile."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        if (await lock_job(tx, job_id)).state is JobState.QUEUED:
            await fail_job(tx, job_id=job_id, reason=EndReason.INFRA, message=storable(message))


async def pin_job(
    db: Database, *, job_id: UUID, engine_version: str, device_class: str, render_key: str, epoch: int
) -> None:
    """Queued to running. Nothing happens to a job that was canceled or paused meanwhile."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        if (await lock_job(tx, job_id)).state is not JobState.QUEUED:
            return
        await run(
            tx,
            "pin_job",
            job_id=job_id,
            engine_version=engine_version,
            device_class=device_class,
            render_key=render_key,
        )
        await change_job(tx, job_id=job_id, command=JobCommand.START)


async def reuse_frames(db: Database, *, job_id: UUID, epoch: int, limit: int) -> int:
    """Take over up to ``limit`` frames that this project rendered from the same inputs; how many it took.

    Ask again while it returns ``limit``. Frames that a chunk holds are left to it.
    """
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        job = await lock_job(tx, job_id)
        spec = JobSpec.model_validate((await run(tx, "job_spec", job_id=job_id)).scalar_one())
        if job.state is not JobState.RUNNING or not spec.reuse:
            return 0
        await run(tx, "no_nested_loops")
        done = await run(
            tx,
            "reuse_frames",
            job_id=job_id,
            generation=job.generation,
            runs=as_json(runs_as_rows(spec.frame_range)),
            limit=limit,
            listed=_EVENT_FRAMES,
        )
        answer = done.one()
        if not answer.taken:
            return 0
        await append_event(
            tx,
            job_id=job_id,
            kind=EventKind.FRAMES_REUSED,
            data={
                "frames": answer.frames,
                "count": answer.taken,
                "counts": {**job.counts, "reused": job.reused + answer.taken},
            },
        )
        await settle(tx, job_id=job_id)
        return int(answer.taken)
