"""Runs a task row as a Ray task, named so that an operator knows it in the dashboard."""

from __future__ import annotations

from collections.abc import Sequence

import ray

from cluster.fanout.tasks import execute
from cluster.logs import configure_logging
from db.dispatch import ClaimedTask


@ray.remote(num_cpus=1, max_retries=0)
def _run(tasks: Sequence[ClaimedTask]) -> None:
    configure_logging()
    for task in tasks:
        execute(task)


class RayLauncher:
    """Ray retries nothing: a task that is lost is claimed again from its row."""

    async def launch(self, tasks: Sequence[ClaimedTask]) -> None:
        task = tasks[0]
        of = f"job {task.job_id}" if task.job_id else f"model {task.model_id}"
        await _run.options(name=f"{task.task or task.kind} of {of}").remote(tasks)
