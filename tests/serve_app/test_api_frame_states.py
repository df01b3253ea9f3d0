"""The states of all frames over HTTP: as the list of frames has them, with the event that they are of."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from serve_app.settings import ApiSettings
from tests.serve_app.farm import ApiFarm, bearer, problem_of


@pytest.fixture
def api_settings() -> ApiSettings:
    return ApiSettings(token_key=SecretStr("a-key-of-these-tests-alone-0123456789"), max_frame_runs=3)


async def half_done(farm: ApiFarm) -> str:
    """Frame 3 has failed, 1, 2 and 4 are there, 5 renders and 6 is next, the others wait."""
    job_id = (await farm.submit(frames="11-20", limits={"tries": 1}))["id"]
    await farm.start(job_id)
    replica, chunk = await farm.claim(job_id, frames=6)
    await farm.commit(replica, chunk, 0, 1, 3)
    await farm.fail(replica, chunk, 2)
    return str(job_id)


async def read(farm: ApiFarm, job_id: str, **query: Any) -> Any:
    answer = await farm.http.get(f"/v1/jobs/{job_id}/frame-states", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_runs_in_pages_say_what_the_list_of_frames_says_and_of_which_event_it_is(farm: ApiFarm) -> None:
    job_id = await half_done(farm)
    listed = (await farm.http.get(f"/v1/jobs/{job_id}/frames")).json()["items"]
    job = (await farm.http.get(f"/v1/jobs/{job_id}")).json()
    states: list[str] = []
    first: int | None = 0
    while first is not None:
        page = await read(farm, job_id, **{"from": first})
        assert (page["job"], page["generation"], page["total"]) == (job_id, 1, 10)
        assert page["last_event"] == job["last_event"]
        assert len(page["runs"]) <= 3
        for run in page["runs"]:
            assert run["first"] == len(states)
            states += [run["state"]] * (run["last"] + 1 - run["first"])
        first = page["next_from"]
    assert states == [frame["state"] for frame in listed]
    assert {"committed", "failed", "rendering", "leased", "queued"} == set(states)


async def test_a_browser_that_has_them_is_told_so_and_one_that_does_not_begins_where_it_asks(farm: ApiFarm) -> None:
    job_id = (await farm.submit(frames="1-1000000"))["id"]
    answer = await farm.http.get(f"/v1/jobs/{job_id}/frame-states")
    assert answer.json()["runs"] == [{"first": 0, "last": 999_999, "state": "queued"}]
    known = {"If-None-Match": answer.headers["etag"]}
    assert (await farm.http.get(f"/v1/jobs/{job_id}/frame-states", headers=known)).status_code == 304
    assert (await read(farm, job_id, **{"from": 7}))["runs"] == [{"first": 7, "last": 999_999, "state": "queued"}]
    assert (await read(farm, job_id, **{"from": 1_000_000}))["runs"] == []


async def test_a_place_that_no_job_has_and_the_job_of_another_project_are_refused(farm: ApiFarm) -> None:
    job_id = await half_done(farm)
    for first in (-1, "x"):
        answer = await farm.http.get(f"/v1/jobs/{job_id}/frame-states", params={"from": first})
        assert problem_of(answer, 422, "invalid-input")["field"] == "from"
    stranger = bearer(await farm.new_key("other"))
    problem_of(await farm.http.get(f"/v1/jobs/{job_id}/frame-states", headers=stranger), 404, "not-found")
