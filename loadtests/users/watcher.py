"""A watcher: opens the newest job and leaves its page open while it renders."""

from __future__ import annotations

import time

from locust import HttpUser, between, task

from loadtests.users.following import Gap, follow
from loadtests.users.given import HEADERS

_STAYS_S = 30.0


class Watcher(HttpUser):
    """A browser with server-sent events."""

    weight = 3
    wait_time = between(2, 6)

    def on_start(self) -> None:
        self.client.headers.update(HEADERS)

    @task
    def watch(self) -> None:
        answer = self.client.get("/v1/jobs?limit=20", name="list of jobs")
        jobs = answer.json()["items"] if answer.ok else []
        if not jobs:
            return
        begun, error = time.perf_counter(), None
        first_ms = None
        try:
            for _ in follow(self.client, jobs[0]["links"]["events"], seconds=_STAYS_S):
                first_ms = first_ms or (time.perf_counter() - begun) * 1000
        except Gap as gap:
            error = gap
        self.environment.events.request.fire(
            request_type="SSE",
            name="first event",
            response_time=first_ms or 0.0,
            response_length=0,
            exception=error,
            context={},
        )
