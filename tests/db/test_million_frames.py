"""What a page, a plan or a commit reads does not grow with the job: counted in rows that the database touched."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, event

from db._reopened import read_reopened
from db.cancel import cancel_job
from db.dispatch import apply_plan
from db.events import read_events
from db.frame_actions import act_on_frames
from db.repositories import estimates
from db.repositories.artifacts import list_along_frames, list_artifacts
from db.repositories.estimates import count_reusable
from db.repositories.frames import get_frame, list_frames
from db.repositories.job_lists import list_jobs
from db.repositories.jobs import JobRow, get_job
from db.session import Transaction
from jobs.frame_actions import FrameAction
from jobs.frames import FrameRange
from jobs.order import Order
from jobs.planning import Carve, Plan
from jobs.states import FrameState
from tests.db.builders import CLUSTER, RENDER_KEY, Farm

FRAMES = 60_000
"""Large enough that a scan of half a job is two orders above what a page may read, small enough to fill in a second."""
DONE = FRAMES // 2
AGAIN = 8_000
"""Frames of a job of which every second is rendered again, on a range of its own each."""
PAGE = 100
MOST_ROWS = 1_500
"""Rows that one call may read in all; a page of 100 in each of several states needs some hundreds."""


async def _half_done(farm: Farm, **spec: Any) -> UUID:
    """A job of which the first half is committed, its every thousandth frame failed, and one chunk renders."""
    job_id = await farm.start(frames=f"1-{FRAMES}", **spec)
    chunk = await farm.rendering(job_id, await farm.replica(), frames=DONE)
    await farm.execute(
        "insert into frame_result (job_id, ordinal, generation, frame, state, end_reason, attempt_id)"
        " select :id, n, 1, n + 1, case when n % 1000 = 999 then 'failed' else 'committed' end,"
        "        case when n % 1000 = 999 then 'engine_error' else 'ok' end, gen_random_uuid()"
        " from generate_series(0, :last) as n",
        id=job_id,
        last=DONE - 1,
    )
    await farm.execute(
        "insert into artifact (id, project_id, job_id, ordinal, generation, kind, name, storage_key, size_bytes,"
        "                      sha256, media_type, created_at)"
        " select gen_random_uuid(), :project, :id, n, 1, 'frame', 'f.png', 'artifacts/' || n, 9, repeat('0', 64),"
        "        'image/png', now() + n * interval '1 ms'"
        " from generate_series(0, :last) as n",
        id=job_id,
        project=farm.project_id,
        last=DONE - 1,
    )
    await farm.execute(
        "insert into event (project_id, job_id, seq, kind, data)"
        " select :project, :id, 100 + n, 'frames.committed', '{}' from generate_series(1, :last) as n",
        id=job_id,
        project=farm.project_id,
        last=DONE,
    )
    await farm.execute("update work set ordinals = '{}', state = 'done', leased_until = null where id = :id",
                       id=chunk.work_id)  # fmt: skip
    failed = DONE // 1000
    await farm.execute("update job set committed = :ok, failed = :bad where id = :id",
                       id=job_id, ok=DONE - failed, bad=failed)  # fmt: skip
    await farm.rendering(job_id, await farm.replica(), frames=50)
    for table in ("frame_result", "artifact", "event", "work"):
        await farm.execute(f"analyze {table}")
    return job_id


async def _job(farm: Farm, job_id: UUID) -> JobRow:
    async with farm.db.transaction() as tx:
        row = await get_job(tx, job_id=job_id)
    assert row is not None
    return row


async def _rows_read(farm: Farm, call: Callable[[Transaction], Awaitable[Any]]) -> tuple[Any, int]:
    """What the call returned, and how many rows its statements read from tables and indexes."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        async with farm.db.transaction() as tx:
            answer = await call(tx)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    rows = 0
    async with farm.db.transaction() as tx:
        for statement, parameters in seen:
            if "set local" in statement:
                continue
            explained = await tx.exec_driver_sql(f"explain (analyze, format json) {statement}", parameters)
            plan = explained.scalar_one()
            rows += _scanned((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
        await tx.rollback()
    return answer, rows


def _scanned(node: dict[str, Any]) -> int:
    own = 0
    if "Scan" in node["Node Type"] and "Relation Name" in node:
        passed = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        own = round(passed * node["Actual Loops"])
    own += round(node.get("Rows Removed by Join Filter", 0) * node["Actual Loops"])
    return own + sum(_scanned(child) for child in node.get("Plans", ()))


@pytest.fixture
async def half_done(farm: Farm) -> JobRow:
    return await _job(farm, await _half_done(farm))


async def _every_second_again(farm: Farm, order: str = "sequential") -> JobRow:
    """A job that was rendered, of which every second frame is rendered again."""
    job_id = await farm.start(frames=f"1-{AGAIN}", order=order)
    await farm.execute(
        "insert into frame_result (job_id, ordinal, generation, frame, state, end_reason, attempt_id)"
        " select :id, n, 1, n + 1, 'committed', 'ok', gen_random_uuid() from generate_series(0, :last) as n",
        id=job_id,
        last=AGAIN - 1,
    )
    await farm.execute("update work set state = 'done', first = :n, count = 0 where job_id = :id", id=job_id, n=AGAIN)
    await farm.execute("update job set committed = :n where id = :id", id=job_id, n=AGAIN)
    async with farm.db.transaction() as tx:
        await act_on_frames(tx, job_id=job_id, action=FrameAction.REQUEUE, ordinals=range(0, AGAIN, 2))
    await farm.pin(job_id)
    for table in ("frame_result", "work"):
        await farm.execute(f"analyze {table}")
    return await _job(farm, job_id)


class TestRequeueOfEverySecondFrame:
    async def test_a_plan_reads_the_ranges_that_it_carves(self, farm: Farm) -> None:
        job = await _every_second_again(farm)
        wish = Carve(replica_id=await farm.replica(), job_id=job.id, frames=40)
        epoch = await farm.lead()
        plan = Plan(placements=(wish,))
        applied, rows = await _rows_read(
            farm, lambda _: apply_plan(farm.db, cluster_id=CLUSTER, plan=plan, epoch=epoch)
        )
        assert applied.carved == 1
        [chunk] = await farm.rows("select ordinals from work where job_id = :id and kind = 'chunk'", id=job.id)
        assert chunk.ordinals == list(range(0, 80, 2))
        assert rows < MOST_ROWS

    async def test_a_plan_asks_once_for_the_outcomes_on_many_ranges(self, farm: Farm) -> None:
        job = await _every_second_again(farm)
        replica = await farm.replica()
        asked: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            asked.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        try:
            await farm.carve(job.id, replica, 40, 40, 40)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        assert sum("from frame_result" in statement for statement in asked) == 1

    @pytest.mark.parametrize("order", ["scout", "reverse"])
    @pytest.mark.parametrize("first", [0, AGAIN // 2, AGAIN - PAGE])
    async def test_a_page_reads_the_ranges_that_it_shows(self, farm: Farm, first: int, order: str) -> None:
        job = await _every_second_again(farm, order)
        page, rows = await _rows_read(farm, lambda tx: list_frames(tx, job=job, first=first, limit=PAGE))
        assert [row.state for row in page] == [FrameState.QUEUED, FrameState.COMMITTED] * (PAGE // 2)
        assert rows < MOST_ROWS

    async def test_what_is_told_of_some_frames_is_what_is_told_of_all(self, farm: Farm) -> None:
        job = await _every_second_again(farm, "scout")
        async with farm.db.transaction() as tx:
            again = [*range(1, 400, 3), AGAIN - 1]
            await farm.execute(
                "update work set state = 'done' where job_id = :id and first between 100 and 300", id=job.id
            )
            await act_on_frames(tx, job_id=job.id, action=FrameAction.REQUEUE, ordinals=again)
            asked = {"job_id": job.id, "generation": 3, "order": Order.SCOUT, "total": AGAIN}
            whole = await read_reopened(tx, **asked)
            for some in (range(50), range(90, 320), range(AGAIN - 40, AGAIN), range(0, AGAIN, 3), [7], []):
                near = await read_reopened(tx, **asked, ordinals=some)
                for ordinal in some:
                    assert [near.holds(ordinal, had) for had in (1, 2, 3)] == [
                        whole.holds(ordinal, had) for had in (1, 2, 3)
                    ]


class TestRetryOfOneFrame:
    async def test_the_others_of_a_canceled_job_are_named_by_runs(self, farm: Farm) -> None:
        job_id = await farm.start(frames=f"1-{2 * AGAIN}:2,-1--9")
        await farm.change(job_id, "cancel")
        longest = 0

        def note(_connection: Any, _cursor: Any, _statement: str, parameters: Any, *_: Any) -> None:
            nonlocal longest
            longest = max([longest, *(len(value) for value in parameters.values() if isinstance(value, str | list))])

        event.listen(Engine, "before_cursor_execute", note)
        try:
            async with farm.db.transaction() as tx:
                done = await act_on_frames(tx, job_id=job_id, action=FrameAction.RETRY, ordinals=[3])
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        assert done.changed == 1
        assert longest < PAGE * 10
        job = await farm.job(job_id)
        assert (job.state, job.canceled) == ("queued", job.total - 1)
        wrong = await farm.one(
            "select count(*) as n, count(*) filter (where frame <> case when ordinal < :n then 1 + 2 * ordinal"
            " else :n - ordinal - 1 end) as wrong, bool_or(ordinal = 3) as named from frame_result where job_id = :id",
            id=job_id,
            n=AGAIN,
        )
        assert tuple(wrong) == (job.total - 1, 0, False)


class TestEstimate:
    async def test_a_range_of_many_runs_is_not_compared_run_by_run(self, farm: Farm) -> None:
        job_id = await farm.start(frames="1-1000")
        await farm.execute(
            "insert into frame_result (job_id, ordinal, generation, frame, state, end_reason, attempt_id)"
            " select :id, n, 1, n + 1, 'committed', 'ok', gen_random_uuid() from generate_series(0, 999) as n",
            id=job_id,
        )
        await farm.execute("update job set committed = 1000 where id = :id", id=job_id)
        await farm.execute("analyze frame_result")
        frames = FrameRange.parse(",".join(str(-2 * number - 1) for number in range(1000)) + ",900-2:-2,1001-1010")
        assert len(frames.runs) > 1000
        count, rows = await _rows_read(
            farm, lambda tx: count_reusable(tx, project_id=farm.project_id, render_key=RENDER_KEY, frames=frames)
        )
        assert count == 450
        assert rows < MOST_ROWS

    async def test_it_looks_into_the_jobs_that_a_start_would(self, farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
        for shot in ("1-4", "11-13"):
            job_id = await farm.start(frames=shot)
            await farm.commit(await farm.rendering(job_id, await farm.replica(), frames=4))
        monkeypatch.setattr(estimates, "MOST_SOURCES", 1)
        async with farm.db.transaction() as tx:
            frames = FrameRange.parse("1-20")
            found = await count_reusable(tx, project_id=farm.project_id, render_key=RENDER_KEY, frames=frames)
        assert found == 3


class TestFrames:
    async def test_a_page_of_all_frames_reads_a_page_wherever_it_lies(self, farm: Farm, half_done: JobRow) -> None:
        for first in (0, DONE // 2, DONE - 50, FRAMES - PAGE):
            page, rows = await _rows_read(farm, partial(list_frames, job=half_done, first=first, limit=PAGE))
            assert [row.ordinal for row in page] == list(range(first, first + PAGE))
            assert rows < MOST_ROWS

    async def test_frames_in_one_state_are_found_without_reading_the_others(
        self, farm: Farm, half_done: JobRow
    ) -> None:
        for state, first, ordinals in (
            (FrameState.COMMITTED, 0, [*range(PAGE)]),
            (FrameState.FAILED, 0, [*range(999, DONE, 1000)]),
            (FrameState.FAILED, DONE // 2, [*range(DONE // 2 + 999, DONE, 1000)]),
            (FrameState.SKIPPED, 0, []),
            (FrameState.RENDERING, 0, [DONE]),
            (FrameState.LEASED, 0, [*range(DONE + 1, DONE + 50)]),
            (FrameState.QUEUED, 0, [*range(DONE + 50, DONE + 50 + PAGE)]),
            (FrameState.QUEUED, FRAMES - 5, [*range(FRAMES - 5, FRAMES)]),
            (FrameState.CANCELED, 0, []),
        ):
            page, rows = await _rows_read(
                farm, partial(list_frames, job=half_done, first=first, limit=PAGE, states=[state])
            )
            assert [row.ordinal for row in page] == ordinals, state
            assert rows < MOST_ROWS, state

    async def test_pages_of_two_states_together_leave_nothing_out(self, farm: Farm, half_done: JobRow) -> None:
        wanted = [FrameState.FAILED, FrameState.QUEUED]
        seen: list[int] = []
        async with farm.db.transaction() as tx:
            first = DONE - 3000
            while len(seen) < 300:
                page = await list_frames(tx, job=half_done, first=first, limit=70, states=wanted)
                seen += [row.ordinal for row in page]
                first = seen[-1] + 1
        assert seen[:4] == [DONE - 2001, DONE - 1001, DONE - 1, DONE + 50]
        assert seen[3:] == list(range(DONE + 50, DONE + 50 + len(seen) - 3))

    async def test_frames_that_a_cancel_ended_are_found_behind_those_that_were_done(
        self, farm: Farm, half_done: JobRow
    ) -> None:
        async with farm.db.transaction() as tx:
            await cancel_job(tx, job_id=half_done.id)
        canceling = await _job(farm, half_done.id)
        page, rows = await _rows_read(
            farm, lambda tx: list_frames(tx, job=canceling, limit=PAGE, states=[FrameState.CANCELED])
        )
        assert [row.ordinal for row in page] == list(range(DONE + 50, DONE + 50 + PAGE))
        assert rows < MOST_ROWS

    @pytest.mark.parametrize("order", ["scout", "reverse", "sequential"])
    async def test_queued_frames_come_in_the_order_of_the_range_whatever_is_handed_out_first(
        self, farm: Farm, order: str
    ) -> None:
        job_id = await farm.start(frames="1-40", order=order)
        chunk = await farm.rendering(job_id, await farm.replica(), frames=12)
        job = await _job(farm, job_id)
        async with farm.db.transaction() as tx:
            queued = await list_frames(tx, job=job, limit=100, states=[FrameState.QUEUED])
        assert [row.ordinal for row in queued] == sorted({*range(40)} - {*chunk.ordinals})

    async def test_one_frame(self, farm: Farm, half_done: JobRow) -> None:
        row, rows = await _rows_read(farm, lambda tx: get_frame(tx, job=half_done, ordinal=DONE + 7))
        assert row.state is FrameState.LEASED
        assert rows < MOST_ROWS


class TestOtherLists:
    async def test_a_page_of_artifacts_far_behind_the_first(self, farm: Farm, half_done: JobRow) -> None:
        middle = await farm.one("select id, created_at from artifact where ordinal = :n", n=DONE // 2)
        page, rows = await _rows_read(
            farm,
            lambda tx: list_artifacts(tx, job_id=half_done.id, limit=PAGE, after=(middle.created_at, middle.id)),
        )
        assert [row.ordinal for row in page] == list(range(DONE // 2 + 1, DONE // 2 + 1 + PAGE))
        assert rows < MOST_ROWS

    async def test_the_files_of_a_stretch_of_frames_wherever_it_lies(self, farm: Farm, half_done: JobRow) -> None:
        first = DONE // 2
        page, rows = await _rows_read(
            farm,
            lambda tx: list_along_frames(tx, job_id=half_done.id, first=first, last=first + PAGE - 1, limit=2 * PAGE),
        )
        assert [row.ordinal for row in page] == list(range(first, first + PAGE))
        assert rows < MOST_ROWS

    async def test_the_film_among_the_frames(self, farm: Farm, half_done: JobRow) -> None:
        _, rows = await _rows_read(
            farm, lambda tx: list_artifacts(tx, job_id=half_done.id, limit=PAGE, kinds=["video", "video_preview"])
        )
        assert rows < MOST_ROWS

    async def test_events_behind_a_sequence_number(self, farm: Farm, half_done: JobRow) -> None:
        page, rows = await _rows_read(
            farm, lambda tx: read_events(tx, job_id=half_done.id, after_seq=100 + DONE // 2, limit=PAGE)
        )
        assert len(page) == PAGE
        assert rows < MOST_ROWS

    async def test_jobs_of_the_project(self, farm: Farm, half_done: JobRow) -> None:
        page, rows = await _rows_read(farm, lambda tx: list_jobs(tx, project_id=farm.project_id, limit=PAGE))
        assert [row.id for row in page] == [half_done.id]
        assert rows < MOST_ROWS
