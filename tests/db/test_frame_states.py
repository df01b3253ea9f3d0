"""The states of all frames as runs: what the list of frames says, however many there are, at one moment."""

from __future__ import annotations

from itertools import groupby
from uuid import UUID, uuid4

from db.repositories.frame_states import FrameRun, FrameStates, frame_states_of
from jobs.frame_actions import FrameAction
from jobs.states import FrameState
from tests.db.builders import Farm
from tests.db.control import LETTERS, act, render_all, retry, states
from tests.db.test_flags import look

MILLION = 1_000_000


async def read(farm: Farm, job_id: UUID, *, first: int = 0, limit: int = 1000) -> FrameStates:
    found = await frame_states_of(farm.db, project_id=farm.project_id, job_id=job_id, first=first, limit=limit)
    assert found is not None
    return found[1]


def told(runs: list[FrameRun]) -> str:
    return " ".join(f"{run.first}-{run.last}{LETTERS[run.state]}" for run in runs)


def runs_in(letters: str) -> str:
    place, runs = 0, []
    for letter, group in groupby(letters):
        count = len(list(group))
        runs.append(f"{place}-{place + count - 1}{letter}")
        place += count
    return " ".join(runs)


async def test_a_job_with_frames_in_every_state_is_told_as_its_list_is(farm: Farm) -> None:
    job_id = await farm.start(frames="1-30", limits={"tries": 1})
    chunk = await farm.rendering(job_id, await farm.replica(), frames=12)
    await farm.commit(chunk, [0, 1, 2, 3, 7])
    for ordinal in (4, 6):
        assert await farm.fail(chunk, ordinal) == "failed"
    await farm.execute(
        "update frame_result set state = 'reused', end_reason = 'reused' where job_id = :id and ordinal = 3", id=job_id
    )
    await act(farm, job_id, FrameAction.SKIP, [20, 21])
    await act(farm, job_id, FrameAction.REQUEUE, [1])
    listed = await states(farm, job_id)
    assert set(listed) == set("qlrCRFS")
    assert told((await read(farm, job_id)).runs) == runs_in(listed)
    await farm.execute("update job set state = 'canceling' where id = :id", id=job_id)
    canceling = await states(farm, job_id)
    assert "X" in canceling
    assert told((await read(farm, job_id)).runs) == runs_in(canceling)


async def test_frames_that_are_rendered_again_lose_their_run_and_get_it_back(farm: Farm) -> None:
    job_id = await farm.start(frames="1-9", limits={"tries": 1}, order="reverse")
    chunk = await farm.rendering(job_id, await farm.replica(), frames=9)
    for ordinal in (2, 3, 5):
        await farm.fail(chunk, ordinal)
    await farm.commit(chunk, [0, 1, 4, 6, 7, 8])
    assert told((await read(farm, job_id)).runs) == "0-1C 2-3F 4-4C 5-5F 6-8C"
    await retry(farm, job_id)
    assert told((await read(farm, job_id)).runs) == "0-1C 2-3q 4-4C 5-5q 6-8C"
    await render_all(farm, job_id, await farm.replica())
    assert told((await read(farm, job_id)).runs) == "0-8C"


async def test_a_million_frames_that_wait_are_one_run_and_so_are_those_that_are_done(farm: Farm) -> None:
    job_id = await farm.start(frames=f"1-{MILLION}")
    assert told((await read(farm, job_id)).runs) == f"0-{MILLION - 1}q"
    await farm.execute(
        "insert into frame_result (job_id, ordinal, generation, frame, state, end_reason)"
        " select :id, n, 1, n + 1, 'committed', 'ok' from generate_series(0, :last) as n",
        id=job_id,
        last=MILLION - 1,
    )
    assert told((await read(farm, job_id)).runs) == f"0-{MILLION - 1}C"


async def test_what_has_too_many_runs_goes_on_where_the_page_ends(farm: Farm) -> None:
    job_id = await farm.start(frames="1-1000")
    await farm.execute(
        "insert into frame_result (job_id, ordinal, generation, frame, state, end_reason)"
        " select :id, n, 1, n + 1, 'committed', 'ok' from generate_series(0, 998, 2) as n",
        id=job_id,
    )
    runs: list[FrameRun] = []
    first: int | None = 0
    while first is not None:
        page = await read(farm, job_id, first=first, limit=300)
        assert len(page.runs) <= 300
        runs += page.runs
        first = page.next_first
    assert [(run.first, run.last, run.state) for run in runs] == [
        (n, n, FrameState.QUEUED if n % 2 else FrameState.COMMITTED) for n in range(1000)
    ]
    assert (await read(farm, job_id, first=1000)).runs == []


async def test_suspects_are_those_of_the_page(farm: Farm) -> None:
    job_id = await farm.start(frames="1-9")
    well, black = {"mean": 0.5, "brightest": 0.9}, {"mean": 0.0, "brightest": 0.0}
    await look(farm, job_id, 1, f1=well, f2=black, f3=well, f4=well, f5=black, f6=well)
    assert (await read(farm, job_id)).suspects == [1, 4]
    page = await read(farm, job_id, limit=1)
    assert (page.suspects, page.runs[-1].last, page.next_first) == ([1], 3, 4)
    assert (await read(farm, job_id, first=page.next_first or 0)).suspects == [4]


async def test_another_projects_job_is_none(farm: Farm) -> None:
    job_id = await farm.start()
    assert await frame_states_of(farm.db, project_id=uuid4(), job_id=job_id, first=0, limit=10) is None
