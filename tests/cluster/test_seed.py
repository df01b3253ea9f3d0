"""`make seed`: a farm with everything to look at; run again it changes nothing; never where people work."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cluster.local.seed import JOBS, PASSWORD, PEOPLE, NotForProduction, Seeder, refuse_production
from db.bootstrap import ensure_project
from db.keys import create_key
from db.settings import DatabaseSettings
from jobs.access import FarmRole
from rayfarm._config import Connection
from rayfarm.cli.output import Output
from tests.cluster.in_process import InProcessFarm
from tests.cluster.rest import rest


@pytest.fixture
async def connection(farm: InProcessFarm, settings: DatabaseSettings, tmp_path: Path) -> AsyncIterator[Connection]:
    async with farm.database.transaction() as tx:
        await ensure_project(tx, slug="default", name="Default")
        admin = await create_key(tx, project_id=None, name="bootstrap", role=FarmRole.ADMIN)
    async with rest(settings, tmp_path) as url:
        yield Connection(url=url, api_key=admin.key, source="test")


def seed(connection: Connection) -> tuple[int, Any]:
    stdout = io.StringIO()
    with Seeder(connection) as seeder:
        code = seeder.run(Output(as_json=True, stdout=stdout))
    return code, json.loads(stdout.getvalue())


async def test_a_farm_is_filled_once_and_a_second_run_finds_everything_there(
    farm: InProcessFarm, connection: Connection
) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    code, made = await asyncio.to_thread(seed, connection)
    assert {state: job["state"] for state, job in made["jobs"].items()} == {job.state: job.state for job in JOBS}
    assert code == 0
    assert set(made["keys"]) == {"aurora", "borealis"}
    again, found = await asyncio.to_thread(seed, connection)
    assert again == 0
    assert (found["jobs"], found["models"], found["keys"]) == (made["jobs"], made["models"], {})
    async with httpx.AsyncClient(base_url=connection.url, trust_env=False) as http:
        for person in PEOPLE:
            session = await http.post("/v1/auth/login", json={"email": person.email, "password": PASSWORD})
            assert session.status_code == 200, session.text
            token = {"Authorization": f"Bearer {session.json()['access_token']}"}
            me = (await http.get("/v1/me", headers=token)).json()
            assert {each["project"]: each["role"] for each in me["memberships"]} == person.roles
            assert me["farm_role"] == person.farm_role
        key = {"Authorization": f"Bearer {made['keys']['aurora']}"}
        models = (await http.get("/v1/models", headers=key)).json()["items"]
    assert {(model["name"], model["state"]) for model in models} == {
        ("Gradient", "ready"),
        ("Gradient, slow to load", "ready"),
    }


async def test_a_farm_that_people_work_with_is_refused_before_anything_is_made(
    farm: InProcessFarm, connection: Connection
) -> None:
    headers = {"Authorization": f"Bearer {connection.api_key}"}
    async with httpx.AsyncClient(base_url=connection.url, headers=headers, trust_env=False) as http:
        asked = {"email": "ada@studio.test", "role": "artist"}
        invited = (await http.post("/v1/projects/default/invitations", json=asked)).json()
        offer = {"token": invited["token"], "password": "a horse that knows no battery", "name": "Ada"}
        assert (await http.post("/v1/auth/accept", json=offer)).is_success
        with pytest.raises(NotForProduction, match="people work with it"):
            await asyncio.to_thread(seed, connection)
        projects = (await http.get("/v1/projects")).json()["items"]
    assert [project["slug"] for project in projects] == ["default"]


@pytest.mark.parametrize(
    ("url", "environ", "refused"),
    [
        ("http://127.0.0.1:8700", {}, False),
        ("http://localhost:8700", {}, False),
        ("http://[::1]:8700", {}, False),
        ("http://127.0.0.1:8700", {"RAYFARM_PROFILE": "production"}, True),
        ("https://farm.example.org", {}, True),
        ("http://127.0.0.1.example.org:8700", {}, True),
        ("http://10.0.0.4:8700", {}, True),
    ],
)
def test_only_a_farm_of_this_machine_outside_of_production_is_seeded(
    url: str, environ: dict[str, str], refused: bool
) -> None:
    connection = Connection(url=url, api_key="rf_x", source="test")
    if not refused:
        refuse_production(connection, environ)
        return
    with pytest.raises(NotForProduction):
        refuse_production(connection, environ)
