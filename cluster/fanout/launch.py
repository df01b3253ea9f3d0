"""Runs task rows as a Ray task, named so that an operator knows it in the dashboard."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ray

from cluster.fanout.news import Hear, TaskNews
from cluster.fanout.tasks import execute_all
from cluster.observing import observe_process
from cluster.told_environment import ToldEnvironment
from cluster.tracing import flush_spans
from db.dispatch import ClaimedTask

Executor = Callable[[Sequence[ClaimedTask]], Iterator[TaskNews]]
"""Runs tasks one after the other, in the process it is called in."""


@ray.remote(num_cpus=1, max_retries=0, num_returns="streaming")
def _run(execute: Executor, tasks: Sequence[ClaimedTask], told: ToldEnvironment) -> Iterator[TaskNews]:
    told.enter()
    observe_process("rayfarm-tasks")
    try:
        yield from execute(tasks)
    finally:
        flush_spans()  # Ray ends an idle worker without a word


class RayLauncher:
    """Ray retries nothing: a task that is lost is claimed again from its row."""

    def __init__(self, execute: Executor = execute_all, *, told: ToldEnvironment | None = None) -> None:
        """``told``: what the tasks' processes take over where Ray was not started with it."""
        self._execute = execute
        self._told = told or ToldEnvironment()

    async def launch(self, tasks: Sequence[ClaimedTask], hear: Hear) -> None:
        task = tasks[0]
        of = f"job {task.job_id}" if task.job_id else f"model {task.model_id}"
        name = f"{task.task or task.kind} of {of}"
        stream: Any = _run.options(name=name).remote(self._execute, tasks, self._told)  # Ray's types know no streams
        try:
            async for item in stream:
                await hear(await item)
        except BaseException:
            with contextlib.suppress(Exception):  # Ray itself may be gone, and the process with it
                ray.cancel(stream, force=True)  # only force ends what does not look at Python's signals
            raise
