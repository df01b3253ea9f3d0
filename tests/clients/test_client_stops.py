"""Ctrl-C and SIGTERM, wherever they strike a command that submits: what is said is true, and the job can be found."""

from __future__ import annotations

import io
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import cluster.batch
from rayfarm.cli import main
from tests.clients.scripted_farm import JOB, FarmServer, Request, event, job_view

BOTH = [signal.SIGTERM, signal.SIGINT]


@pytest.fixture
def scene(tmp_path: Path, blend: Callable[[bytes], bytes], scripted: FarmServer) -> Path:
    """A scene that the farm has, ready to be rendered."""
    model = {"id": "m", "name": "scene", "state": "ready", "probe": {"frame_start": 1, "frame_end": 2}}
    scripted.answer("POST", "/v1/pipelines/cycles/check", {"settings": {}})
    scripted.answer("POST", "/v1/blobs/lacking", {"lacking": []})
    scripted.answer("POST", "/v1/models", model, 202)
    scripted.answer("GET", "/v1/models/m", model)
    scripted.answer("POST", "/v1/jobs", job_view("queued"), 202)
    scripted.answer("GET", "/v1/replicas", {"items": []})
    path = tmp_path / "scene.blend"
    path.write_bytes(blend(b""))
    return path


@pytest.fixture
def spec(scene: Path, scripted: FarmServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A batch of that scene; the program's signal handlers end with the program."""
    monkeypatch.setenv("RAYFARM_URL", scripted.url)
    path = scene.parent / "batch.yaml"
    path.write_text(f"scene: {scene.name}\nframes: 1-2\n")
    before = {number: signal.getsignal(number) for number in BOTH}
    yield path
    after = {number: signal.getsignal(number) for number in BOTH}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert after == before


def stop_at(server: FarmServer, method: str, path: str, number: int = signal.SIGINT) -> None:
    """The request arrives, and its sender is stopped while it waits for the answer."""
    sender = threading.main_thread().ident
    assert sender

    def strike(request: Request) -> None:
        signal.pthread_kill(sender, number)
        request.rfile.read(1)  # until the client is gone
        request.drop()

    server.on(method, path, strike)


class StopsAt(io.StringIO):
    """A screen on which a word is the moment of the signal."""

    def __init__(self, word: str, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.word, self.number = word, number

    def write(self, text: str) -> int:
        count = super().write(text)
        if self.word in text:
            signal.raise_signal(self.number)
        return count


class TestRender:
    def test_a_stop_before_the_submission_says_that_no_job_was_submitted(
        self, scene: Path, scripted: FarmServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stop_at(scripted, "POST", "/v1/models")
        assert main(["render", str(scene), "--url", scripted.url]) == 130
        assert "no job was submitted" in capsys.readouterr().err
        assert scripted.requests("POST", "/v1/jobs") == []

    def test_a_stop_while_the_farm_may_be_taking_the_job_says_so_and_how_to_look(
        self, scene: Path, scripted: FarmServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stop_at(scripted, "POST", "/v1/jobs")
        assert main(["render", str(scene), "--url", scripted.url]) == 130
        err = capsys.readouterr().err
        assert "the farm may have it. Look for 'scene'" in err
        assert f"rayfarm jobs --url {scripted.url}" in err
        assert f"rayfarm cancel JOB --url {scripted.url}" in err
        assert "no job was submitted" not in err

    def test_a_program_reads_that_it_is_not_known_whether_a_job_was_submitted(
        self, scene: Path, scripted: FarmServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stop_at(scripted, "POST", "/v1/jobs")
        assert main(["render", str(scene), "--url", scripted.url, "--json"]) == 130
        last = json.loads(capsys.readouterr().out.splitlines()[-1])
        look = f"rayfarm jobs --url {scripted.url}"
        assert last == {"interrupted": True, "job": None, "submitted": None, "look": look}

    @pytest.mark.parametrize(
        ("options", "word"),
        [([], f"job {JOB}: 2 frames"), (["--detach"], "watch it with"), (["--json"], f'"job": "{JOB}"')],
    )
    def test_a_stop_between_the_answer_and_the_watching_names_the_job(
        self,
        options: list[str],
        word: str,
        scene: Path,
        scripted: FarmServer,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(sys, "stdout", StopsAt(word))
        assert main(["render", str(scene), "--url", scripted.url, *options]) == 130
        err = capsys.readouterr().err
        assert "The job goes on without you" in err
        assert f"rayfarm watch {JOB} --out render/scene --url {scripted.url}" in err
        assert f"rayfarm cancel {JOB} --url {scripted.url}" in err

    def test_a_stop_while_it_is_watched_names_the_job(
        self, scene: Path, scripted: FarmServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("running"))
        stop_at(scripted, "GET", f"/v1/jobs/{JOB}/events")
        assert main(["render", str(scene), "--url", scripted.url]) == 130
        assert f"rayfarm cancel {JOB} --url {scripted.url}" in capsys.readouterr().err


class TestBatch:
    @pytest.mark.parametrize("number", BOTH)
    def test_a_stop_before_the_submission_says_that_nothing_was_started(
        self, number: int, spec: Path, scripted: FarmServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stop_at(scripted, "POST", "/v1/models", number)
        assert cluster.batch.main(["render", str(spec)]) == cluster.batch.STOPPED
        assert "nothing was started" in capsys.readouterr().out

    @pytest.mark.parametrize("number", BOTH)
    def test_a_stop_while_the_farm_may_be_taking_the_job_says_so_and_how_to_look(
        self, number: int, spec: Path, scripted: FarmServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stop_at(scripted, "POST", "/v1/jobs", number)
        assert cluster.batch.main(["render", str(spec)]) == cluster.batch.STOPPED
        out = capsys.readouterr().out
        assert "the farm may have it. `rayfarm jobs`" in out
        assert "nothing was started" not in out

    def test_a_stop_between_the_answer_and_the_watching_names_the_job(
        self, spec: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        screen = StopsAt(f"job {JOB}: 2 frames", signal.SIGTERM)
        monkeypatch.setattr(sys, "stdout", screen)
        assert cluster.batch.main(["render", str(spec)]) == cluster.batch.STOPPED
        assert f"`python -m cluster.batch follow {JOB}`, or end it with `rayfarm cancel {JOB}`" in screen.getvalue()

    def test_a_stop_while_it_is_watched_names_the_job(
        self, spec: Path, scripted: FarmServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scripted.on(
            "GET", f"/v1/jobs/{JOB}/events", lambda request: request.stream(event(1, "job.state", state="running"))
        )
        screen = StopsAt("job is running", signal.SIGTERM)
        monkeypatch.setattr(sys, "stdout", screen)
        assert cluster.batch.main(["render", str(spec)]) == cluster.batch.STOPPED
        assert f"rayfarm cancel {JOB}" in screen.getvalue()

    def test_a_stop_before_a_followed_job_is_found_does_not_say_that_nothing_was_started(
        self, spec: Path, scripted: FarmServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stop_at(scripted, "GET", f"/v1/jobs/{JOB}", signal.SIGTERM)
        assert cluster.batch.main(["follow", JOB]) == cluster.batch.STOPPED
        out = capsys.readouterr().out
        assert f"cluster.batch follow {JOB}" in out
        assert "nothing was started" not in out
