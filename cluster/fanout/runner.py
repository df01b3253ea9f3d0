"""Turns task rows into running tasks: claim, launch, renew, reap. Called by the leader at every tick.

A task writes its own result under its fence, so that a lost dispatcher loses nothing but time: the lease lapses and
the row is claimed again.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol
from uuid import UUID

import structlog

from cluster.settings import ClusterSettings
from db.dispatch import ClaimedTask, claim_tasks, fail_task, renew_tasks
from db.session import Database
from jobs.states import WorkKind

_log = structlog.get_logger(__name__)

TASK_KINDS = (WorkKind.PROBE, WorkKind.POST)


class TaskLauncher(Protocol):
    """Runs a task somewhere; the awaitable ends when it has ended, and raises when it broke."""

    async def launch(self, task: ClaimedTask) -> None: ...


class TaskRunner:
    """Keeps at most ``max_parallel_tasks`` in flight."""

    def __init__(self, *, database: Database, settings: ClusterSettings, holder: UUID, launcher: TaskLauncher) -> None:
        self._database = database
        self._settings = settings
        self._holder = holder
        self._launcher = launcher
        self._running: dict[asyncio.Task[None], ClaimedTask] = {}
        self._renewed_at = 0.0

    async def tick(self, epoch: int) -> int:
        """Reap, renew, claim and launch; returns how many were launched."""
        await self._renew()
        room = self._settings.max_parallel_tasks - len(self._running)
        if room <= 0:
            return 0
        claimed = await claim_tasks(
            self._database,
            kinds=TASK_KINDS,
            limit=room,
            lease=self._settings.task_lease,
            holder=self._holder,
            epoch=epoch,
        )
        for task in claimed:
            runner = asyncio.create_task(self._run(task), name=f"task-{task.task or task.kind}-{task.work_id}")
            self._running[runner] = task
            runner.add_done_callback(self._running.pop)
        return len(claimed)

    async def close(self) -> None:
        """Stop waiting for tasks; what they were doing is claimed again by the next leader."""
        for runner in list(self._running):
            runner.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _run(self, task: ClaimedTask) -> None:
        try:
            await self._launcher.launch(task)
        except Exception as error:
            _log.exception("task_broke", work_id=task.work_id, kind=task.kind, task=task.task)
            await fail_task(
                self._database, work_id=task.work_id, fence=task.fence, message=str(error)[:2000], retryable=True
            )

    async def _renew(self) -> None:
        now = time.monotonic()
        if not self._running or now - self._renewed_at < self._settings.task_lease.total_seconds() / 3:
            return
        self._renewed_at = now
        held = [(task.work_id, task.fence) for task in self._running.values()]
        await renew_tasks(self._database, tasks=held, lease=self._settings.task_lease)
