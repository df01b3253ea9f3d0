"""`rayfarm import-openjd` and ``Client.import_openjd`` where the farm is a script: what is sent, and what a wrong call
says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rayfarm.cli import main
from tests.clients.scripted_farm import JOB, FarmServer, job_view
from tests.jobs.openjd_templates import RENDER, with_args

MODEL = "0b2f3a52-6c1e-4a0a-9b4e-3c1f7d0f2a11"
IMPORT = "/v1/jobs:import-openjd"


@pytest.fixture
def template(tmp_path: Path) -> str:
    path = tmp_path / "shot.yaml"
    path.write_text(RENDER)
    return str(path)


def test_a_template_is_sent_as_it_stands_with_its_parameters_as_text(
    scripted: FarmServer, template: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sent: list[Any] = []
    scripted.answer("GET", f"/v1/models/{MODEL}", {"id": MODEL, "state": "ready", "kind": "blender", "name": "shot"})
    scripted.in_turn(
        "POST", IMPORT, lambda request: (sent.append(json.loads(request.body)), request.json(job_view("queued"), 202))
    )
    words = ["import-openjd", template, "--model", MODEL, "-p", "Frames=1-4", "-p", "Title=a=b", "--set", "samples=8"]
    assert main([*words, "--tag", "review", "--notify", "me", "--detach", "--url", scripted.url]) == 0
    assert sent == [
        {
            "template": RENDER,
            "parameters": {"Frames": "1-4", "Title": "a=b"},
            "model": MODEL,
            "settings": {"samples": 8},
            "priority": "normal",
            "tags": ["review"],
            "notify": {"email": ["me"], "webhook": None},
        }
    ]
    assert f"rayfarm watch {JOB}" in capsys.readouterr().out


def test_a_template_that_the_farm_refuses_is_2_in_its_words(
    scripted: FarmServer, template: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scripted.answer("GET", f"/v1/models/{MODEL}", {"id": MODEL, "state": "ready", "kind": "blender", "name": "shot"})
    refusal = "The template's command line names format already."
    scripted.in_turn("POST", IMPORT, lambda request: request.problem(422, "invalid-input", refusal))
    assert main(["import-openjd", template, "--model", MODEL, "--set", "format=png", "--url", scripted.url]) == 2
    assert "names format already" in capsys.readouterr().err


def test_a_template_that_is_not_imported_is_refused_before_its_scene_is_sent(
    scripted: FarmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shot.blend").write_bytes(b"BLENDER")
    (tmp_path / "shot.yaml").write_text(with_args("-b", "shot.blend", "-P", "evil.py", "-f", "{{Task.Param.Frame}}"))
    words = ["import-openjd", str(tmp_path / "shot.yaml"), "--scene", str(tmp_path / "shot.blend")]
    assert main([*words, "--url", scripted.url]) == 2
    assert "scripts never run on the farm" in " ".join(capsys.readouterr().err.split())
    assert scripted.seen == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--scene FILE"),
        (["--model", MODEL, "--scene", "shot.blend"], "--scene FILE"),
        (["--model", MODEL, "-p", "Frames"], "is not NAME=VALUE"),
        (["--model", MODEL, "--out", "/proc/x"], "cannot be written"),
    ],
)
def test_a_wrong_call_is_2_before_the_farm_is_asked(
    scripted: FarmServer, template: str, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["import-openjd", template, *words, "--url", scripted.url]) == 2
    assert said in capsys.readouterr().err
    assert scripted.seen == []


def test_a_file_that_is_no_text_is_no_template(
    scripted: FarmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "scene.blend"
    path.write_bytes(b"\xff\xfe\x00")
    for name, said in ((path, "no text in UTF-8"), (tmp_path / "absent.yaml", "cannot be read")):
        assert main(["import-openjd", str(name), "--model", MODEL, "--url", scripted.url]) == 2
        assert said in capsys.readouterr().err
    assert scripted.seen == []
