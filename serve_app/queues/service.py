"""Reads the queue over all projects; resets a machine's failures for all jobs."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from db.queue import reset_block
from db.repositories.job_troubles import TroubledJobRow, list_failing_jobs, list_waiting_jobs
from db.repositories.queues import (
    FarmBlockRow,
    PoolRow,
    ProjectQueueRow,
    count_waits,
    jobs_with_blocks,
    list_farm_blocks,
    queue_of_pools,
    queue_of_projects,
    queue_of_tasks,
)
from db.repositories.status import count_queue
from db.session import Transaction
from jobs.planning import WaitReason
from jobs.spec import PriorityClass
from jobs.states import JobState
from serve_app.queues.schemas import (
    BlocksForgotten,
    ClassQueue,
    FarmBlock,
    PoolClass,
    PoolQueue,
    ProjectQueue,
    Queues,
    TaskQueue,
    TroubledJob,
    WaitView,
)

_NAMES = {each.rank: each.value for each in PriorityClass}
MAX_PROJECTS = 500
"""Projects that one answer lists: those that are owed most."""
FAILED_LATELY = timedelta(days=1)
"""So long a failed job stays in sight of those who run the farm: a night and the day before it."""
MAX_RESETS = 200
"""Jobs whose failures one request forgets: each is locked until the answer."""


async def read_queues(tx: Transaction, *, replica_timeout: timedelta, half_life: timedelta) -> Queues:
    """A handful of statements, whatever the size of the farm."""
    waits: dict[int, list[WaitView]] = defaultdict(list)
    for row in await count_waits(tx):
        words = WaitReason(row.reason).words
        waits[row.priority_rank].append(
            WaitView(reason=row.reason, words=words, jobs=row.jobs, oldest_at=row.oldest_at)
        )
    classes = [
        ClassQueue(
            priority=_name(row.priority_rank),
            waiting=row.waiting,
            running=row.running,
            held=row.held,
            frames=row.frames,
            oldest_s=row.oldest_s,
            waits=waits[row.priority_rank],
        )
        for row in await count_queue(tx)
    ]
    return Queues(
        classes=classes,
        pools=[_pool(row) for row in await queue_of_pools(tx, timeout=replica_timeout)],
        projects=_projects(await queue_of_projects(tx, half_life=half_life, limit=MAX_PROJECTS)),
        tasks=[
            TaskQueue(kind=row.kind, waiting=row.waiting, running=row.running, oldest_s=row.oldest_s)
            for row in await queue_of_tasks(tx)
        ],
    )


async def list_waiting(tx: Transaction, *, reason: WaitReason | None, limit: int) -> list[TroubledJob]:
    """By urgency and age."""
    return [_troubled(row) for row in await list_waiting_jobs(tx, reason=reason, limit=limit)]


async def list_failing(tx: Transaction, *, limit: int) -> list[TroubledJob]:
    """By the number of failed frames."""
    return [_troubled(row) for row in await list_failing_jobs(tx, ended_within=FAILED_LATELY, limit=limit)]


async def read_blocks(tx: Transaction, *, node: str | None, blocked_only: bool, limit: int) -> list[FarmBlock]:
    """Of jobs that have not ended."""
    return [_block(row) for row in await list_farm_blocks(tx, node=node, blocked_only=blocked_only, limit=limit)]


async def forget(tx: Transaction, *, node: str) -> BlocksForgotten:
    """Let jobs use a machine again that has failed them. None have failed on it: nothing happens."""
    jobs = await jobs_with_blocks(tx, node=node, limit=MAX_RESETS + 1)
    done = [await reset_block(tx, job_id=job_id, node=node) for job_id in jobs[:MAX_RESETS]]
    return BlocksForgotten(jobs=sum(done), more=len(jobs) > MAX_RESETS)


def _troubled(row: TroubledJobRow) -> TroubledJob:
    return TroubledJob(
        id=row.id,
        name=row.name,
        project=row.project,
        priority=_name(row.priority_rank),
        state=JobState(row.state),
        reason=row.reason,
        words=WaitReason(row.reason).words if row.reason else None,
        created_at=row.created_at,
        total=row.total,
        failed=row.failed,
        frames=row.frames,
    )


def _name(rank: int) -> str:
    return _NAMES.get(rank, str(rank))


def _pool(row: PoolRow) -> PoolQueue:
    return PoolQueue(
        name=row.name,
        cluster=row.cluster_id,
        desired=row.desired,
        replicas=row.replicas,
        accepting=row.accepting,
        busy=row.busy,
        draining=row.draining,
        disabled=row.disabled,
        classes=[
            PoolClass(
                priority=_name(each["priority_rank"]),
                running=each["running"],
                staged=each["staged"],
                oldest_staged_s=each["oldest_staged_s"],
            )
            for each in row.classes
        ],
    )


def _projects(rows: list[ProjectQueueRow]) -> list[ProjectQueue]:
    weights = sum(row.weight for row in rows)
    used = sum(row.used_s for row in rows)
    return [
        ProjectQueue(
            project=row.slug,
            weight=row.weight,
            share=row.weight / weights,
            used=row.used_s / used if used else 0.0,
            used_s=row.used_s,
            waiting=row.waiting,
            running=row.running,
            held=row.held,
            frames=row.frames,
            oldest_s=row.oldest_s,
            chunks=row.chunks,
            stopped=row.stopped,
        )
        for row in rows
    ]


def _block(row: FarmBlockRow) -> FarmBlock:
    return FarmBlock(
        project=row.project,
        job=row.job_id,
        job_name=row.job_name,
        node=row.node,
        pipeline=row.pipeline,
        failures=row.failures,
        blocked=row.blocked_at is not None,
        blocked_at=row.blocked_at,
    )
