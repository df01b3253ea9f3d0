"""Turns task rows into running tasks: claim, launch, renew, stop, reap. Called by the leader at every tick.

A task writes its own result under its fence, so that a lost dispatcher loses nothing but time: the lease lapses and
the row is claimed again.
"""

from __future__ import annotations

import asyncio
import functools
import math
import time
from collections.abc import Sequence
from typing import Protocol, assert_never
from uuid import UUID

import structlog

from cluster.backoff import Patience
from cluster.fanout.limits import TaskLimit, limit_of
from cluster.fanout.news import Hear, TaskBegun, TaskEnded, TaskFailure, TaskNews, failure_of
from cluster.settings import ClusterSettings
from db.dispatch import ClaimedTask, claim_tasks, fail_task, postpone_task, renew_tasks
from db.session import Database
from jobs.errors import Unavailable
from jobs.states import EndReason, WorkKind

_log = structlog.get_logger(__name__)

_REMEMBERED_PROJECTS = 1000
"""Of those that got a place lately; who is forgotten counts as never served."""

TASK_KINDS = (WorkKind.PROBE, WorkKind.MERGE, WorkKind.POST)


class TaskLauncher(Protocol):
    """Runs tasks somewhere, in one process and one after the other, and lets hear of each when it begins and ends.

    The awaitable ends with the last. It raises where the process broke or never began, and kills it when cancelled.
    """

    async def launch(self, tasks: Sequence[ClaimedTask], hear: Hear) -> None: ...


class TaskRunner:
    """Keeps at most ``max_parallel_tasks`` processes in flight, and stops a task that runs longer than its limit."""

    def __init__(self, *, database: Database, settings: ClusterSettings, holder: UUID, launcher: TaskLauncher) -> None:
        self._database = database
        self._settings = settings
        self._holder = holder
        self._launcher = launcher
        self._patience = Patience(settings.retry_first, settings.retry_longest)
        self._running: dict[asyncio.Task[None], list[ClaimedTask]] = {}
        self._renewed_at = -math.inf
        self._previewed_at = 0.0
        self._served: dict[UUID, None] = {}
        """Projects that got a place, the latest last. Another leader begins anew, at the cost of one turn."""

    async def tick(self, epoch: int) -> int:
        """Renew, claim and launch; returns how many rows were launched."""
        await self.renew()  # again only where this tick has been a long one
        launched = 0
        for task in await self._claim(epoch, limit=self._room, previews=False):
            self._remember(task.project_id)
            self._launch([task])
            launched += 1
        now = time.monotonic()
        if self._room > 0 and now - self._previewed_at >= self._settings.previews_every.total_seconds():
            previews = await self._claim(epoch, limit=self._settings.previews_at_once, previews=True)
            if previews:
                self._previewed_at = now
                self._launch(previews)
                launched += len(previews)
        return launched

    async def renew_for_ever(self) -> None:
        """Beside the ticks, one of which may take longer than a lease: a task that runs is never given to another."""
        while True:
            try:
                await self.renew()
            except (Unavailable, OSError) as error:
                _log.warning("renew_unavailable", error=str(error))
            except Exception:
                _log.exception("renew_failed")
            await asyncio.sleep(self._settings.task_lease.total_seconds() / 10)

    async def renew(self) -> None:
        """Renew the leases of what runs, once a third of a lease has passed since the last time."""
        now = time.monotonic()
        if not self._running or now - self._renewed_at < self._settings.task_lease.total_seconds() / 3:
            return
        held = [(task.work_id, task.fence) for tasks in self._running.values() for task in tasks]
        await renew_tasks(self._database, tasks=held, lease=self._settings.task_lease)
        self._renewed_at = now  # not where it raised: after an outage the leases are the more urgent

    @property
    def _room(self) -> int:
        return self._settings.max_parallel_tasks - len(self._running)

    async def _claim(self, epoch: int, *, limit: int, previews: bool) -> list[ClaimedTask]:
        if limit <= 0:
            return []
        return await claim_tasks(
            self._database,
            kinds=TASK_KINDS,
            limit=limit,
            lease=self._settings.task_lease,
            holder=self._holder,
            epoch=epoch,
            previews=previews,
            served=list(self._served),
        )

    def _remember(self, project_id: UUID) -> None:
        self._served.pop(project_id, None)
        self._served[project_id] = None
        if len(self._served) > _REMEMBERED_PROJECTS:
            del self._served[next(iter(self._served))]

    def _launch(self, tasks: list[ClaimedTask]) -> None:
        first = tasks[0]
        runner = asyncio.create_task(self._run(tasks), name=f"task-{first.task or first.kind}-{first.work_id}")
        self._running[runner] = tasks
        runner.add_done_callback(self._running.pop)

    async def close(self) -> None:
        """Stop waiting for tasks; what they were doing is claimed again by the next leader."""
        for runner in list(self._running):
            runner.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _run(self, tasks: list[ClaimedTask]) -> None:
        """All of them, whatever becomes of one: what stood behind a task that broke its process gets another."""
        left = {task.work_id: task for task in tasks}
        while left:
            await self._run_in_one_process(left)

    async def _run_in_one_process(self, left: dict[int, ClaimedTask]) -> None:
        """Takes from ``left`` what has ended, and what was running when the process broke or was stopped."""
        running: list[ClaimedTask] = []  # one, or none between two

        async def hear(news: TaskNews) -> None:
            task = left[news.work_id]
            match news:
                case TaskBegun():
                    running.append(task)
                    longest = limit_of(task, self._settings).longest
                    timeout.reschedule(asyncio.get_running_loop().time() + longest.total_seconds())
                case TaskEnded():
                    running.clear()
                    timeout.reschedule(None)
                    del left[task.work_id]
                    if news.failure is not None:
                        await self._give_back(task, news.failure)
                case _:
                    assert_never(news)

        try:
            async with asyncio.timeout(None) as timeout:
                await self._launcher.launch(list(left.values()), hear)
        except Exception as error:
            failure = failure_of(error)
            if timeout.expired():
                failure = _overrun(limit_of(running[0], self._settings))
            for task in running or list(left.values()):
                if failure.outage:
                    _log.warning("task_met_outage", work_id=task.work_id, task=task.task, error=str(error))
                elif timeout.expired():
                    _log.warning("task_overran", work_id=task.work_id, task=task.task, error=failure.message)
                else:
                    _log.error("task_broke", work_id=task.work_id, task=task.task, exc_info=error)
                del left[task.work_id]
                await self._give_back(task, failure)
        else:
            left.clear()

    async def _give_back(self, task: ClaimedTask, failure: TaskFailure) -> None:
        """Waits for the database. One that has ended is not ours any more, and is left alone."""
        await self._patience.until_available("end_task", functools.partial(self._write_failure, task, failure))

    async def _write_failure(self, task: ClaimedTask, failure: TaskFailure) -> None:
        """May happen twice: each raises the fence or ends the row, and the second finds nothing that is ours."""
        if failure.outage:
            await postpone_task(self._database, work_id=task.work_id, fence=task.fence, message=failure.words)
        else:
            await fail_task(
                self._database,
                work_id=task.work_id,
                fence=task.fence,
                message=failure.message,
                remedy=failure.remedy,
                retryable=True,
                reason=failure.reason,
            )


def _overrun(limit: TaskLimit) -> TaskFailure:
    return TaskFailure(
        f"It ran longer than {limit.longest}, the farm's limit for it, and was stopped. "
        f"An operator can raise the limit: {limit.setting}.",
        reason=EndReason.TIMEOUT,
    )
