"""Lists of a project with 100,000 jobs: each page from an index, whatever is asked for, and none without its job."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, event, text

from db.repositories.filters import Span
from db.repositories.job_lists import JobFilter, JobSort, list_jobs
from db.session import Transaction
from tests.db.builders import Farm

JOBS = 100_000
PAGE = 100
MOST_ROWS = 3000
"""Rows of jobs that a page may look at; what it must not do is look at all of them."""

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

SEED = """
insert into job (id, project_id, model_id, name, spec, state, end_reason, priority_rank, weight, total, committed,
                 created_at, started_at, ended_at, tags, show, shot, submitted_by)
select gen_random_uuid(), :project, :model, 'shot ' || n || case when n % 5000 = 7 then ' Needle' else '' end,
       jsonb_build_object('pipeline', case when n % 1000 = 3 then 'rare' else 'fake' end, 'frames', '1'),
       case when n % 2000 = 5 then 'failed' when n % 2000 = 6 then 'queued' else 'succeeded' end,
       case when n % 2000 = 5 then 'engine_error' when n % 2000 = 6 then null else 'ok' end,
       1, 100, 1, case when n % 2000 in (5, 6) then 0 else 1 end,
       cast(:epoch as timestamptz) + n * interval '1 minute', null,
       case when n % 2000 = 6 then null else cast(:epoch as timestamptz) + n * interval '1 minute' end,
       case when n % 1000 = 9 then array['wip', 'rare'] else array['wip'] end,
       case when n % 500 = 11 then 'dune' else 'show ' || n % 50 end, 's' || n % 7,
       case when n % 1000 = 13 then 'ada@example.org' else 'key farm' end
from generate_series(1, :jobs) as n
"""


@pytest.fixture
async def many(farm: Farm) -> UUID:
    """The project's model, with 100,000 jobs of it; failed ones count as failed."""
    async with farm.db.transaction() as tx:
        await tx.execute(text("alter table job drop constraint job_ends_with_its_frames"))  # rows of one insert
        await tx.execute(text(SEED), {"project": farm.project_id, "model": farm.model_id, "epoch": EPOCH, "jobs": JOBS})
        await tx.execute(text("analyze job"))
    return farm.model_id


@pytest.fixture
def statements() -> Iterator[list[tuple[str, Any]]]:
    """What is sent to the database."""
    sent: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


async def plan_of(tx: Transaction, sent: tuple[str, Any]) -> Any:
    statement, parameters = sent
    explained = await tx.exec_driver_sql(f"explain (analyze, format json) {statement}", parameters)
    found = explained.scalar_one()
    return (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]


def scans_of(plan: Any, table: str) -> Iterator[Any]:
    """Nodes that read the table, and the index scans below a bitmap."""
    if plan.get("Relation Name") == table:
        yield plan
    for child in plan.get("Plans", ()):
        yield from scans_of(child, table)


def rows_looked_at(scan: Any) -> int:
    removed = scan.get("Rows Removed by Filter", 0) + scan.get("Rows Removed by Index Recheck", 0)
    return int((scan["Actual Rows"] + removed) * scan["Actual Loops"])


DEEP = EPOCH + timedelta(minutes=JOBS // 2)
SOMEWHERE = UUID("80000000-0000-0000-0000-000000000000")

QUESTIONS: dict[str, dict[str, Any]] = {
    "newest": {},
    "oldest": {"sort": JobSort.OLDEST},
    "by name": {"sort": JobSort.NAME},
    "by name, backwards": {"sort": JobSort.NAME_BACKWARDS},
    "last ended": {"sort": JobSort.LAST_ENDED},
    "first ended": {"sort": JobSort.FIRST_ENDED},
    "a page in the middle": {"after": (DEEP, SOMEWHERE)},
    "a page in the middle, by end": {"sort": JobSort.LAST_ENDED, "after": (DEEP, SOMEWHERE)},
    "a page in the middle, by name": {"sort": JobSort.NAME, "after": ("shot 50000", SOMEWHERE)},
    "a rare state": {"wanted": JobFilter(states=["queued"])},
    "two rare states": {"wanted": JobFilter(states=["queued", "failed"])},
    "a common state": {"wanted": JobFilter(states=["succeeded"])},
    "a rare pipeline": {"wanted": JobFilter(pipeline="rare")},
    "a common pipeline": {"wanted": JobFilter(pipeline="fake")},
    "a rare tag": {"wanted": JobFilter(tags=["rare"])},
    "a common tag": {"wanted": JobFilter(tags=["wip"])},
    "a show": {"wanted": JobFilter(show="dune")},
    "a shot of a show": {"wanted": JobFilter(show="dune", shot="s3")},
    "who submitted": {"wanted": JobFilter(submitted_by="ada@example.org")},
    "a rare part of a name": {"wanted": JobFilter(name_part="needle")},
    "a day": {"wanted": JobFilter(created=Span(after=DEEP, before=DEEP + timedelta(days=1)))},
    "ended on a day": {"wanted": JobFilter(ended=Span(after=DEEP, before=DEEP + timedelta(days=1)))},
    "nothing": {"wanted": JobFilter(show="no such show")},
}


async def test_no_page_of_a_hundred_thousand_jobs_reads_them_all(
    farm: Farm, many: UUID, statements: list[tuple[str, Any]]
) -> None:
    questions = {**QUESTIONS, "a model": {"wanted": JobFilter(model_id=many)}}
    for name, question in questions.items():
        async with farm.db.transaction() as tx:
            statements.clear()
            found = await list_jobs(tx, project_id=farm.project_id, limit=PAGE, **question)
            [sent] = statements
            plan = await plan_of(tx, sent)
        assert found or name == "nothing"
        scans = list(scans_of(plan, "job"))
        assert scans, name
        assert "Seq Scan" not in {scan["Node Type"] for scan in scans}, (name, scans)
        assert sum(rows_looked_at(scan) for scan in scans) < MOST_ROWS, (name, scans)


async def test_pages_by_end_and_by_name_leave_no_job_out(farm: Farm) -> None:
    async with farm.db.transaction() as tx:
        await tx.execute(text("alter table job drop constraint job_ends_with_its_frames"))
        await tx.execute(
            text(SEED.replace("n * interval '1 minute'", "n / 10 * interval '1 minute'")),  # many at one time
            {"project": farm.project_id, "model": farm.model_id, "epoch": EPOCH, "jobs": 300},
        )
        for sort in JobSort:
            seen: list[UUID] = []
            after = None
            while page := await list_jobs(tx, project_id=farm.project_id, limit=7, sort=sort, after=after):
                seen += [job.id for job in page]
                after = (getattr(page[-1], sort.column), page[-1].id)
            expected = 299 if sort.column == "ended_at" else 300  # one is queued
            assert len(seen) == len(set(seen)) == expected, sort
