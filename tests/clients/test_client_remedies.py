"""What the command line refuses by itself names the option that mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rayfarm.cli import main
from tests.clients.scripted_farm import FarmServer


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["jobs", "--state", "done"], "succeeded"),
        (["render", "scene.blend", "--shot", "s010"], "--show NAME"),
        (["import-openjd", "shot.yaml", "--model", "m", "--shot", "s010"], "--show NAME"),
        (["admin", "invite", "ada@example.org", "--role", "artist"], "--project SLUG"),
    ],
)
def test_a_wrong_call_is_2_before_the_farm_is_asked(
    scripted: FarmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main([*words, "--url", scripted.url]) == 2
    assert said in capsys.readouterr().err
    assert scripted.seen == []


def test_a_project_that_is_not_there_is_named_by_the_option(
    scripted: FarmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    scripted.on("POST", "/v1/projects/flim/invitations", lambda request: request.problem(404, "not-found", "No such."))
    words = ["admin", "invite", "ada@example.org", "--role", "artist", "--project", "flim"]
    assert main([*words, "--url", scripted.url]) == 2
    assert "--project" in capsys.readouterr().err
