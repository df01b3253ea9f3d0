"""While the farm takes nothing, a command says at once that it waits, and why."""

from __future__ import annotations

import json

import pytest

from rayfarm.cli import main
from tests.clients.scripted_farm import JOB, FarmServer, Request, job_view

WHY = "The farm is under maintenance: new disks."


def refuse(request: Request) -> None:
    request.problem(503, "maintenance", WHY)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_wait_is_told_once_beside_the_results(
    scripted: FarmServer, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    answers = [refuse, refuse, lambda request: request.json(job_view("canceled"))]
    scripted.in_turn("POST", f"/v1/jobs/{JOB}/cancel", *answers)
    assert main(["cancel", JOB, "--url", scripted.url, *(["--json"] if as_json else [])]) == 0
    told = capsys.readouterr()
    assert told.err.count(WHY) == 1
    assert WHY not in told.out
    assert not as_json or json.loads(told.out)["state"] == "canceled"


def test_a_farm_that_stays_so_ends_the_command_with_3(scripted: FarmServer, capsys: pytest.CaptureFixture[str]) -> None:
    def much_later(request: Request) -> None:
        body = {"type": "about:blank", "status": 503, "code": "maintenance", "detail": WHY}
        request.json(body, 503, **{"Retry-After": "100000"})

    scripted.on("POST", f"/v1/jobs/{JOB}/cancel", much_later)
    assert main(["cancel", JOB, "--url", scripted.url]) == 3
    assert WHY in capsys.readouterr().err
