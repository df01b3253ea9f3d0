"""A running farm as its tests see it: the REST API from outside, its processes from below, its rows for the ledger."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import psycopg

WAIT_S = 150.0
"""Seconds that any wait may take on a busy machine; a farm that works needs a few."""

Answer = TypeVar("Answer")


class RunningFarm:
    """Client, processes and ledger of the farm at ``home``."""

    def __init__(self, home: Path, *, database_url: str | None = None) -> None:
        self.home = home
        self._database_url = database_url
        self.http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {(home / 'admin_key').read_text().strip()}"},
            timeout=30,
        )

    @property
    def record(self) -> dict[str, Any]:
        return dict(json.loads((self.home / "farm.json").read_text()))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.record['ports']['http']}"

    # --- the API ---------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """The JSON answer; a farm under repair is asked again, as the SDK does."""

        def once() -> httpx.Response | None:
            try:
                answer = self.http.request(method, f"/v1{path}", **arguments)
            except httpx.TransportError:
                return None
            return None if answer.status_code in (502, 503, 504) else answer

        answer = wait_for(once, f"{method} {path}")
        assert answer.is_success, answer.text
        return answer.json()

    def fake_model(self) -> str:
        content = b"a scene of the fake pipeline"
        digest = hashlib.sha256(content).hexdigest()
        self.call("PUT", f"/blobs/{digest}", content=content)
        file = {"path": "scene.fake", "digest": digest, "size_bytes": len(content)}
        manifest = {"kind": "fake", "main": "scene.fake", "files": [file]}
        model = self.call("POST", "/models", json={"name": "fake", "kind": "fake", "manifest": manifest})
        wait_for(lambda: self.call("GET", f"/models/{model['id']}")["state"] == "ready", "the model")
        return str(model["id"])

    def submit(self, *, frames: str, settings: dict[str, Any] | None = None, **spec: Any) -> str:
        body = {"model": spec.pop("model", None) or self.fake_model(), "pipeline": "fake", "frames": frames}
        body |= {"settings": settings or {}, "reuse": False, "outputs": {"video": None}, **spec}
        return str(self.call("POST", "/jobs", json=body)["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        return dict(self.call("GET", f"/jobs/{job_id}"))

    def ended(self, job_id: str) -> dict[str, Any]:
        terminal = ("succeeded", "failed", "canceled")
        return wait_for(lambda: job if (job := self.job(job_id))["state"] in terminal else None, f"job {job_id}")

    def until_committed(self, job_id: str, frames: int) -> None:
        wait_for(lambda: self.job(job_id)["counts"]["committed"] >= frames, f"{frames} frames of {job_id}")

    def until_rendering(self, job_id: str) -> None:
        query = "select 1 from work where job_id = %s and state = 'rendering'"
        wait_for(lambda: self.rows(query, job_id), f"a frame of {job_id} to render")

    # --- processes -------------------------------------------------------------------------------------------------

    def processes(self, *needles: str) -> list[psutil.Process]:
        """Processes of this farm whose title or command line holds one of the needles."""
        return [process for process in self.all_processes() if any(n in _line_of(process) for n in needles)]

    def all_processes(self) -> list[psutil.Process]:
        """Everything that carries this farm's home in its environment or command line."""
        marks = (str(self.home),)
        found = []
        for process in psutil.process_iter():
            try:
                text = _line_of(process) + " ".join(process.environ().values())
            except psutil.Error:
                continue
            if any(mark in text for mark in marks) and process.pid != os.getpid():
                found.append(process)
        return found

    def kill(self, *needles: str) -> list[int]:
        """SIGKILL to each of them; returns their pids."""
        victims = wait_for(lambda: self.processes(*needles), f"a process like {needles}")
        for victim in victims:
            victim.send_signal(signal.SIGKILL)
        return [victim.pid for victim in victims]

    # --- the ledger ------------------------------------------------------------------------------------------------

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(query.encode(), values).fetchall()

    @property
    def database_url(self) -> str:
        if self._database_url is not None:
            return self._database_url
        password = (self.home / "postgres" / "password").read_text().strip()
        return f"postgresql://rayfarm:{password}@127.0.0.1:{self.record['ports']['postgres']}/postgres"

    def assert_each_frame_once(self, job_id: str, total: int, *, in_flight: int) -> None:
        """The promise: every frame there once, none rendered more than once beyond those in flight at the kill."""
        job = self.job(job_id)
        assert (job["state"], job["counts"]["committed"]) == ("succeeded", total), job
        results = self.rows("select ordinal, state from frame_result where job_id = %s order by ordinal", job_id)
        assert results == [(ordinal, "committed") for ordinal in range(total)]
        artifacts = self.rows("select ordinal from artifact where job_id = %s and kind = 'frame' order by 1", job_id)
        assert artifacts == [(ordinal,) for ordinal in range(total)]
        attempts = self.rows("select count(*) from attempt where job_id = %s", job_id)[0][0]
        assert attempts <= total + in_flight
        done = self.rows("select count(*) from attempt where job_id = %s and outcome = 'ok'", job_id)[0][0]
        assert done == total


def wait_for(look: Callable[[], Answer | None], what: str) -> Answer:
    """The first true answer; fails the test when none came within ``WAIT_S``."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        answer = look()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"waited {WAIT_S:.0f} s in vain for {what}")


def _line_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) or process.name()
    except psutil.Error:
        return ""
