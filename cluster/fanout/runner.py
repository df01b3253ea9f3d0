"""Turns task rows into running tasks: claim, launch, renew, reap. Called by the leader at every tick.

A task writes its own result under its fence, so that a lost dispatcher loses nothing but time: the lease lapses and
the row is claimed again.
"""

from __future__ import annotations

import asyncio
import functools
import math
import time
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import structlog

from cluster.backoff import Patience
from cluster.settings import ClusterSettings
from db.dispatch import ClaimedTask, claim_tasks, fail_task, postpone_task, renew_tasks
from db.session import Database
from jobs.errors import RayfarmError, Unavailable
from jobs.states import WorkKind

_log = structlog.get_logger(__name__)

_MESSAGE_CHARACTERS = 2000

TASK_KINDS = (WorkKind.PROBE, WorkKind.MERGE, WorkKind.POST)


class TaskLauncher(Protocol):
    """Runs tasks somewhere, one after the other; the awaitable ends with the last, and raises when one broke."""

    async def launch(self, tasks: Sequence[ClaimedTask]) -> None: ...


class TaskRunner:
    """Keeps at most ``max_parallel_tasks`` in flight."""

    def __init__(self, *, database: Database, settings: ClusterSettings, holder: UUID, launcher: TaskLauncher) -> None:
        self._database = database
        self._settings = settings
        self._holder = holder
        self._launcher = launcher
        self._patience = Patience(settings.retry_first, settings.retry_longest)
        self._running: dict[asyncio.Task[None], list[ClaimedTask]] = {}
        self._renewed_at = -math.inf
        self._previewed_at = 0.0

    async def tick(self, epoch: int) -> int:
        """Renew, claim and launch; returns how many rows were launched."""
        await self.renew()  # again only where this tick has been a long one
        launched = 0
        for task in await self._claim(epoch, limit=self._room, previews=False):
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
        )

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
        try:
            await self._launcher.launch(tasks)
        except Exception as error:
            cause = _cause_of(error)
            outage = isinstance(cause, (Unavailable, ConnectionError))
            work_ids = [task.work_id for task in tasks]
            if outage:
                _log.warning("task_met_outage", work_ids=work_ids, task=tasks[0].task, error=str(cause))
            else:
                _log.exception("task_broke", work_ids=work_ids, task=tasks[0].task)
            for task in tasks:  # one that has ended is not ours any more, and is left alone
                await self._patience.until_available(
                    "end_task", functools.partial(self._give_back, task, _words_of(cause), outage=outage)
                )

    async def _give_back(self, task: ClaimedTask, message: str, *, outage: bool) -> None:
        """May happen twice: each raises the fence or ends the row, and the second finds nothing that is ours."""
        if outage:
            await postpone_task(self._database, work_id=task.work_id, fence=task.fence, message=message)
        else:
            await fail_task(self._database, work_id=task.work_id, fence=task.fence, message=message, retryable=True)


def _cause_of(error: Exception) -> BaseException:
    """What the task raised: Ray wraps it."""
    return getattr(error, "cause", None) or error


def _words_of(cause: BaseException) -> str:
    """What users may read: our own errors' words; of others the kind, as their text holds tracebacks and paths."""
    if isinstance(cause, RayfarmError):
        return str(cause)[:_MESSAGE_CHARACTERS]
    if isinstance(cause, ConnectionError):
        return f"Something that the farm needs does not answer ({type(cause).__name__}); it is tried again by itself."
    return f"The farm met an error of its own ({type(cause).__name__}); its log says more."
