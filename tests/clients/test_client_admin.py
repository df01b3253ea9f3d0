"""`rayfarm admin` against the real API: what is set is there, tables for people and JSON for programs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from rayfarm.cli import main
from tests.serve_app.audited import failed_on_n1
from tests.serve_app.farm import ApiFarm

Command = Any


@pytest.fixture
def rayfarm(farm: ApiFarm, port: int, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `rayfarm admin …` with the administrator's key: exit code, output."""

    async def run(*words: str, path: str = "admin") -> tuple[int, str]:
        capsys.readouterr()
        where = ["--url", f"http://127.0.0.1:{port}", "--api-key", farm.key]
        code = await asyncio.to_thread(main, [path, *words, *where])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


async def test_maintenance_is_switched_and_status_tells_of_it(farm: ApiFarm, rayfarm: Command) -> None:
    code, told = await rayfarm("maintenance", "on", "-m", "New disks.", "--drain")
    assert (code, "hands out no work. New disks." in told) == (0, True)
    assert (await farm.http.get("/v1/maintenance")).json()["drain"]
    _, told = await rayfarm(path="status")
    assert "under maintenance, read-only, hands out no work: New disks." in told
    _, told = await rayfarm("maintenance", "off", "--json")
    assert lines(told)[0]["active"] is False
    assert "not under maintenance" in (await rayfarm("maintenance"))[1]
    assert (await rayfarm("maintenance", "off", "--drain"))[0] == 2


async def test_queues_and_blocklists_are_tables_and_json(farm: ApiFarm, rayfarm: Command) -> None:
    assert "No job waits or runs." in (await rayfarm("queues"))[1]
    job = await failed_on_n1(farm)
    await farm.execute("update job set wait_reason = 'no_capacity'")
    _, told = await rayfarm("queues")
    assert "no_capacity (1)" in told
    assert "default\t100%" in told
    [seen] = lines((await rayfarm("queues", "--json"))[1])
    assert seen["pools"][0]["name"] == "default"
    assert job in (await rayfarm("blocklists"))[1]
    assert "1 jobs may use n1 again." in (await rayfarm("blocklists", "--reset", "n1"))[1]
    assert "No machine has failed." in (await rayfarm("blocklists"))[1]


async def test_workers_restart_and_keep_hours(farm: ApiFarm, rayfarm: Command, tmp_path: Path) -> None:
    replica = str(await farm.replica())
    [told] = lines((await rayfarm("restart", replica, "--reason", "New driver.", "--json"))[1])
    assert (told["draining"], told["drain_reason"]) == (True, "New driver.")
    assert (await rayfarm("restart", "n1"))[0] == 0
    path = tmp_path / "nights.json"
    path.write_text(json.dumps({"node": "n1", "time_zone": "Europe/Berlin", "windows": [{"begin": "20:00"}]}))
    assert (await rayfarm("schedules", "nights", "--set", str(path)))[0] == 0
    _, told = await rayfarm("schedules")
    assert "20:00-24:00 Europe/Berlin" in told
    assert (await rayfarm("schedules", "nights", "--remove"))[0] == 0
    assert "None." in (await rayfarm("schedules"))[1]
    path.write_text("{")
    assert (await rayfarm("schedules", "nights", "--set", str(path)))[0] == 2


async def test_features_are_turned_off_and_on_for_some(farm: ApiFarm, rayfarm: Command) -> None:
    assert "interactive-stills\ton" in (await rayfarm("flags"))[1]
    code, told = await rayfarm("flags", "frame-splitting", "off", "-m", "Merges fail.")
    assert (code, "frame-splitting is off." in told) == (0, True)
    assert "Merges fail." in (await rayfarm("flags"))[1]
    _, told = await rayfarm("flags", "frame-splitting", "on", "--project", "default", "--percent", "5")
    assert "frame-splitting is on for 5% of projects, default." in told
    [seen] = [row for row in lines((await rayfarm("flags", "--json"))[1]) if row["name"] == "frame-splitting"]
    assert (seen["enabled"], seen["projects"], seen["percent"]) == (True, ["default"], 5)
    assert (await rayfarm("flags", "frame-splitting", "reset"))[0] == 0
    assert (await farm.http.get("/v1/flags/frame-splitting")).json()["changed_by"] is None
    assert (await rayfarm("flags", "frame-splitting"))[0] == 2
    assert (await rayfarm("flags", "frame-splitting", "off", "--percent", "5"))[0] == 2


async def test_people_projects_and_keys_come_and_go(farm: ApiFarm, rayfarm: Command) -> None:
    assert (await rayfarm("projects", "film", "--name", "Film"))[0] == 0
    assert "film\tFilm\t100" in (await rayfarm("projects"))[1]
    [invited] = lines((await rayfarm("invite", "bo@example.org", "--role", "artist", "--project", "film", "--json"))[1])
    assert invited["token"]
    await farm.person("ada@example.org")
    assert (await rayfarm("users", "ada@example.org", "--farm-role", "operator"))[0] == 0
    assert "ada@example.org\tada\toperator" in (await rayfarm("users"))[1]
    assert (await rayfarm("users", "nobody@example.org", "--disable"))[0] == 2
    [made] = lines((await rayfarm("keys", "--create", "ci", "--role", "artist", "--project", "film", "--json"))[1])
    assert made["key"].startswith("rf_")
    _, listed = await rayfarm("keys", "--project", "film")
    assert made["id"] in listed
    assert made["key"] not in listed
    assert (await rayfarm("keys", "--revoke", made["id"], "--project", "film"))[0] == 0
    assert "There is no key." in (await rayfarm("keys", "--project", "film"))[1]
