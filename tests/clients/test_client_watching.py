"""A watched job: every event once and in order, whatever happens to the connection."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rayfarm import Client, FarmRefused
from rayfarm.cli.output import Output
from rayfarm.cli.views import PlainView, flight_lines, wait_line
from rayfarm.downloads import Fetched
from rayfarm.following import Figures, Follower, InFlight
from rayfarm.types import Artifact, Event, Job
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


def progress(frame: int, fraction: float, **more: object) -> str:
    data = {"kind": "frame.progress", "data": {"frame": frame, "ordinal": frame - 1, "fraction": fraction, **more}}
    return f"event: frame.progress\ndata: {json.dumps(data)}\n\n"


def test_progress_is_given_each_time_and_moves_no_bookmark(client: Client, scripted: FarmServer) -> None:
    scripted.in_turn(
        "GET",
        f"/v1/jobs/{JOB}/events",
        lambda request: request.stream(progress(1, 0.1), *EVENTS[:2], progress(1, 0.4), progress(1, 0.7)),
        lambda request: request.stream(*EVENTS[2:]),
    )
    scripted.in_turn(
        "GET",
        f"/v1/jobs/{JOB}",
        lambda request: request.json(job_view("running")),
        lambda request: request.json(job_view("succeeded")),
    )
    found = [(event.id, event.kind, event.data.get("fraction")) for event in client.watch(JOB)]
    told = [(id, fraction) for id, kind, fraction in found if kind == "frame.progress"]
    assert told == [("", 0.1), ("2", 0.4), ("2", 0.7)]
    assert [id for id, kind, _ in found if kind != "frame.progress"] == ["1", "2", "3", "4", "5"]
    assert scripted.requests("GET", f"/v1/jobs/{JOB}/events")[1]["Last-Event-ID"] == "2"


class Figured:
    """A view that keeps the frames in flight that it was shown."""

    def __init__(self) -> None:
        self.seen: list[list[tuple[int, float]]] = []

    def show(self, figures: Figures) -> None:
        now = [(one.frame, round(one.fraction, 3)) for one in figures.in_flight]
        if not self.seen or self.seen[-1] != now:
            self.seen.append(now)

    def event(self, event: Event) -> None:
        return None

    def file(self, path: Path, artifact: Artifact, fetched: Fetched) -> None:
        return None


def test_frames_in_flight_are_known_until_they_end_and_parts_of_one_are_added_up(
    client: Client, scripted: FarmServer
) -> None:
    scripted.on(
        "GET",
        f"/v1/jobs/{JOB}/events",
        lambda request: request.stream(
            *EVENTS[:2],
            progress(1, 0.5, done=32, total=64, unit="samples", eta_seconds=4),
            progress(2, 0.5, part=0, parts=2),
            progress(2, 0.3, part=1, parts=2),
            *EVENTS[2:],
        ),
    )
    scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("succeeded"))
    view = Figured()
    Follower(client=client, job=Job.read(job_view("running")), view=view).run()
    assert view.seen == [[], [(1, 0.5)], [(1, 0.5), (2, 0.25)], [(1, 0.5), (2, 0.4)], [(2, 0.4)], []]


def test_a_frame_in_flight_is_shown_in_words(scripted: FarmServer) -> None:
    flights = tuple(InFlight(frame=frame, fraction=frame / 10) for frame in range(1, 4))
    last = InFlight(frame=9, fraction=0.43, done=28, total=64, unit="samples", eta_seconds=12.0)
    figures = Figures(job=Job.read(job_view("running")), in_flight=(*flights, last))
    assert flight_lines(figures) == [
        "frame 9: 43% · 28 of 64 samples · 12.0 s left",
        "frame 3: 30%",
        "frame 2: 20%",
        "and 1 more",
    ]


def test_a_job_whose_frames_are_all_reused_is_not_said_to_wait() -> None:
    wait = {"reason": "starting_replica", "words": "No worker is up yet; one has been asked for."}
    figures = Figures(job=Job.read(job_view("running", wait=wait, counts={"reused": 1})))
    assert wait_line(figures) == "waits: No worker is up yet; one has been asked for."
    figures = Figures(job=Job.read(job_view("running", wait=wait, counts={"reused": 2})))
    assert wait_line(figures) is None


def test_a_job_that_was_just_submitted_is_not_said_to_wait_for_the_dispatcher(
    client: Client, scripted: FarmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    wait = {"reason": "scheduling", "words": "The dispatcher has not looked at it yet."}
    scripted.on("GET", f"/v1/jobs/{JOB}/events", lambda request: request.stream(event(1, "job.created"), *EVENTS[1:]))
    scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("succeeded"))
    Follower(client=client, job=Job.read(job_view("queued", wait=wait)), view=PlainView(Output())).run()
    out = capsys.readouterr().out
    assert out.startswith("queued  0/2 frames\n")
    assert "waits" not in out


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
