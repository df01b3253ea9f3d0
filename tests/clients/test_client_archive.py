"""`rayfarm zip`, and names of pictures on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rayfarm.cli import main
from rayfarm.cli.options import read_outputs
from tests.clients.scripted_farm import JOB, FarmServer, job_view

NAMING = "{show}/{frame:04d}"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_archive_gets_the_name_of_the_job_in_no_other_folder(scripted: FarmServer, here: Path) -> None:
    scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("running", name="../shot 10"))
    scripted.on("GET", f"/v1/jobs/{JOB}/archive", lambda request: request.bytes(b"PK"))
    assert main(["zip", JOB, "--url", scripted.url]) == 0
    assert files_in(here) == ["_shot 10.zip"]


def test_one_that_is_cut_off_or_refused_leaves_what_was_there(
    scripted: FarmServer, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "shot.zip").write_bytes(b"old")
    scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("running"))
    words = ["zip", JOB, "-o", "shot.zip", "--kind", "frame", "--url", scripted.url]
    scripted.in_turn(
        "GET",
        f"/v1/jobs/{JOB}/archive.*",
        lambda request: request.bytes(b"PK", promised=100),
        lambda request: request.problem(413, "too-large", "More than 10000 files."),
    )
    assert (main(words), main(words)) == (3, 2)
    assert "rayfarm sync" in capsys.readouterr().err
    assert (files_in(here), (here / "shot.zip").read_bytes()) == (["shot.zip"], b"old")
    assert all(path.endswith("?kind=frame") for _, path, _ in scripted.seen if "archive" in path)


def test_a_submit_names_its_pictures() -> None:
    outputs = read_outputs(video=False, codec=None, contact_sheet=False, naming=NAMING)
    assert outputs == {"video": None, "naming": NAMING}


def test_a_clone_with_other_names_keeps_the_other_outputs(scripted: FarmServer) -> None:
    sent: list[Any] = []
    outputs = {"video": {"codec": "av1"}, "naming": None}
    scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("succeeded", spec={"outputs": outputs}))

    def clone(request: Any) -> None:
        sent.append(json.loads(request.body))
        request.json(job_view("queued"), 202)

    scripted.on("POST", f"/v1/jobs/{JOB}/clone", clone)
    assert main(["clone", JOB, "--naming", NAMING, "--url", scripted.url]) == 0
    assert sent == [{"outputs": {"video": {"codec": "av1"}, "naming": NAMING}}]
