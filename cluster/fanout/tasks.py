"""What a task row means: look up what it needs, do it in a scratch folder, store the outputs, write the result fenced.

Runs in a Ray worker process (or in any process: nothing here knows Ray). A task that finds its fence gone stores
nothing that a row names; what it uploaded lies under its own key and is swept.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import structlog

from cluster.composition import FarmParts, open_farm
from cluster.fanout.job_files import start_stopwatch
from cluster.fanout.merging import merge_frame
from cluster.fanout.news import TaskBegun, TaskEnded, TaskFailure, TaskNews, failure_of
from cluster.fanout.outputs import encode_film, make_contact_sheet, write_previews
from cluster.fanout.probing import probe_model_row
from cluster.fanout.steps import run_step
from cluster.scratch import Scratch
from cluster.tracing import ids_in, task_span
from db.dispatch import ClaimedTask, fail_task
from jobs.errors import InvalidInput
from jobs.states import EndReason, WorkKind

_log = structlog.get_logger(__name__)

TASK_NICE = 10
"""Niceness of these processes: the API, the database and the renderers come first."""

Handler = Callable[[FarmParts, ClaimedTask, Path], Awaitable[None]]

_HANDLERS: dict[WorkKind, Handler] = {WorkKind.PROBE: probe_model_row, WorkKind.MERGE: merge_frame}
_POST_HANDLERS: dict[str, Handler] = {
    "preview": write_previews,
    "video": encode_film,
    "contact_sheet": make_contact_sheet,
    "step": run_step,
}


def execute_all(tasks: Sequence[ClaimedTask]) -> Iterator[TaskNews]:
    """Run them one after the other; one that breaks keeps none of the others from its turn."""
    for task in tasks:
        yield TaskBegun(task.work_id)
        with structlog.contextvars.bound_contextvars(**_ids_of(task)):
            failure = _failure_in(task)
        yield TaskEnded(task.work_id, failure)


def _ids_of(task: ClaimedTask) -> dict[str, str | int]:
    """What every line of the log says while it runs."""
    of = {"job_id": task.job_id, "model_id": task.model_id, "task": task.task or task.kind}
    return {
        "work_id": task.work_id,
        **{key: str(value) for key, value in of.items() if value},
        **ids_in(task.traceparent),
    }


def _failure_in(task: ClaimedTask) -> TaskFailure | None:
    try:
        execute(task)
    except Exception as error:
        failure = failure_of(error)
        if failure.outage:
            _log.warning("task_met_outage", work_id=task.work_id, task=task.task, error=str(error))
        else:
            _log.exception("task_broke", work_id=task.work_id, task=task.task)
        return failure
    _log.info("task_done")
    return None


def execute(task: ClaimedTask) -> None:
    """Run one task to its fenced result; raises what the queue should retry."""
    os.setpriority(os.PRIO_PROCESS, 0, TASK_NICE)
    with task_span(task):
        asyncio.run(_execute(task))


async def _execute(task: ClaimedTask) -> None:
    start_stopwatch()
    farm = open_farm()
    try:
        with contextlib.closing(Scratch(farm.settings.cache_dir / "tasks", uuid4().hex)) as scratch:
            handler = _HANDLERS.get(task.kind) or _POST_HANDLERS[str(task.task)]
            is_merge = task.kind is WorkKind.MERGE
            try:
                await handler(farm, task, scratch.path)
            except InvalidInput as error:
                _log.warning("task_refused", work_id=task.work_id, task=task.task, error=str(error))
                await fail_task(
                    farm.database,
                    work_id=task.work_id,
                    fence=task.fence,
                    message=error.message,
                    remedy=error.remedy,
                    retryable=is_merge,  # a frame has its tries, also of this step
                    reason=EndReason.BAD_OUTPUT if is_merge else EndReason.INFRA,
                )
    finally:
        await farm.close()
