"""The command as its user meets it: exit codes, words, Ctrl-C, pipes and JSON."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rayfarm import UsageError
from rayfarm.cli import main
from rayfarm.cli.options import read_maps, read_resolution, read_settings
from rayfarm.cli.output import duration
from tests.clients.scripted_farm import JOB, FarmServer, event, job_view

FRAMES = {1: b"one", 2: b"two"}
FILM = b"film"


def artifact(server: FarmServer, name: str, kind: str, content: bytes, **more: Any) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    server.on("GET", f"/files/{name}", lambda request: request.bytes(content))
    base = {"id": name, "name": name, "kind": kind, "url": f"{server.url}/files/{name}", "sha256": digest}
    return {**base, "size_bytes": len(content), **more}


def finished_job(server: FarmServer, state: str = "succeeded", message: str | None = None) -> None:
    """A job of two frames and a film, one of them reused."""
    counts = {"committed": 1, "reused": 1}
    server.answer("GET", f"/v1/jobs/{JOB}", job_view(state, counts=counts, warm=1, message=message))
    server.on(
        "GET",
        f"/v1/jobs/{JOB}/events",
        lambda request: request.stream(
            event(1, "job.state", state="running"),
            event(2, "frames.reused", frames=[{"frame": 1, "ordinal": 0}], count=1),
            event(3, "frames.committed", frames=[{"frame": 2, "ordinal": 1, "render_ms": 1500, "warm": True}]),
            event(4, "job.state", state=state, message=message),
        ),
    )
    items = [artifact(server, f"{frame:04}.png", "frame", data, frame=frame) for frame, data in FRAMES.items()]
    items.append(artifact(server, "demo.mp4", "video", FILM))
    server.answer("GET", f"/v1/jobs/{JOB}/artifacts", {"items": items, "next_cursor": None})
    server.answer("GET", "/v1/replicas", {"items": []})


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


class TestWatch:
    def test_frames_and_film_come_home_and_success_is_0(
        self, scripted: FarmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        finished_job(scripted)
        assert main(["watch", JOB, "--out", str(tmp_path / "out"), "--url", scripted.url]) == 0
        files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
        assert files == {"0001.png": b"one", "0002.png": b"two", "demo.mp4": FILM}
        out = capsys.readouterr().out
        assert "succeeded: 2/2 frames, 1 of them reused" in out
        assert "1.50 s/frame" in out
        assert "\x1b" not in out

    def test_a_second_watch_fetches_nothing_again(self, scripted: FarmServer, tmp_path: Path) -> None:
        finished_job(scripted)
        for _ in range(2):
            main(["watch", JOB, "--out", str(tmp_path), "--url", scripted.url])
        assert len(scripted.requests("GET", "/files/.*")) == 3

    def test_json_says_each_event_each_file_and_the_result(
        self, scripted: FarmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        finished_job(scripted)
        main(["watch", JOB, "--out", str(tmp_path), "--url", scripted.url, "--json"])
        lines = json_lines(capsys.readouterr().out)
        assert next(line["event"] for line in lines if "event" in line) == "job.state"
        assert {Path(line["file"]).name for line in lines if "file" in line} == {"0001.png", "0002.png", "demo.mp4"}
        assert lines[-1]["result"] == "succeeded"
        assert lines[-1]["frames"]["reused"] == 1

    @pytest.mark.parametrize("state", ["failed", "canceled"])
    def test_a_job_that_did_not_succeed_is_1_and_says_why(
        self, state: str, scripted: FarmServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        finished_job(scripted, state, "The renderer ran out of memory.")
        assert main(["watch", JOB, "--url", scripted.url]) == 1
        assert "ran out of memory" in capsys.readouterr().err

    def test_a_full_disk_or_bad_name_ends_the_watch_and_says_how_to_go_on(
        self, scripted: FarmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        finished_job(scripted)
        items = [artifact(scripted, "../evil.png", "frame", b"x", url=f"{scripted.url}/files/x")]
        scripted.answer("GET", f"/v1/jobs/{JOB}/artifacts", {"items": items})
        assert main(["watch", JOB, "--out", str(tmp_path / "out"), "--url", scripted.url]) == 2
        assert f"rayfarm watch {JOB} --out" in capsys.readouterr().err
        assert not (tmp_path / "evil.png").exists()


class TestFolder:
    @pytest.mark.parametrize("place", ["file/frames", "/proc/frames"])
    def test_one_that_cannot_be_written_is_refused_before_anything_is_sent(
        self, scripted: FarmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
    ) -> None:
        (tmp_path / "file").touch()
        words = ["render", str(tmp_path / "scene.blend"), "--out", str(tmp_path / place), "--url", scripted.url]
        assert main(words) == 2
        assert "cannot be written" in capsys.readouterr().err
        assert scripted.requests("POST", ".*") == scripted.requests("PUT", ".*") == []


class TestCtrlC:
    def test_it_leaves_the_job_running_and_says_how_to_watch_or_cancel_it(
        self, scripted: FarmServer, tmp_path: Path
    ) -> None:
        scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("running", counts={"total": 2}))
        scripted.answer("GET", "/v1/replicas", {"items": []})

        def hang(request: Any) -> None:
            request.stream(event(1, "job.state", state="running"))
            request.close_connection = False
            request.rfile.read(1)  # until the client is gone

        scripted.on("GET", f"/v1/jobs/{JOB}/events", hang)
        process = subprocess.Popen(
            [sys.executable, "-m", "rayfarm", "watch", JOB, "--out", str(tmp_path), "--url", scripted.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert process.stdout
        assert "running" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "The job goes on without you" in err
        assert f"rayfarm watch {JOB} --out {tmp_path} --url {scripted.url}" in err
        assert f"rayfarm cancel {JOB} --url {scripted.url}" in err
        assert "Traceback" not in err
        assert scripted.requests("POST", ".*") == []


class TestExitCodes:
    def test_no_farm_named_is_2(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["jobs"]) == 2
        assert "rayfarm up" in capsys.readouterr().err

    def test_a_farm_that_does_not_answer_is_3(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["jobs", "--url", "http://127.0.0.1:1"]) == 3
        err = capsys.readouterr().err
        assert err.startswith("error: The farm at http://127.0.0.1:1 does not answer")
        assert "  fix: " in err

    def test_a_refusal_is_2_with_cause_and_remedy(
        self, scripted: FarmServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        scripted.on("GET", "/v1/jobs", lambda request: request.problem(401, "unauthorized", "A key is required."))
        assert main(["jobs", "--url", scripted.url]) == 2
        err = capsys.readouterr().err
        assert "A key is required." in err
        assert "RAYFARM_API_KEY" in err

    def test_errors_are_json_for_programs(self, capsys: pytest.CaptureFixture[str]) -> None:
        main(["jobs", "--url", "http://127.0.0.1:1", "--json"])
        assert json_lines(capsys.readouterr().out)[0]["error"]["code"] == "unreachable"

    @pytest.mark.parametrize("words", [["nonsense"], ["render"], ["render", "x.blend", "--samples", "none"]])
    def test_a_wrong_command_line_is_2(self, words: list[str]) -> None:
        assert main(words) == 2

    @pytest.mark.parametrize(
        "options",
        [
            ["--frames", "10-1:2"],
            ["--frames", ""],
            ["--set", "x"],
            ["--resolution", "big"],
            ["--map", "x"],
            ["--split", "4"],
        ],
    )
    def test_a_bad_value_is_2_before_the_farm_is_asked(
        self, options: list[str], scripted: FarmServer, tmp_path: Path
    ) -> None:
        assert main(["render", str(tmp_path / "x.blend"), "--url", scripted.url, *options]) == 2
        assert scripted.requests("PUT", ".*") == scripted.requests("POST", ".*") == []

    def test_help_and_version_are_0(self) -> None:
        assert main(["render", "--help"]) == main(["version"]) == 0


class TestLists:
    def test_jobs_are_tab_separated_in_a_pipe(self, scripted: FarmServer, capsys: pytest.CaptureFixture[str]) -> None:
        items = [job_view("succeeded", id="a", counts={"committed": 2}), job_view("queued", id="b")]
        scripted.answer("GET", "/v1/jobs", {"items": items, "next_cursor": None})
        assert main(["jobs", "--url", scripted.url]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split("\t")[:3] for line in lines[1:]] == [["a", "succeeded", "2/2"], ["b", "queued", "0/2"]]

    def test_a_name_cannot_steer_the_terminal_or_forge_a_row(
        self, scripted: FarmServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        name = "\x1b]0;title\x07\x1b[31mred\x1b[2K\rfake\nrow\tcell\u202e"
        scripted.answer("GET", "/v1/jobs", {"items": [job_view("queued", id="a", name=name)], "next_cursor": None})
        assert main(["jobs", "--url", scripted.url]) == 0
        out = capsys.readouterr().out
        assert not set(out) & set("\x1b\x07\r\u202e")
        assert [line.count("\t") for line in out.splitlines()] == [out.splitlines()[0].count("\t")] * 2

    def test_a_job_says_why_it_waits(self, scripted: FarmServer, capsys: pytest.CaptureFixture[str]) -> None:
        wait = {"reason": "no_capacity", "words": "Every worker is busy."}
        scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("queued", wait=wait))
        scripted.answer("GET", f"/v1/jobs/{JOB}/artifacts", {"items": []})
        main(["show", JOB, "--url", scripted.url])
        assert "Every worker is busy." in capsys.readouterr().out

    def test_logs_print_the_attempts_at_frames_that_failed(
        self, scripted: FarmServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("failed", counts={"failed": 1}))
        scripted.answer("GET", f"/v1/jobs/{JOB}/frames", {"items": [{"frame": 7, "state": "failed"}]})
        attempt = {"outcome": "engine_error", "message": "No camera", "log": "line one\nline two\n"}
        scripted.answer("GET", f"/v1/jobs/{JOB}/frames/7/attempts", {"items": [attempt]})
        main(["logs", JOB, "--url", scripted.url])
        out = capsys.readouterr().out
        assert "frame 7  engine_error  No camera" in out
        assert "    line two" in out


class TestOptions:
    def test_settings_are_json_where_they_can_be_and_nest_by_dots(self) -> None:
        pairs = ["samples=64", "denoise=false", "camera=Cam A", "border.xmin=0.25", "border.crop=true", "x=a=b"]
        assert read_settings(pairs) == {
            "samples": 64,
            "denoise": False,
            "camera": "Cam A",
            "border": {"xmin": 0.25, "crop": True},
            "x": "a=b",
        }

    def test_a_setting_inside_a_plain_value_is_refused(self) -> None:
        with pytest.raises(UsageError):
            read_settings(["border=1", "border.xmin=0.5"])

    def test_a_resolution_is_two_numbers(self) -> None:
        assert read_resolution("640x360") == (640, 360)

    def test_maps_split_at_the_first_equals_sign(self) -> None:
        assert read_maps(["P:/a=/mnt/a=b"]) == [("P:/a", "/mnt/a=b")]

    @pytest.mark.parametrize(
        ("seconds", "words"), [(0.4, "0.40 s"), (59.94, "59.9 s"), (245, "4:05"), (3723, "1:02:03")]
    )
    def test_durations_read_well(self, seconds: float, words: str) -> None:
        assert duration(seconds) == words
