"""The programs of the database end with one sentence where they cannot do their work: somebody reads a pod's log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from db import bootstrap, migrate, wait_for_schema
from db.settings import DatabaseSettings

AWAY = "postgresql://nobody@127.0.0.1:1/none"


def _bootstrap(file: Path) -> int:
    return bootstrap.main([str(file)])


def _migrate(file: Path) -> int:
    return migrate.main()


def _wait(file: Path) -> int:
    return wait_for_schema.main(["--within", "PT0S"])


@pytest.mark.parametrize("program", [_bootstrap, _migrate, _wait])
@pytest.mark.parametrize("url", ["", "mysql://root@localhost/farm", AWAY])
def test_a_database_that_is_not_told_or_does_not_answer_is_one_sentence(
    url: str,
    program: Callable[[Path], int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RAYFARM_DATABASE_URL", url)
    assert program(tmp_path / "key") == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err
    assert "Traceback" not in told.err


def test_a_key_that_cannot_be_written_is_one_sentence(
    settings: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAYFARM_DATABASE_URL", settings.url.get_secret_value())
    assert bootstrap.main([str(tmp_path / "nowhere" / "key")]) == 1
    assert "nowhere" in capsys.readouterr().err
