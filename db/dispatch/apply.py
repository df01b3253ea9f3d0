"""Writes a plan down: chunks are carved and handed out, staged ones taken back, waits and pool sizes noted.

One transaction. A plan is a wish made from a snapshot: whatever changed since (a job canceled, a replica gone, a chunk
claimed) is looked at again under the locks, and that part of the plan is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from db._query import as_json, run
from db.dispatch.carve import CarvedChunk, carve
from db.dispatch.leadership import hold_epoch
from db.session import Database, Transaction
from jobs.planning import Assign, Carve, Plan
from jobs.states import JobState

HandOutTrace = Callable[[UUID, str, int, Sequence[int]], str | None]
"""Told of each chunk that goes to a replica (job, the job's ``traceparent``, frames of the job, ordinals of the chunk;
of a chunk that was carved before, none): what its row carries as ``traceparent``, None for the job's own."""

_SPARE_RANGES = 100
"""Ranges of a job read beyond the frames that are wanted: a range may hold nothing but frames that were reused. Where
these do not suffice, the next plan goes on behind them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedPlan:
    """How much of the plan was written."""

    carved: int = 0
    assigned: int = 0
    taken_back: int = 0


async def apply_plan(
    db: Database, *, cluster_id: str, plan: Plan, epoch: int, trace: HandOutTrace | None = None
) -> AppliedPlan:
    """``LostLeadership`` where another leads; else what still holds of the plan, all at once."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        await run(tx, "async_commit")
        applied = await _place(tx, plan, trace)
        await run(tx, "write_waits", waits=as_json({str(job): reason for job, reason in plan.waits.items()}))
        if plan.backlog:
            await run(tx, "write_pools", cluster_id=cluster_id, pools=as_json(plan.backlog))
        return applied


async def _place(tx: Transaction, plan: Plan, trace: HandOutTrace | None) -> AppliedPlan:
    if not plan.placements and not plan.take_backs:
        return AppliedPlan()
    carves: dict[UUID, list[Carve]] = defaultdict(list)
    assigns: list[Assign] = []
    for placement in plan.placements:
        match placement:
            case Carve():
                carves[placement.job_id].append(placement)
            case Assign():
                assigns.append(placement)
    jobs = await _running_jobs(
        tx, {*carves, *(assign.job_id for assign in assigns)}, [back.work_id for back in plan.take_backs]
    )
    open_jobs = {job_id: row for job_id, row in jobs.items() if not row.stopped}  # its money may have run out since
    taken_back = 0
    if plan.take_backs:
        freed = await run(
            tx,
            "take_back",
            work_ids=[back.work_id for back in plan.take_backs],
            replica_ids=[back.replica_id for back in plan.take_backs],
            job_ids=list(jobs),
        )
        taken_back = len(freed.all())
    wanted = {job_id: wishes for job_id, wishes in carves.items() if job_id in open_jobs}
    chunks, ranges = await _carve_all(tx, wanted, open_jobs)
    done = await run(
        tx,
        "place_chunks",
        chunks=as_json([_chunk_row(chunk, jobs[chunk.job_id], trace) for chunk in chunks]),
        ranges=as_json(ranges),
        assigns=as_json(
            [
                {
                    "work_id": assign.work_id,
                    "replica_id": assign.replica_id,
                    "job_id": assign.job_id,
                    "traceparent": _traced(jobs[assign.job_id], (), trace),
                }
                for assign in assigns
                if assign.job_id in open_jobs
            ]
        ),
    )
    placed = done.one()
    return AppliedPlan(carved=placed.carved, assigned=placed.assigned, taken_back=taken_back)


async def _running_jobs(tx: Transaction, job_ids: set[UUID], work_ids: list[int]) -> dict[UUID, Any]:
    """The plan's jobs that run, locked; the others were canceled or paused since, or are not pinned yet."""
    rows = (await run(tx, "lock_plan_jobs", job_ids=list(job_ids), work_ids=work_ids)).all()
    return {row.id: row for row in rows if row.state == JobState.RUNNING}


async def _carve_all(
    tx: Transaction, wishes: dict[UUID, list[Carve]], jobs: dict[UUID, Any]
) -> tuple[list[CarvedChunk], list[dict[str, int]]]:
    if not wishes:
        return [], []
    ranges: dict[UUID, list[Any]] = defaultdict(list)
    order = sorted(wishes)
    found = await run(
        tx,
        "read_ranges",
        job_ids=order,
        generations=[jobs[job_id].generation for job_id in order],
        limits=[_SPARE_RANGES + sum(wish.frames for wish in wishes[job_id]) for job_id in order],
    )
    for row in found.all():
        ranges[row.job_id].append(row)
    chunks: list[CarvedChunk] = []
    changed: list[dict[str, int]] = []
    for job_id, carves in wishes.items():
        made, left = await carve(tx, job=jobs[job_id], ranges=ranges[job_id], wishes=carves)
        chunks += made
        changed += left
    return chunks, changed


def _traced(job: Any, ordinals: Sequence[int], trace: HandOutTrace | None) -> str | None:
    if trace is None or job.traceparent is None:
        return None
    return trace(job.id, job.traceparent, job.total, ordinals)


def _chunk_row(chunk: CarvedChunk, job: Any, trace: HandOutTrace | None) -> dict[str, object]:
    return {
        "job_id": chunk.job_id,
        "generation": job.generation,
        "first": chunk.first,
        "ordinals": chunk.ordinals,
        "part": chunk.part,
        "parts": chunk.parts,
        "replica_id": chunk.replica_id,
        "priority_rank": job.priority_rank,
        "traceparent": _traced(job, chunk.ordinals, trace) if chunk.replica_id else None,
    }
