"""A watched job: every event once and in order, whatever happens to the connection."""

from __future__ import annotations

import pytest

from rayfarm import Client, FarmRefused
from tests.clients.scripted_farm import JOB, FarmServer, Request, event, job_view

EVENTS = [
    event(1, "job.created"),
    event(2, "job.state", state="running"),
    event(3, "frames.committed", frames=[{"frame": 1, "ordinal": 0}]),
    event(4, "frames.committed", frames=[{"frame": 2, "ordinal": 1}]),
    event(5, "job.state", state="succeeded"),
]


def one_event_then_drop(request: Request) -> None:
    """The event behind the one that the client saw last, and half of the next one."""
    seen = int(request.headers.get("Last-Event-ID") or 0)
    rest = EVENTS[seen:]
    request.stream("retry: 2000\n\n: hello\n\n", *rest[:1], *(part[: len(part) // 2] for part in rest[1:2]))


def test_a_stream_that_drops_at_each_event_gives_the_same_log(client: Client, scripted: FarmServer) -> None:
    scripted.on("GET", f"/v1/jobs/{JOB}/events", one_event_then_drop)
    states = iter(["running"] * 4 + ["succeeded"])
    scripted.on("GET", f"/v1/jobs/{JOB}", lambda request: request.json(job_view(next(states))))
    assert [found.id for found in client.watch(JOB)] == ["1", "2", "3", "4", "5"]
    resumed = [headers.get("Last-Event-ID") for headers in scripted.requests("GET", f"/v1/jobs/{JOB}/events")]
    assert resumed == [None, "1", "2", "3", "4"]


def test_an_event_that_comes_twice_is_given_once(client: Client, scripted: FarmServer) -> None:
    scripted.on("GET", f"/v1/jobs/{JOB}/events", lambda request: request.stream(EVENTS[0], EVENTS[0], EVENTS[4]))
    scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("succeeded"))
    assert [found.id for found in client.watch(JOB)] == ["1", "5"]


def test_an_api_that_restarts_is_waited_for(client: Client, scripted: FarmServer) -> None:
    scripted.in_turn(
        "GET",
        f"/v1/jobs/{JOB}/events",
        lambda request: request.stream(*EVENTS[:2]),
        lambda request: request.drop(),
        lambda request: request.problem(503, "unavailable", "soon"),
        lambda request: request.stream(*EVENTS[2:]),
    )
    scripted.in_turn(
        "GET",
        f"/v1/jobs/{JOB}",
        lambda request: request.json(job_view("running")),
        lambda request: request.json(job_view("succeeded")),
    )
    assert [found.id for found in client.watch(JOB)] == ["1", "2", "3", "4", "5"]


def test_a_job_that_is_over_and_seen_gives_nothing(client: Client, scripted: FarmServer) -> None:
    scripted.on("GET", f"/v1/jobs/{JOB}/events", lambda request: request.bytes(b"", 204))
    scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("succeeded"))
    assert list(client.watch(JOB, after="5")) == []
    assert scripted.requests("GET", f"/v1/jobs/{JOB}/events")[0]["Last-Event-ID"] == "5"


def test_a_job_that_was_retried_is_followed_past_its_first_end(client: Client, scripted: FarmServer) -> None:
    again = [event(6, "job.state", state="queued"), event(7, "job.state", state="succeeded")]
    scripted.on(
        "GET", f"/v1/jobs/{JOB}/events", lambda request: request.stream(event(5, "job.state", state="failed"), *again)
    )
    scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("succeeded"))
    assert [found.id for found in client.watch(JOB)] == ["5", "6", "7"]


def test_an_unknown_job_is_refused_at_once(client: Client, scripted: FarmServer) -> None:
    scripted.on(
        "GET", f"/v1/jobs/{JOB}/events", lambda request: request.problem(404, "not-found", "There is no such job.")
    )
    with pytest.raises(FarmRefused, match="no such job"):
        list(client.watch(JOB))
    assert len(scripted.seen) == 1
