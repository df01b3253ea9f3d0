"""The states of all frames of a job as runs of frames with the same one: a million frames are mostly a few runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from db._query import run
from db.repositories.frames import has_ended, live_of
from db.repositories.jobs import JobRow, get_job
from db.session import Database, Transaction
from jobs.order import Order, runs_at
from jobs.states import FrameState


class FrameRun(NamedTuple):
    """Frames beside each other in the range, in the same state."""

    first: int
    last: int
    state: FrameState
    generation: int = 0
    """Of their results; 0: they have none that counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameStates:
    runs: list[FrameRun]
    suspects: list[int]
    """Ordinals of frames with a flag, among those of the runs."""
    next_first: int | None
    """Where the runs go on; None: these end with the job's last frame."""


async def frame_states_of(
    db: Database, *, project_id: UUID, job_id: UUID, first: int, limit: int
) -> tuple[JobRow, FrameStates] | None:
    """The job and its frames' states in one snapshot; None: the project has no such job."""
    async with db.transaction() as tx:
        await run(tx, "one_snapshot")
        job = await get_job(tx, job_id=job_id, project_id=project_id)
        return None if job is None else (job, await read_frame_states(tx, job=job, first=first, limit=limit))


async def read_frame_states(tx: Transaction, *, job: JobRow, first: int, limit: int) -> FrameStates:
    """Runs from ordinal ``first`` on without a gap, in the states that ``list_frames`` gives.

    ``limit``: of runs, and of suspects. Several statements: to be of one moment they need one snapshot.
    """
    if first >= job.total:
        return FrameStates(runs=[], suspects=[], next_first=None)
    rest = FrameState.CANCELED if has_ended(job) else FrameState.QUEUED
    results, beyond = await _result_runs(tx, job, first, limit)
    runs = list(_filled(results, first, beyond, rest))
    for generation, reopened in await _reopened(tx, job):
        again = [FrameRun(low, high, rest) for low, high in reopened]
        runs = list(_overlaid(runs, again, before=generation))
    if not job.state.is_terminal:
        live = live_of(job, (await run(tx, "live_frames.onward", job_id=job.id, first=first)).all())
        held = _joined(FrameRun(ordinal, ordinal, live[ordinal].state) for ordinal in sorted(live))
        runs = list(_overlaid(runs, list(held)))
    runs = list(_joined(run._replace(generation=0) for run in runs))
    if len(runs) > limit:
        beyond = runs[limit].first
    suspects: list[int] = []
    if job.suspects:
        found = await run(tx, "suspects_from", job_id=job.id, first=first, limit=limit + 1)
        suspects = list(found.scalars())
        if len(suspects) > limit:
            beyond = min(beyond, suspects[limit])
    return FrameStates(
        runs=[each._replace(last=min(each.last, beyond - 1)) for each in runs if each.first < beyond],
        suspects=[ordinal for ordinal in suspects if ordinal < beyond],
        next_first=beyond if beyond < job.total else None,
    )


async def _result_runs(tx: Transaction, job: JobRow, first: int, limit: int) -> tuple[list[FrameRun], int]:
    """Runs of last outcomes, and up to where nothing is left out."""
    name = "result_stretches.again" if job.generation > 1 else "result_stretches"
    most = 2 * limit + 1
    rows = (await run(tx, name, job_id=job.id, first=first, limit=most)).all()
    runs: list[FrameRun] = []
    begun: int | None = None
    for row in rows:
        if begun is None:
            begun = int(row.ordinal)
        if not row.is_followed:
            runs.append(FrameRun(begun, row.ordinal, FrameState(row.state), row.generation))
            begun = None
    if begun is not None:  # its end is beyond the limit
        return runs, begun
    return runs, runs[-1].last + 1 if len(rows) == most else job.total


async def _reopened(tx: Transaction, job: JobRow) -> list[tuple[int, list[tuple[int, int]]]]:
    """By generation: what waits to be rendered again in it, as (first, last) of ordinals in order."""
    if job.generation == 1:
        return []
    found = await run(tx, "reopened_ranges", job_id=job.id, generation=job.generation, lows=[0], beyonds=[job.total])
    order = Order(job.spec["order"])
    stretches: dict[int, list[tuple[int, int]]] = {}
    for row in found.all():
        for part in runs_at(order, job.total, row.first, min(row.count, job.total - row.first)):
            low, high = sorted((part[0], part[-1]))
            stretches.setdefault(row.generation, []).append((low, high))
    return [(generation, sorted(parts)) for generation, parts in stretches.items()]


def _filled(runs: Iterable[FrameRun], first: int, beyond: int, rest: FrameState) -> Iterator[FrameRun]:
    """The runs, and between them what has no outcome."""
    for each in runs:
        if first < each.first:
            yield FrameRun(first, each.first - 1, rest)
        yield each
        first = each.last + 1
    if first < beyond:
        yield FrameRun(first, beyond - 1, rest)


def _overlaid(runs: Iterable[FrameRun], above: Sequence[FrameRun], *, before: int | None = None) -> Iterator[FrameRun]:
    """``runs`` with those of ``above`` in their place; ``before``: only where the result is of an earlier generation.

    Both are in order and do not meet among themselves.
    """
    place = 0
    for each in runs:
        first = each.first
        while place < len(above) and above[place].last < first:
            place += 1
        over = place
        while (before is None or each.generation < before) and over < len(above) and above[over].first <= each.last:
            low, high = max(above[over].first, first), min(above[over].last, each.last)
            if first < low:
                yield each._replace(first=first, last=low - 1)
            yield above[over]._replace(first=low, last=high)
            first = high + 1
            over += 1
        if first <= each.last:
            yield each._replace(first=first)


def _joined(runs: Iterable[FrameRun]) -> Iterator[FrameRun]:
    """Neighbours in the same state become one."""
    last: FrameRun | None = None
    for each in runs:
        if last is not None and last.last + 1 == each.first and last[2:] == each[2:]:
            last = last._replace(last=each.last)
            continue
        if last is not None:
            yield last
        last = each
    if last is not None:
        yield last
