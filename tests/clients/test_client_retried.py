"""`rayfarm show` and `rayfarm watch` say that tries fail while the job runs."""

from __future__ import annotations

import pytest

from rayfarm.cli import main
from rayfarm.cli.output import Output
from rayfarm.cli.views import PlainView
from rayfarm.following import Figures
from rayfarm.types import Job
from tests.clients.scripted_farm import JOB, FarmServer, job_view

RETRIED = {"tries": 2, "reason": "infra", "message": "The engine did not start within 180 s."}
WORDS = "2: The engine did not start within 180 s."


def test_show_says_how_often_and_why(scripted: FarmServer, capsys: pytest.CaptureFixture[str]) -> None:
    scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("running", retried=RETRIED))
    scripted.answer("GET", f"/v1/jobs/{JOB}/artifacts", {"items": []})
    assert main(["show", JOB, "--url", scripted.url]) == 0
    assert f"retried   {WORDS}" in capsys.readouterr().out


def test_watch_says_so_once_for_each_try(capsys: pytest.CaptureFixture[str]) -> None:
    view = PlainView(Output())
    for retried in (None, RETRIED, RETRIED):
        view.show(Figures(job=Job.read(job_view("running", retried=retried))))
    assert capsys.readouterr().out.count(f"retried {WORDS}") == 1
