"""PostgreSQL's programs for a farm: where they find its database, and what is left of a server that was down."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from cluster.local.database import libpq_environment, main, run_program
from cluster.local.farm_file import FarmHome
from cluster.local.settings import LocalFarmSettings
from db.embedded import EmbeddedPostgres


@pytest.fixture
def home() -> Iterator[FarmHome]:
    folder = Path(tempfile.mkdtemp(prefix="rf-"))
    folder.chmod(0o755)
    yield FarmHome(folder)
    EmbeddedPostgres(root=folder / "postgres").stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_url_becomes_what_libpq_reads() -> None:
    url = "postgresql://render%40farm:p%3Aw@db.example.org:6432/farm?sslmode=verify-full&application_name=x"
    assert libpq_environment(url) == {
        "PGHOST": "db.example.org", "PGPORT": "6432", "PGUSER": "render@farm", "PGPASSWORD": "p:w",
        "PGDATABASE": "farm", "PGSSLMODE": "verify-full",
    }  # fmt: skip
    socket = libpq_environment("postgresql://farm@/farm?host=%2Frun%2Fpg&port=5433")
    assert (socket["PGHOST"], socket["PGPORT"]) == ("/run/pg", "5433")


def test_a_server_that_is_down_runs_for_as_long_as_the_program(home: FarmHome) -> None:
    settings = LocalFarmSettings(home=home.root)
    assert run_program(["psql", "-qc", "create table kept as select 7 as n"], settings=settings, home=home) == 0
    assert not EmbeddedPostgres(root=home.postgres).is_alive()
    dump = home.root / "farm.dump"
    assert run_program(["pg_dump", "-Fc", f"--file={dump}"], settings=settings, home=home) == 0
    assert dump.read_bytes()[:5] == b"PGDMP"
    assert run_program(["psql", "-qc", "select nothing"], settings=settings, home=home) != 0


def test_a_server_that_runs_is_left_running(home: FarmHome) -> None:
    server = EmbeddedPostgres(root=home.postgres).start()
    settings = LocalFarmSettings(home=home.root)
    assert run_program(["psql", "-qc", "select 1"], settings=settings, home=home) == 0
    assert server.is_alive()


def test_a_server_of_ones_own_is_asked_and_none_is_started(home: FarmHome) -> None:
    elsewhere = SecretStr("postgresql://farm:secret@db.example.org/farm")
    settings = LocalFarmSettings(home=home.root, database_url=elsewhere)
    shown = [sys.executable, "-c", "import os, sys; sys.exit(0 if os.environ['PGHOST'] == 'db.example.org' else 3)"]
    assert run_program(shown, settings=settings, home=home) == 0
    assert not home.postgres.exists()


def test_without_a_program_or_with_one_that_is_not_there_it_says_so(
    home: FarmHome, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["database", "--home", str(home.root)])
    with pytest.raises(SystemExit, match="2"):
        main()
    monkeypatch.setattr(sys, "argv", ["database", "--home", str(home.root), "--", "no-such-program"])
    assert main() == 1
    assert "no-such-program" in capfd.readouterr().err


def test_a_setting_that_is_wrong_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAYFARM_RENDER_SLOTS", "many")
    monkeypatch.setattr(sys, "argv", ["database", "--", "psql"])
    assert main() == 1
    assert "RAYFARM_RENDER_SLOTS" in capsys.readouterr().err
