"""An operator: a board of the farm that reads its lists over and over."""

from __future__ import annotations

from locust import FastHttpUser, between, task

from loadtests.users.given import HEADERS

_LISTS = ("/v1/replicas", "/v1/nodes", "/v1/loops", "/v1/licences", "/v1/projects", "/v1/jobs?limit=100")


class Operator(FastHttpUser):
    """Who looks after the farm."""

    weight = 1
    wait_time = between(2, 4)
    default_headers = HEADERS

    @task
    def look(self) -> None:
        for path in _LISTS:
            self.client.get(path, name=f"list {path.removeprefix('/v1/').partition('?')[0]}")
        self.client.get("/v1/health/ready", name="ready")
