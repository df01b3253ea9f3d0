"""Every command in every state of a job: it leads where the table says, or is refused and changes nothing at all."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from jobs.frame_actions import FrameAction
from jobs.states import ASKED_FOR, JobCommand, JobState
from tests.serve_app.farm import ApiFarm, problem_of

ALLOWED: dict[JobState, dict[str, str]] = {
    JobState.BLOCKED: {"cancel": "canceled"},
    JobState.QUEUED: {"pause": "paused", "cancel": "canceled"},
    JobState.RUNNING: {"pause": "paused", "cancel": "canceling"},
    JobState.PAUSED: {"resume": "queued", "cancel": "canceled"},
    JobState.AWAITING_APPROVAL: {"approve": "running", "cancel": "canceled", "requeue": "queued"},
    JobState.CANCELING: {},
    JobState.FINISHING: {"cancel": "canceled", "requeue": "queued"},
    JobState.SUCCEEDED: {"requeue": "queued"},
    JobState.FAILED: {"retry": "queued"},
    JobState.CANCELED: {"retry": "queued"},
}
"""Written by hand and not read from the table: state -> what a person may do -> where it leads."""

SHOWN: dict[JobState, list[str]] = {
    JobState.BLOCKED: ["queued", "queued", "queued"],
    JobState.QUEUED: ["queued", "queued", "queued"],
    JobState.RUNNING: ["committed", "rendering", "leased"],
    JobState.PAUSED: ["committed", "queued", "queued"],
    JobState.AWAITING_APPROVAL: ["committed", "queued", "queued"],
    JobState.CANCELING: ["committed", "rendering", "leased"],
    JobState.FINISHING: ["committed", "committed", "committed"],
    JobState.SUCCEEDED: ["committed", "committed", "committed"],
    JobState.FAILED: ["committed", "failed", "committed"],
    JobState.CANCELED: ["committed", "canceled", "canceled"],
}
"""Frames of the job that ``job_in`` makes."""

ROUTES = ("pause", "resume", "approve", "cancel", "retry")

ENDS_OF_ACTIONS: dict[tuple[JobState, FrameAction], str | None] = {
    (JobState.BLOCKED, FrameAction.SKIP): "blocked",
    (JobState.BLOCKED, FrameAction.REQUEUE): "blocked",
    (JobState.QUEUED, FrameAction.SKIP): "queued",
    (JobState.QUEUED, FrameAction.REQUEUE): "queued",
    (JobState.PAUSED, FrameAction.SKIP): "paused",
    (JobState.PAUSED, FrameAction.REQUEUE): "paused",
    (JobState.AWAITING_APPROVAL, FrameAction.SKIP): "awaiting_approval",
    (JobState.AWAITING_APPROVAL, FrameAction.REQUEUE): "awaiting_approval",
    (JobState.FINISHING, FrameAction.REQUEUE): "queued",
    (JobState.SUCCEEDED, FrameAction.REQUEUE): "queued",
    (JobState.FAILED, FrameAction.SKIP): "succeeded",
    (JobState.FAILED, FrameAction.REQUEUE): "queued",
    (JobState.FAILED, FrameAction.RETRY): "queued",
    (JobState.CANCELED, FrameAction.SKIP): "canceled",
    (JobState.CANCELED, FrameAction.REQUEUE): "queued",
    (JobState.CANCELED, FrameAction.RETRY): "queued",
}
"""Where an action on frame 2 leads; what is not listed is refused. A requeue of what is queued changes nothing."""


async def job_in(farm: ApiFarm, state: JobState) -> Any:
    """A job of frames 1-3 in this state, its frames as ``SHOWN`` says."""
    options: dict[str, Any] = {"frames": "1-3", "limits": {"tries": 1}}
    match state:
        case JobState.BLOCKED:
            options["depends_on"] = [{"job": (await farm.submit())["id"]}]
        case JobState.AWAITING_APPROVAL:
            options["approval"] = 1
        case JobState.FINISHING:
            options["outputs"] = {"video": "auto"}
    job = await farm.submit(**options)
    root = job["links"]["self"]
    match state:
        case JobState.RUNNING | JobState.CANCELING:
            await farm.start(job["id"])
            replica, chunk = await farm.claim(job["id"], frames=3)
            await farm.commit(replica, chunk, 0)
        case JobState.PAUSED | JobState.CANCELED:
            await farm.render(job["id"], frames=1)
        case JobState.AWAITING_APPROVAL | JobState.FINISHING | JobState.SUCCEEDED:
            await farm.render(job["id"], frames=3)
        case JobState.FAILED:
            await farm.start(job["id"])
            replica, chunk = await farm.claim(job["id"], frames=3)
            await farm.fail(replica, chunk, 1)
            await farm.commit(replica, chunk, 0, 2)
    if state is JobState.PAUSED:
        await farm.http.post(f"{root}/pause")
    if state in (JobState.CANCELING, JobState.CANCELED):
        await farm.http.post(f"{root}/cancel")
    return (await farm.http.get(root)).json()


async def whole(farm: ApiFarm, job: Any) -> tuple[Any, list[Any], int]:
    """All that a person sees of a job; two looks are equal where nothing has happened between them."""
    seen = (await farm.http.get(job["links"]["self"])).json()
    for moving in ("frames_per_second", "eta_seconds"):
        seen.pop(moving)
    frames = (await farm.http.get(job["links"]["frames"])).json()["items"]
    return seen, frames, await farm.count("event")


def said_why(problem: Any, state: JobState) -> None:
    """A refusal tells the state that the job is in, and what a person may do instead."""
    assert problem["state"] == state
    assert problem["allowed"] == list(ALLOWED[state])
    assert state.replace("_", " ") in problem["detail"]
    assert (", ".join(ALLOWED[state]) or "nothing") in problem["remedy"]


def test_the_walk_knows_every_state_and_every_command() -> None:
    assert set(ALLOWED) == set(SHOWN) == set(JobState)
    assert {*ROUTES, "requeue"} == {str(command) for command in ASKED_FOR}


@pytest.mark.parametrize("state", JobState)
async def test_a_job_shows_what_may_be_done_in_its_state(farm: ApiFarm, state: JobState) -> None:
    job = await job_in(farm, state)
    assert job["state"] == state
    assert list(job["links"]["commands"]) == list(ALLOWED[state])
    frames = (await farm.http.get(job["links"]["frames"])).json()["items"]
    assert [frame["state"] for frame in frames] == SHOWN[state]


@pytest.mark.parametrize("state", JobState)
async def test_a_command_leads_where_it_says_or_changes_nothing_and_says_why(farm: ApiFarm, state: JobState) -> None:
    for command in ROUTES:
        job = await job_in(farm, state)
        before = await whole(farm, job)
        answer = await farm.http.post(f"{job['links']['self']}/{command}")
        if command in ALLOWED[state]:
            assert answer.is_success, answer.text
            assert answer.json()["state"] == ALLOWED[state][command]
            continue
        if command == JobCommand.CANCEL and state in (JobState.CANCELING, JobState.CANCELED):
            assert answer.is_success  # asked twice, it is what was asked for
        else:
            said_why(problem_of(answer, 409, "conflict"), state)
        assert await whole(farm, job) == before, command


@pytest.mark.parametrize("state", JobState)
async def test_an_action_on_a_frame_leads_where_it_says_or_changes_nothing_and_says_why(
    farm: ApiFarm, state: JobState
) -> None:
    for action in FrameAction:
        job = await job_in(farm, state)
        before = await whole(farm, job)
        answer = await act(farm, job, action, "2")
        end = ENDS_OF_ACTIONS.get((state, action))
        if end is not None:
            assert answer.status_code == 200, answer.text
            assert answer.json()["job"]["state"] == end
            continue
        problem = problem_of(answer, 409, "conflict")
        if state is JobState.CANCELING:
            said_why(problem, state)
        else:
            assert problem["state"] in (SHOWN[state][1], state)  # the frame's; the job's where no frame needs it
            assert action not in problem["allowed"]
            assert problem["remedy"]
        assert await whole(farm, job) == before, action


@pytest.mark.parametrize("state", JobState)
async def test_only_a_job_that_is_being_canceled_cannot_be_changed_and_any_can_be_cloned(
    farm: ApiFarm, state: JobState
) -> None:
    job = await job_in(farm, state)
    before = await whole(farm, job)
    answer = await farm.http.patch(job["links"]["self"], json={"weight": 7})
    if state is JobState.CANCELING:
        problem = problem_of(answer, 409, "conflict")
        assert (problem["state"], problem["allowed"]) == (state, [])
        assert await whole(farm, job) == before
    else:
        assert (answer.json()["state"], answer.json()["weight"]) == (state, 7)
    before = await whole(farm, job)
    clone = (await farm.http.post(f"{job['links']['self']}/clone", json={"name": "again"})).json()
    assert clone["cloned_from"] == job["id"]
    assert clone["state"] == ("blocked" if state is JobState.BLOCKED else "queued")
    seen, frames, _ = await whole(farm, job)
    assert (seen, frames) == before[:2]


async def test_a_retry_behind_a_dependency_that_failed_says_the_state_of_either_job(farm: ApiFarm) -> None:
    first = await farm.submit(frames="1-3")
    second = await farm.submit(frames="1-3", depends_on=[{"job": first["id"]}])
    await farm.http.post(f"{first['links']['self']}/cancel")
    before = await whole(farm, second)
    assert before[0]["end_reason"] == "dependency_failed"
    problem = problem_of(await farm.http.post(f"{second['links']['self']}/retry"), 409, "conflict")
    assert (problem["state"], problem["allowed"]) == ("failed", [])  # a retry of the other one comes first
    assert (problem["job"], problem["dependency_state"]) == (first["id"], "canceled")
    assert first["id"] in problem["remedy"]
    assert await whole(farm, second) == before
    answer = await farm.http.post("/v1/jobs", json=await farm.spec(depends_on=[{"job": first["id"]}]))
    assert problem_of(answer, 409, "conflict")["dependency_state"] == "canceled"


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.CANCELED])
async def test_what_cannot_go_on_behind_its_deadline_says_its_state(farm: ApiFarm, state: JobState) -> None:
    job = await job_in(farm, state)
    await farm.execute("update job set finish_before = now() - interval '1 minute' where id = :id", id=job["id"])
    before = await whole(farm, job)
    problem = problem_of(await act(farm, job, FrameAction.REQUEUE, "2"), 409, "conflict")
    assert (problem["state"], problem["allowed"], problem["field"]) == (state, [], "finish_before")
    assert await whole(farm, job) == before


async def act(farm: ApiFarm, job: Any, action: FrameAction, frames: str) -> httpx.Response:
    body = {"action": str(action), "frames": frames}
    return await farm.http.post(f"{job['links']['self']}/frames/actions", json=body)
