"""`rayfarm status`: what it ends with, for scripts that wait for a farm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cluster.local.farm_file import FarmFile, FarmHome, Stage
from cluster.local.processes import ProcessMark
from rayfarm.cli import main
from rayfarm.cli.exit_codes import UNREACHABLE
from tests.clients.scripted_farm import FarmServer


def answers(server: FarmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An API with all its parts."""
    server.answer("GET", "/v1/health/ready", {"ready": True, "checks": [{"name": "database", "ok": True, "ms": 1}]})
    server.answer("GET", "/v1/replicas", {"items": []})
    server.answer("GET", "/v1/status", {"maintenance": None})
    monkeypatch.setenv("RAYFARM_URL", server.url)
    monkeypatch.setenv("RAYFARM_API_KEY", "rf_test_key")


def farm_at(stage: Stage, home: Path) -> None:
    """This process stands for the supervisor: it is alive."""
    FarmHome(home).write(FarmFile(stage=stage, supervisor=ProcessMark.of(os.getpid())))


@pytest.mark.parametrize(
    ("stage", "code"), [(Stage.READY, 0), (Stage.DEPLOY, UNREACHABLE), (Stage.REPAIRING, UNREACHABLE)]
)
def test_an_api_that_answers_does_not_make_a_farm_ready_that_still_deploys(
    stage: Stage, code: int, scripted: FarmServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers(scripted, monkeypatch)
    farm_at(stage, tmp_path)
    assert main(["status", "--home", str(tmp_path)]) == code


def test_a_farm_elsewhere_is_judged_by_its_api_alone(
    scripted: FarmServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers(scripted, monkeypatch)
    farm_at(Stage.DEPLOY, tmp_path)
    assert main(["status", "--home", str(tmp_path), "--url", scripted.url]) == 0
