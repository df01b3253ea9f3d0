"""What the connection repeats, how long, and what it never does."""

from __future__ import annotations

import pytest

from rayfarm import Client, ClientError, FarmRefused, FarmUnreachable
from rayfarm._transport import Transport, TransportSettings
from tests.clients.conftest import QUICK
from tests.clients.scripted_farm import JOB, FarmServer, Request, job_view


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.naps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


def unavailable(request: Request) -> None:
    request.problem(503, "unavailable", "The database is away.", remedy="Wait.")


def drop(request: Request) -> None:
    request.drop()


class TestRepeats:
    def test_a_restart_of_the_api_is_not_noticed(self, client: Client, scripted: FarmServer) -> None:
        scripted.answer("GET", f"/v1/jobs/{JOB}", job_view())
        client.job(JOB)
        scripted.in_turn(
            "GET", f"/v1/jobs/{JOB}", drop, unavailable, drop, lambda request: request.json(job_view("succeeded"))
        )
        assert client.job(JOB).state == "succeeded"

    def test_a_submit_is_repeated_with_the_same_idempotency_key(self, client: Client, scripted: FarmServer) -> None:
        scripted.in_turn("POST", "/v1/jobs", unavailable, drop, lambda request: request.json(job_view("queued"), 202))
        assert client.submit("m", frames="1-2").id == JOB
        keys = {headers["Idempotency-Key"] for headers in scripted.requests("POST", "/v1/jobs")}
        assert len(keys) == 1
        assert len(scripted.requests("POST", "/v1/jobs")) == 3

    def test_what_the_proxy_says_of_a_replica_that_died_is_not_the_farms_word(
        self, client: Client, scripted: FarmServer
    ) -> None:
        scripted.in_turn(
            "GET",
            f"/v1/jobs/{JOB}",
            lambda request: request.bytes(b"Internal Server Error", 500, Content_Type="text/plain"),
            lambda request: request.json(job_view("succeeded")),
        )
        assert client.job(JOB).state == "succeeded"
        scripted.on("GET", f"/v1/jobs/{JOB}", lambda request: request.problem(500, "internal", "A fault of ours."))
        with pytest.raises(FarmRefused, match=r"A fault of ours\."):
            client.job(JOB)

    def test_a_farm_that_starts_again_has_not_forgotten_the_job(self, client: Client, scripted: FarmServer) -> None:
        no_path_yet = b"Path '/v1/jobs/1' not found. Ping http://.../-/routes for available routes."
        scripted.in_turn(
            "GET",
            f"/v1/jobs/{JOB}",
            lambda request: request.bytes(no_path_yet, 404, Content_Type="text/plain"),
            lambda request: request.json(job_view("running")),
        )
        assert client.job(JOB).state == "running"
        scripted.on(
            "GET", f"/v1/jobs/{JOB}", lambda request: request.problem(404, "not-found", "There is no such job.")
        )
        with pytest.raises(FarmRefused, match=r"There is no such job\."):
            client.job(JOB)

    def test_a_refusal_is_not_repeated_and_carries_cause_and_remedy(self, client: Client, scripted: FarmServer) -> None:
        scripted.on(
            "POST", "/v1/jobs", lambda request: request.problem(422, "invalid-input", "No camera.", remedy="Add one.")
        )
        with pytest.raises(FarmRefused) as caught:
            client.submit("m", frames="1")
        assert (caught.value.message, caught.value.remedy, caught.value.problem_code) == (
            "No camera.",
            "Add one.",
            "invalid-input",
        )
        assert len(scripted.requests("POST", "/v1/jobs")) == 1

    def test_a_post_that_may_not_be_repeated_is_sent_once(self, scripted: FarmServer) -> None:
        transport = Transport(base_url=scripted.url, api_key=None, user_agent="test", settings=QUICK)
        scripted.on("POST", "/v1/x", unavailable)
        with pytest.raises(FarmUnreachable):
            transport.json("POST", "/v1/x")
        assert len(scripted.requests("POST", "/v1/x")) == 1


class TestPatience:
    def settings(self) -> TransportSettings:
        return TransportSettings()

    def test_an_address_where_nothing_listens_is_told_within_the_first_contact(self) -> None:
        clock = Clock()
        transport = Transport(
            base_url="http://127.0.0.1:1", api_key=None, user_agent="test", sleep=clock.sleep, clock=clock
        )
        with pytest.raises(FarmUnreachable, match="does not answer"):
            transport.json("GET", "/v1/jobs")
        assert 0 < clock.now <= self.settings().first_contact.total_seconds()

    def test_a_farm_that_answered_before_is_waited_for_with_growing_pauses(self, scripted: FarmServer) -> None:
        clock = Clock()
        transport = Transport(base_url=scripted.url, api_key=None, user_agent="test", sleep=clock.sleep, clock=clock)
        scripted.answer("GET", "/v1/x", {})
        transport.json("GET", "/v1/x")
        scripted.on("GET", "/v1/x", unavailable)
        with pytest.raises(FarmUnreachable, match="database is away"):
            transport.json("GET", "/v1/x")
        longest = self.settings().backoff_longest.total_seconds()
        assert self.settings().first_contact.total_seconds() < clock.now <= self.settings().patience.total_seconds()
        assert clock.naps[0] < clock.naps[4] <= longest

    def test_the_farms_own_retry_after_is_kept(self, scripted: FarmServer) -> None:
        clock = Clock()
        transport = Transport(base_url=scripted.url, api_key=None, user_agent="test", sleep=clock.sleep, clock=clock)
        scripted.in_turn(
            "GET",
            "/v1/x",
            lambda request: request.json({}, 429, **{"Retry-After": "2"}),
            lambda request: request.json({"ok": 1}),
        )
        assert transport.json("GET", "/v1/x") == {"ok": 1}
        assert clock.naps == [2.0]


def test_something_that_is_no_farm_is_told_as_such(client: Client, scripted: FarmServer) -> None:
    scripted.on("GET", f"/v1/jobs/{JOB}", lambda request: request.bytes(b"<html>", **{"Content-Type": "text/html"}))
    with pytest.raises(FarmUnreachable, match="no JSON"):
        client.job(JOB)


def test_a_cursor_is_followed_to_the_last_page(client: Client, scripted: FarmServer) -> None:
    first = {"items": [job_view(id="a")], "next_cursor": "c"}
    scripted.in_turn(
        "GET",
        "/v1/jobs",
        lambda request: request.json(first),
        lambda request: request.json({"items": [job_view(id="b")], "next_cursor": None}),
    )
    assert [job.id for job in client.jobs()] == ["a", "b"]
    assert "cursor=c" in scripted.seen[1][1]


def test_a_closed_client_says_so(client: Client) -> None:
    client.close()
    with pytest.raises(ClientError, match="closed"):
        client.job(JOB)
    with pytest.raises(ClientError, match="closed"):
        next(client.watch(JOB))
