"""A program: posts stills one after the other and waits for each picture, before other work."""

from __future__ import annotations

import time
import uuid

from locust import HttpUser, between, task

from loadtests.users.following import Gap, follow
from loadtests.users.given import HEADERS, job_of

_RENDER_MS = 20.0
_PATIENCE_S = 300.0


class Program(HttpUser):
    """A web shop that shows products, a plug-in, a script."""

    weight = 2
    wait_time = between(1, 3)

    def on_start(self) -> None:
        self.client.headers.update(HEADERS)

    @task
    def still(self) -> None:
        begun = time.perf_counter()
        answer = self.client.post(
            "/v1/jobs",
            json=job_of("1", name="program", render_ms=_RENDER_MS, priority="interactive"),
            headers={"Idempotency-Key": str(uuid.uuid4())},
            name="submit",
        )
        if not answer.ok:
            return
        links, state = answer.json()["links"], ""
        error: Exception | None = None
        try:
            for event in follow(self.client, links["events"], seconds=_PATIENCE_S):
                if event["kind"] == "job.state":
                    state = event["data"]["state"]
        except Gap as gap:
            error = gap
        if error is None and state != "succeeded":
            error = RuntimeError(f"The still is {state or 'not begun'}.")
        pictures = self.client.get(f"{links['artifacts']}?kind=frame", name="list of pictures")
        if pictures.ok and pictures.json()["items"]:
            self.client.get(f"/v1/artifacts/{pictures.json()['items'][0]['id']}/content", name="picture")
        self.environment.events.request.fire(
            request_type="JOB",
            name="still, submit to picture",
            response_time=(time.perf_counter() - begun) * 1000,
            response_length=0,
            exception=error,
            context={},
        )
