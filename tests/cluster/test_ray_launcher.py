"""Tasks on a real Ray of one CPU: heard of one by one, and stopped whatever they do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from uuid import uuid4

import psutil
import pytest
import ray

from cluster.fanout.launch import Executor, RayLauncher
from cluster.fanout.news import TaskBegun, TaskEnded, TaskFailure, TaskNews
from db.dispatch import ClaimedTask
from jobs.states import WorkKind

pytestmark = pytest.mark.timeout(900)
"""Ray starts in 10 s on idle cores; the cores may be anybody's."""


@pytest.fixture(scope="module", autouse=True)
def ray_of_one_cpu() -> Iterator[None]:
    ray.init(num_cpus=1, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    yield
    ray.shutdown()


def claimed(work_id: int) -> ClaimedTask:
    return ClaimedTask(
        work_id=work_id,
        fence=1,
        kind=WorkKind.POST,
        task="preview",
        project_id=uuid4(),
        job_id=uuid4(),
        model_id=None,
        ordinals=[0],
        data=None,
        generation=0,
    )


def one_breaks() -> Executor:
    """Inside a function, so that Ray sends the code rather than its name."""

    def execute(tasks: Sequence[ClaimedTask]) -> Iterator[TaskNews]:
        for task in tasks:
            yield TaskBegun(task.work_id)
            yield TaskEnded(task.work_id, TaskFailure("torn") if task.work_id == 1 else None)

    return execute


def never_ends() -> Executor:
    """Deaf to Python's signals, and no other thread of the process gets a turn. Its news carry its process id."""

    def execute(tasks: Sequence[ClaimedTask]) -> Iterator[TaskNews]:
        import os  # in the worker
        import re

        yield TaskBegun(os.getpid())
        re.match("(a+)+$", "a" * 200 + "b")

    return execute


async def test_each_task_is_heard_of_in_its_turn_with_what_became_of_it() -> None:
    heard: list[TaskNews] = []

    async def hear(news: TaskNews) -> None:
        heard.append(news)

    await RayLauncher(one_breaks()).launch([claimed(1), claimed(2)], hear)
    assert heard == [TaskBegun(1), TaskEnded(1, TaskFailure("torn")), TaskBegun(2), TaskEnded(2)]


async def test_a_task_that_computes_for_ever_is_killed_when_given_up_and_leaves_its_cpu() -> None:
    begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def hear(news: TaskNews) -> None:
        begun.set_result(news.work_id)

    running = asyncio.create_task(RayLauncher(never_ends()).launch([claimed(1)], hear), name="endless")
    process = psutil.Process(await begun)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await asyncio.to_thread(process.wait)

    heard: list[TaskNews] = []

    async def hear_of_the_next(news: TaskNews) -> None:
        heard.append(news)

    await RayLauncher(one_breaks()).launch([claimed(2)], hear_of_the_next)
    assert heard == [TaskBegun(2), TaskEnded(2)]
