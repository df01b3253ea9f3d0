"""Who is in several projects names one to each command."""

from __future__ import annotations

import pytest

from rayfarm.cli import main
from tests.clients.scripted_farm import JOB, FarmServer, job_view


def asked_in(scripted: FarmServer) -> list[str | None]:
    return [headers.get("X-Rayfarm-Project") for _, _, headers in scripted.seen]


def test_an_option_names_the_project_and_wins_over_the_environment(
    scripted: FarmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.answer("GET", "/v1/jobs", {"items": []})
    monkeypatch.setenv("RAYFARM_PROJECT", "game")
    for words in (["--project", "film"], []):
        assert main(["jobs", "--url", scripted.url, *words]) == 0
    assert asked_in(scripted) == ["film", "game"]


def test_it_holds_for_one_command_alone(scripted: FarmServer) -> None:
    scripted.answer("POST", f"/v1/jobs/{JOB}/pause", job_view("paused"))
    for words in (["--project", "film"], []):
        assert main(["pause", JOB, "--url", scripted.url, *words]) == 0
    assert asked_in(scripted) == ["film", None]


def test_lists_of_one_project_follow_the_environment_too(scripted: FarmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted.answer("GET", "/v1/projects/film/shows", {"items": []})
    monkeypatch.setenv("RAYFARM_PROJECT", "film")
    assert main(["shows", "--url", scripted.url]) == 0


def test_what_is_no_slug_is_refused_under_the_name_of_the_option(
    scripted: FarmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["jobs", "--url", scripted.url, "--project", "the film"]) == 2
    assert "--project is 'the film'" in capsys.readouterr().err
    assert scripted.seen == []


def test_the_way_back_to_a_job_names_its_project(scripted: FarmServer, capsys: pytest.CaptureFixture[str]) -> None:
    scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("running"))
    scripted.on("GET", f"/v1/jobs/{JOB}/events", lambda request: request.problem(404, "no-such-job", "No such job."))
    assert main(["watch", JOB, "--url", scripted.url, "--project", "film"]) == 2
    assert f"rayfarm watch {JOB} --url {scripted.url} --project film" in capsys.readouterr().err
