"""`rayfarm step|steps` where the farm is a script: what is refused before it is asked, and how an end is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rayfarm.cli import main
from tests.clients.scripted_farm import JOB, FarmServer


def step_view(state: str, **more: Any) -> dict[str, Any]:
    base = {"id": 7, "job": JOB, "step": "denoise", "state": state, "request": {"step": "denoise", "frames": "1"}}
    return {**base, "result": None, "error": None, **more}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["step", JOB, "denoise", "--lut", "x.cube"], "--lut is for tonemap"),
        (["step", JOB, "denoise", "--detach", "--out", "x"], "--detach does not wait"),
        (["step", JOB, "denoise", "--out", "/proc/x"], "cannot be written"),
        (["step", JOB, "tonemap", "--lut", "absent.cube"], "cannot be read"),
        (["step", JOB, "denoise", "--set", "quality"], "is not key=value"),
        (["step", "../nodes/n1/disable?", "denoise"], "is no job's id"),
        (["step", JOB, "compare"], "--with-job JOB"),
        (["steps", JOB, "--out", "x"], "takes the files of one step"),
    ],
)
def test_a_wrong_call_is_2_before_the_farm_is_asked(
    scripted: FarmServer, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main([*words, "--url", scripted.url]) == 2
    assert said in capsys.readouterr().err
    assert scripted.seen == []


def test_a_step_that_the_farm_does_not_have_is_2(scripted: FarmServer) -> None:
    assert main(["step", JOB, "sharpen", "--url", scripted.url]) == 2


def test_a_detached_step_is_asked_for_and_left(scripted: FarmServer, capsys: pytest.CaptureFixture[str]) -> None:
    scripted.answer("POST", f"/v1/jobs/{JOB}/steps", step_view("queued"), 202)
    assert main(["step", JOB, "denoise", "--detach", "--url", scripted.url]) == 0
    assert f"rayfarm steps {JOB} 7 --url {scripted.url}" in capsys.readouterr().out
    assert scripted.requests("GET", ".*") == []


@pytest.mark.parametrize("state", ["failed", "canceled"])
def test_a_step_that_made_nothing_is_1_and_says_why(
    scripted: FarmServer, capsys: pytest.CaptureFixture[str], state: str
) -> None:
    scripted.answer("POST", f"/v1/jobs/{JOB}/steps", step_view("queued"), 202)
    views = [step_view("queued"), step_view("leased"), step_view(state, error="pyoidn is not installed.")]
    scripted.in_turn(
        "GET", f"/v1/jobs/{JOB}/steps/7", *(lambda request, view=view: request.json(view, 200) for view in views)
    )
    assert main(["step", JOB, "denoise", "--url", scripted.url]) == 1
    assert f"Step 7 {state}: pyoidn is not installed." in capsys.readouterr().err


def test_a_file_that_the_farm_has_no_more_is_named(
    scripted: FarmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = step_view("done", result={"frames": 1, "files": ["step7_a.png"]})
    scripted.answer("GET", f"/v1/jobs/{JOB}/steps/7", done)
    scripted.answer("GET", f"/v1/jobs/{JOB}/artifacts", {"items": []})
    assert main(["steps", JOB, "7", "--out", str(tmp_path), "--url", scripted.url]) == 2
    assert "such as step7_a.png" in capsys.readouterr().err
