"""What pages of ``docs/api`` say of waiting, stills, versions and lists, run as it stands on a farm that renders."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from db.keys import create_key
from db.settings import DatabaseSettings
from jobs.access import ProjectRole
from rayfarm import Client
from tests.cluster.in_process import InProcessFarm
from tests.cluster.rest import rest

PAGES = Path(__file__).resolve().parents[2] / "docs" / "api"
LIMIT_S = 120

pytestmark = pytest.mark.usefixtures("patience")


@asynccontextmanager
async def rendering(farm: InProcessFarm, settings: DatabaseSettings, home: Path) -> AsyncIterator[dict[str, str]]:
    """What a page starts from: a farm with a worker, a key, and a model that is ready."""
    farm.start_dispatcher()
    farm.start_replica()
    async with farm.database.transaction() as tx:
        key = await create_key(tx, project_id=farm.project_id, name="pages", role=ProjectRole.ARTIST)
    model = await farm.model()
    async with rest(settings, home) as url:
        yield {"RAYFARM_URL": url, "RAYFARM_API_KEY": key.key, "model": str(model)}


async def follow(page: str, where: Path, environment: dict[str, str], *names: str) -> dict[str, str]:
    """Run a page's commands; the values of these variables at their end."""
    steps = re.findall(r"^```sh\n(.*?)^```", (PAGES / page).read_text(), re.MULTILINE | re.DOTALL)
    told = [f"printf '%s\\n' \"{name}=${name}\" >> told.txt" for name in names]
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", "\n".join([*steps, *told])),
        cwd=where,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(LIMIT_S):
        said, _ = await shell.communicate()
    assert shell.returncode == 0, said.decode()
    return dict(line.split("=", 1) for line in (where / "told.txt").read_text().splitlines()) if names else {}


async def test_the_pages_do_what_they_say(farm: InProcessFarm, settings: DatabaseSettings, tmp_path: Path) -> None:
    async with rendering(farm, settings, tmp_path) as environment:
        for name in ("waits", "versions", "lists"):
            (tmp_path / name).mkdir()

        told = await follow("waiting-and-stills.md", tmp_path / "waits", environment, "state")
        assert told == {"state": "succeeded"}
        for picture in ("linked.png", "still.png"):
            Image.open(tmp_path / "waits" / picture).load()

        told = await follow(
            "conditional-requests.md", tmp_path / "versions", environment, "unchanged", "first", "second"
        )
        assert told == {"unchanged": "304", "first": "200", "second": "412"}

        await follow("lists.md", tmp_path / "lists", environment)

        def read(name: str) -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = json.loads((tmp_path / "lists" / name).read_text())["items"]
            return items

        assert [job["name"] for job in read("found.json")] == ["opening, take 2"]
        assert [(show["name"], show["shots"]) for show in read("shows.json")] == [("dune", 1)]
        assert [shot["name"] for shot in read("shots.json")] == ["s010"]
        assert [tag["name"] for tag in read("tags.json")] == ["final", "lookdev"]


async def test_a_still_of_a_model_that_a_worker_has_loaded_is_rendered_warm(
    farm: InProcessFarm, settings: DatabaseSettings, tmp_path: Path
) -> None:
    async with rendering(farm, settings, tmp_path) as environment:

        def stills() -> list[bytes]:
            with Client(environment["RAYFARM_URL"], environment["RAYFARM_API_KEY"]) as client:
                return [client.still(environment["model"], frame) for frame in (1, 2)]

        pictures = await asyncio.to_thread(stills)
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    rows = await farm.rows("select priority_rank, warm_count, cold_count from job order by created_at")
    assert [tuple(row) for row in rows] == [(0, 0, 1), (0, 1, 0)]
