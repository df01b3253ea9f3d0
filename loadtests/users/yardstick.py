"""The yardstick of a run: a route that does nothing, on FastAPI and uvicorn as they come, asked beside all others."""

from __future__ import annotations

from locust import FastHttpUser, constant, task

from loadtests.users.given import PLAIN_URL


class Yardstick(FastHttpUser):
    """One, however many others there are."""

    fixed_count = 1
    host = PLAIN_URL
    wait_time = constant(0.1)

    @task
    def nothing(self) -> None:
        self.client.get("/", name="no-op")
