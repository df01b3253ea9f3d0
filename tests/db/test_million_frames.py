"""What a page, a plan or a commit reads does not grow with the job: counted in rows that the database touched."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from db.cancel import cancel_job
from db.events import read_events
from db.repositories.artifacts import list_artifacts
from db.repositories.frames import get_frame, list_frames
from db.repositories.jobs import JobRow, get_job, list_jobs
from db.session import Transaction
from jobs.states import FrameState
from tests.db.builders import Farm

FRAMES = 60_000
"""Large enough that a scan of half a job is two orders above what a page may read, small enough to fill in a second."""
DONE = FRAMES // 2
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

    async with farm.db.transaction() as tx:
        assert tx.sync_connection is not None
        event.listen(tx.sync_connection, "before_cursor_execute", note)
        answer = await call(tx)
    rows = 0
    async with farm.db.transaction() as tx:
        for statement, parameters in seen:
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
    return own + sum(_scanned(child) for child in node.get("Plans", ()))


@pytest.fixture
async def half_done(farm: Farm) -> JobRow:
    return await _job(farm, await _half_done(farm))


class TestFrames:
    @pytest.mark.parametrize("first", [0, DONE // 2, DONE - 50, FRAMES - PAGE])
    async def test_a_page_of_all_frames_reads_a_page_wherever_it_lies(
        self, farm: Farm, half_done: JobRow, first: int
    ) -> None:
        page, rows = await _rows_read(farm, lambda tx: list_frames(tx, job=half_done, first=first, limit=PAGE))
        assert [row.ordinal for row in page] == list(range(first, first + PAGE))
        assert rows < MOST_ROWS

    @pytest.mark.parametrize(
        ("state", "first", "ordinals"),
        [
            (FrameState.COMMITTED, 0, [*range(PAGE)]),
            (FrameState.FAILED, 0, [*range(999, DONE, 1000)]),
            (FrameState.FAILED, DONE // 2, [*range(DONE // 2 + 999, DONE, 1000)]),
            (FrameState.SKIPPED, 0, []),
            (FrameState.RENDERING, 0, [DONE]),
            (FrameState.LEASED, 0, [*range(DONE + 1, DONE + 50)]),
            (FrameState.QUEUED, 0, [*range(DONE + 50, DONE + 50 + PAGE)]),
            (FrameState.QUEUED, FRAMES - 5, [*range(FRAMES - 5, FRAMES)]),
            (FrameState.CANCELED, 0, []),
        ],
    )
    async def test_frames_in_one_state_are_found_without_reading_the_others(
        self, farm: Farm, half_done: JobRow, state: FrameState, first: int, ordinals: list[int]
    ) -> None:
        page, rows = await _rows_read(
            farm, lambda tx: list_frames(tx, job=half_done, first=first, limit=PAGE, states=[state])
        )
        assert [row.ordinal for row in page] == ordinals
        assert rows < MOST_ROWS

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
