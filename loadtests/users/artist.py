"""An artist: submits an animation, looks at it every other second until it has ended, fetches a picture."""

from __future__ import annotations

import time
from typing import Any

from locust import FastHttpUser, between, task

from loadtests.users.given import ENDED, HEADERS, job_of

_FRAMES = "1-8"
_RENDER_MS = 20.0
_LOOKS_EVERY_S = 2.0
_LOOKS = 150
"""Looks before it is given up: five minutes."""


class Artist(FastHttpUser):
    """Most of a studio."""

    weight = 5
    wait_time = between(5, 15)
    default_headers = HEADERS

    @task
    def animation(self) -> None:
        with self.client.post(
            "/v1/jobs", json=job_of(_FRAMES, name="artist", render_ms=_RENDER_MS), name="submit", catch_response=True
        ) as answer:
            if answer.status_code != 202:
                answer.failure(f"{answer.status_code}: {answer.text}")
                return
            job: dict[str, Any] = answer.json()
        for _ in range(_LOOKS):
            if job["state"] in ENDED:
                break
            time.sleep(_LOOKS_EVERY_S)  # of this user alone: Locust has made it one of gevent's
            answer = self.client.get(job["links"]["self"], name="status read")
            if answer.status_code == 200:
                job = answer.json()
        with self.client.get(
            f"{job['links']['artifacts']}?kind=frame", name="list of pictures", catch_response=True
        ) as answer:
            pictures = answer.json()["items"] if answer.status_code == 200 else []
            if job["state"] != "succeeded" or len(pictures) != job["counts"]["total"]:
                answer.failure(f"The job is {job['state']} with {len(pictures)} pictures.")
                return
        self.client.get(f"/v1/artifacts/{pictures[-1]['id']}/content", name="picture")
