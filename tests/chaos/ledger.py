"""The books after the chaos: each frame has one outcome, each file its bytes, each event its place, no job waits."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs.limits import FarmLimits
from tests.chaos.traffic import Ordered
from tests.db.queue_model import ENDED, Picture, Row, check

Query = Callable[[str], list[tuple[Any, ...]]]

EMPTY = Picture(jobs={}, work={}, results={}, attempts={}, files=[], parts={}, events={})


@dataclass
class Ledger:
    """What is there, and what is wrong with it."""

    jobs: Counter[str] = field(default_factory=Counter)
    frames: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    files: int = 0
    wrong: list[str] = field(default_factory=list)


def read_ledger(
    rows: Query,
    picture: Picture,
    *,
    ordered: Sequence[Ordered],
    limits: FarmLimits,
    fetch: Callable[[str], bytes | None],
) -> Ledger:
    """Count what is there after the end.

    ``rows``: asks the database. ``picture``: every row. ``fetch``: what the storage has under a key, or None.
    """
    ledger = Ledger(
        jobs=Counter(job["state"] for job in picture.jobs.values()),
        frames=Counter(row["state"] for row in picture.results.values()),
        attempts=Counter(row["outcome"] for row in picture.attempts.values()),
    )
    try:
        check(EMPTY, picture, single_step=False, limits=limits)
    except AssertionError as error:
        ledger.wrong.append(str(error) or "an invariant of the queue does not hold")
    ledger.wrong += _jobs_that_are_not_as_asked(picture, ordered)
    ledger.wrong += _frames_without_one_commit(rows)
    ledger.files, wrong = _files_that_differ(rows, fetch)
    ledger.wrong += wrong
    return ledger


def _jobs_that_are_not_as_asked(picture: Picture, ordered: Sequence[Ordered]) -> list[str]:
    wrong = []
    known = {job.id: job for job in ordered}
    for id_, row in picture.jobs.items():
        if id_ not in known:
            wrong.append(f"job {id_} was made twice, or by nobody")
            continue
        job = known[id_]
        words = f"{job.kind} job {id_} ended as {row['state']} ({row['end_reason']})"
        if row["state"] not in ENDED:
            wrong.append(f"{job.kind} job {id_} is still {row['state']}")
        elif row["state"] == "succeeded":
            if row["total"] != row["committed"] + row["reused"] + row["skipped"]:
                wrong.append(f"{words} with {row['committed']} of {row['total']} frames committed")
            if row["skipped"] and "skip" not in job.touched:
                wrong.append(f"{words} with frames that nobody skipped")
        elif not _was_asked_for(row, job):
            wrong.append(f"{words}, which nobody asked for")
    gone = [job for id_, job in known.items() if id_ not in picture.jobs]
    return wrong + [f"{job.kind} job {job.id} was accepted, and is gone" for job in gone]


def _was_asked_for(row: Row, job: Ordered) -> bool:
    """Somebody canceled it, or what it waited for."""
    if row["end_reason"] == "dependency_failed":
        return job.kind == "behind"
    return row["state"] == "canceled" and "cancel" in job.touched


_COMMITS = """
select r.job_id, r.ordinal, r.generation, count(a.id)
from frame_result as r left join attempt as a on a.id = r.attempt_id and a.outcome = 'ok'
    and a.job_id = r.job_id and a.ordinal = r.ordinal and a.generation = r.generation
where r.state = 'committed' group by 1, 2, 3 having count(a.id) <> 1
"""
_DOUBLES = """
select a.job_id, a.ordinal, a.generation, count(*)
from attempt as a join work as w on w.id = a.work_id
where a.outcome = 'ok' and w.kind <> 'part' group by 1, 2, 3 having count(*) > 1
"""
_DOUBLE_PARTS = """
select a.job_id, a.ordinal, a.generation, w.part, count(*)
from attempt as a join work as w on w.id = a.work_id
where a.outcome = 'ok' and w.kind = 'part' group by 1, 2, 3, 4 having count(*) > 1
"""
_FILMS = """
select j.id, count(a.id) from job as j left join artifact as a on a.job_id = j.id and a.kind = 'video'
where j.state = 'succeeded' and j.spec -> 'outputs' -> 'video' <> 'null'
  and j.committed + j.reused > 0  -- of a job whose frames are all skipped there is nothing to show
group by 1 having count(a.id) <> 1
"""


def _frames_without_one_commit(rows: Query) -> list[str]:
    wrong = []
    for words, query in (
        ("is committed without one attempt", _COMMITS),
        ("was committed twice", _DOUBLES),
        ("has a part that was committed twice", _DOUBLE_PARTS),
        ("has not one film", _FILMS),
    ):
        wrong += [f"{' '.join(map(str, row[:-1]))} {words} ({row[-1]})" for row in rows(query)]
    return wrong


def _files_that_differ(rows: Query, fetch: Callable[[str], bytes | None]) -> tuple[int, list[str]]:
    wrong = []
    files = rows("select distinct storage_key, sha256, size_bytes from artifact order by 1")
    for key, sha256, size_bytes in files:
        content = fetch(key)
        if content is None:
            wrong.append(f"{key} is not in the storage")
        elif len(content) != size_bytes or hashlib.sha256(content).hexdigest() != sha256:
            wrong.append(f"{key} has {len(content)} bytes of another digest than its row's {size_bytes}")
    return len(files), wrong
