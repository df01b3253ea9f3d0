"""Tasks that share a process, and tasks that never end: what one does is nobody else's trouble."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from cluster.composition import FarmParts
from cluster.fanout import tasks as task_module
from cluster.fanout.limits import limit_of
from cluster.fanout.news import Hear, TaskBegun, TaskEnded
from cluster.fanout.outputs import write_previews
from cluster.settings import ClusterSettings
from db.dispatch import ClaimedTask
from jobs.errors import Unavailable
from jobs.states import JobState, WorkKind
from tests.cluster.in_process import InProcessFarm, InProcessLauncher

pytestmark = [pytest.mark.usefixtures("patience"), pytest.mark.timeout(900)]

SOON = timedelta(milliseconds=50)


async def test_a_preview_that_breaks_fails_alone_and_those_behind_it_are_made(
    farm: InProcessFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = await previews_in_one_batch(farm)

    async def breaking(parts: FarmParts, task: ClaimedTask, scratch: Path) -> None:
        if task.job_id == bad:
            raise ValueError("a picture that no reader foresaw")
        await write_previews(parts, task, scratch)

    monkeypatch.setitem(task_module._POST_HANDLERS, "preview", breaking)
    farm.start_dispatcher()
    await farm.until(lambda: failed_previews(farm, bad))
    assert await previews_of(farm, good) == [("done", 0)]
    assert await farm.rows("select 1 from artifact where kind = 'preview' and job_id = :id", id=good)


async def test_a_preview_that_meets_an_outage_waits_alone(farm: InProcessFarm, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, good = await previews_in_one_batch(farm)

    async def unreachable(parts: FarmParts, task: ClaimedTask, scratch: Path) -> None:
        if task.job_id == waiting:
            raise Unavailable("The bucket of that frame does not answer.")
        await write_previews(parts, task, scratch)

    monkeypatch.setitem(task_module._POST_HANDLERS, "preview", unreachable)
    farm.start_dispatcher()
    await farm.until(lambda: farm.rows("select 1 from work where task = 'preview' and error like '%bucket%'"))
    await farm.until(lambda: _done(farm, good))
    assert await previews_of(farm, waiting) == [("queued", 0)]


class Dying:
    """A process that ends without a word in the middle of one job's preview."""

    def __init__(self, bad: UUID) -> None:
        self._bad = bad
        self.processes: list[list[UUID | None]] = []

    async def launch(self, tasks: Sequence[ClaimedTask], hear: Hear) -> None:
        self.processes.append([task.job_id for task in tasks])
        for task in tasks:
            if task.job_id == self._bad:
                await hear(TaskBegun(task.work_id))
                raise RuntimeError("The worker died unexpectedly.")
            await InProcessLauncher().launch([task], hear)


async def test_those_behind_a_preview_that_kills_its_process_get_another_at_no_cost(farm: InProcessFarm) -> None:
    bad, good = await previews_in_one_batch(farm)
    farm.launcher = launcher = Dying(bad)
    farm.start_dispatcher()
    await farm.until(lambda: failed_previews(farm, bad))
    assert launcher.processes[0] == [bad, good]
    assert good in launcher.processes[1]
    await farm.until(functools.partial(_done, farm, good))
    assert await previews_of(farm, good) == [("done", 0)]


class Measured:
    """Knows how long its processes ran."""

    def __init__(self) -> None:
        self.us = 0.0
        self.running = 0

    async def launch(self, tasks: Sequence[ClaimedTask], hear: Hear) -> None:
        began = time.monotonic()
        self.running += 1
        try:
            await InProcessLauncher().launch(tasks, hear)
        finally:
            self.running -= 1
            self.us += (time.monotonic() - began) * 1e6

    async def are_over(self) -> bool:
        return not self.running


async def test_previews_that_share_a_process_are_charged_no_more_than_it_ran(
    farm: InProcessFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each from the claim on would have the second pay for the first, whosever that is, and both for the wait."""
    bad, good = await previews_in_one_batch(farm)

    async def slow(parts: FarmParts, task: ClaimedTask, scratch: Path) -> None:
        await asyncio.sleep(0.5)
        await write_previews(parts, task, scratch)

    monkeypatch.setitem(task_module._POST_HANDLERS, "preview", slow)
    await _set(farm, "update work set generation = 2 where task = 'preview'")  # those of before are charged already
    farm.launcher = launcher = Measured()
    farm.start_dispatcher()
    for job_id in (bad, good):
        await farm.until(functools.partial(_done, farm, job_id))
    await farm.until(launcher.are_over)
    rows = await farm.rows("select cpu_us from usage where kind = 'post' and generation = 2")
    assert len(rows) == 2
    assert all(row.cpu_us >= 500_000 for row in rows)
    assert sum(row.cpu_us for row in rows) <= launcher.us


class Endless:
    """Tasks that begin and never end, except those of one job."""

    def __init__(self, quick: UUID | None = None) -> None:
        self._quick = quick
        self.stopped = 0

    async def launch(self, tasks: Sequence[ClaimedTask], hear: Hear) -> None:
        for task in tasks:
            if task.job_id is not None and task.job_id == self._quick:
                await InProcessLauncher().launch([task], _deaf)
                await hear(TaskBegun(task.work_id))
                await hear(TaskEnded(task.work_id))
                continue
            await hear(TaskBegun(task.work_id))
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.stopped += 1
                raise


async def _deaf(news: object) -> None:
    """The quick one's time is not what is tested."""


async def test_a_task_over_its_limit_is_stopped_and_says_so_and_its_slot_is_free_for_the_next(
    farm: InProcessFarm,
) -> None:
    farm.settings = farm.settings.model_copy(update={"probe_limit": SOON, "max_parallel_tasks": 1})
    farm.launcher = launcher = Endless()
    farm.start_dispatcher()
    for name in (b"first", b"second"):
        await farm.register(name)
    rows = await farm.until(lambda: _both_invalid(farm))
    for row in rows:
        assert f"It ran longer than {SOON}, the farm's limit for it, and was stopped." in row.problem["message"]
        assert "RAYFARM_CLUSTER_PROBE_LIMIT" in row.problem["message"]
    assert launcher.stopped == 2 * 3  # each of its tries
    assert [row.tries for row in await farm.rows("select tries from work where kind = 'probe'")] == [2, 2]


async def test_a_preview_over_its_limit_costs_those_behind_it_nothing(farm: InProcessFarm) -> None:
    bad, good = await previews_in_one_batch(farm)
    farm.settings = farm.settings.model_copy(update={"preview_limit": SOON})
    farm.launcher = Endless(quick=good)
    farm.start_dispatcher()
    await farm.until(lambda: failed_previews(farm, bad))
    await farm.until(functools.partial(_done, farm, good))
    assert await previews_of(farm, good) == [("done", 0)]
    [row] = await farm.rows("select error from work where task = 'preview' and job_id = :id", id=bad)
    assert "RAYFARM_CLUSTER_PREVIEW_LIMIT" in row.error


@pytest.mark.parametrize(
    ("kind", "task", "frames", "setting", "longest"),
    [
        (WorkKind.PROBE, None, 0, "PROBE_LIMIT", timedelta(minutes=1)),
        (WorkKind.MERGE, None, 1, "MERGE_LIMIT", timedelta(minutes=2)),
        (WorkKind.POST, "preview", 500, "PREVIEW_LIMIT", timedelta(minutes=3)),
        (WorkKind.POST, "video", 0, "OUTPUT_LIMIT", timedelta(minutes=4)),
        (WorkKind.POST, "contact_sheet", 0, "OUTPUT_LIMIT", timedelta(minutes=4)),
        (WorkKind.POST, "step", 4, "OUTPUT_LIMIT", timedelta(minutes=4)),
        (WorkKind.POST, "step", 5, "STEP_FRAME_LIMIT", timedelta(minutes=5)),
    ],
)
def test_each_kind_of_task_has_its_own_limit_and_a_step_of_many_frames_more(
    kind: WorkKind, task: str | None, frames: int, setting: str, longest: timedelta
) -> None:
    settings = ClusterSettings(
        probe_limit=timedelta(minutes=1),
        merge_limit=timedelta(minutes=2),
        preview_limit=timedelta(minutes=3),
        output_limit=timedelta(minutes=4),
        step_frame_limit=timedelta(minutes=1),
    )
    claimed = ClaimedTask(
        work_id=1,
        fence=1,
        kind=kind,
        task=task,
        project_id=uuid4(),
        job_id=uuid4(),
        model_id=None,
        ordinals=list(range(frames)),
        data=None,
        generation=0,
    )
    limit = limit_of(claimed, settings)
    assert (limit.longest, limit.setting) == (longest, f"RAYFARM_CLUSTER_{setting}")


async def previews_in_one_batch(farm: InProcessFarm) -> tuple[UUID, UUID]:
    """Two jobs whose previews wait for the next dispatcher, which claims them together, the first job's first."""
    dispatcher = farm.start_dispatcher()
    farm.start_replica()
    jobs = []
    for _ in range(2):
        job = await farm.ended(await farm.submit(frames="1", settings={"width": 1024, "height": 512}, reuse=False))
        assert job.state is JobState.SUCCEEDED, job.message
        jobs.append(job.id)
    for job_id in jobs:
        await farm.until(functools.partial(_done, farm, job_id))
    await farm.kill(dispatcher)
    await _set(farm, "delete from artifact where kind = 'preview'")
    await _set(
        farm,
        "update work set state = 'queued', replica_id = null, leased_until = null, fence = fence + 1,"
        " not_before = now() where task = 'preview'",
    )
    return jobs[0], jobs[1]


async def previews_of(farm: InProcessFarm, job_id: UUID) -> list[tuple[str, int]]:
    rows = await farm.rows("select state, tries from work where task = 'preview' and job_id = :id", id=job_id)
    return [tuple(row) for row in rows]


async def failed_previews(farm: InProcessFarm, job_id: UUID) -> list[Any]:
    await _set(farm, "update work set not_before = now() where state = 'queued' and not_before > now()")
    return await farm.rows(
        "select 1 from work where task = 'preview' and state = 'failed' and tries = 2 and job_id = :id", id=job_id
    )


async def _done(farm: InProcessFarm, job_id: UUID) -> bool:
    states = {state for state, _ in await previews_of(farm, job_id)}
    return states == {"done"}


async def _both_invalid(farm: InProcessFarm) -> list[Any]:
    await _set(farm, "update work set not_before = now() where state = 'queued' and not_before > now()")
    rows = await farm.rows("select problem from model where state = 'invalid'")
    return rows if len(rows) == 2 else []


async def _set(farm: InProcessFarm, command: str, **values: Any) -> None:
    async with farm.database.transaction() as tx:
        await tx.execute(text(command), values)
