"""What ``docs/api/quickstart.md`` says, run as it stands there: from an invitation to a finished frame with curl."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import pytest
from PIL import Image

from db.bootstrap import ensure_project
from db.keys import create_key
from db.settings import DatabaseSettings
from jobs.access import FarmRole
from tests.cluster.in_process import InProcessFarm
from tests.cluster.rest import rest

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = ROOT / "docs" / "api" / "quickstart.md"
LIMIT_S = 250


@pytest.mark.usefixtures("patience")
async def test_a_new_user_gets_from_an_invitation_to_a_finished_frame_with_curl(
    farm: InProcessFarm, settings: DatabaseSettings, tmp_path: Path
) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    async with farm.database.transaction() as tx:
        await ensure_project(tx, slug="default", name="Default")
        admin = await create_key(tx, project_id=None, name="bootstrap", role=FarmRole.ADMIN)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "examples").symlink_to(ROOT / "examples")
    steps = re.findall(r"^```sh\n(.*?)^```", QUICKSTART.read_text(), re.MULTILINE | re.DOTALL)
    async with rest(settings, tmp_path) as url:
        shell = await asyncio.create_subprocess_exec(
            *("bash", "-euo", "pipefail", "-c", "\n".join(steps)),
            cwd=tmp_path / "work",
            env={**os.environ, "RAYFARM_URL": url, "RAYFARM_API_KEY": admin.key},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(LIMIT_S):
            said, _ = await shell.communicate()
    assert len(steps) == 5
    assert shell.returncode == 0, said.decode()
    assert "succeeded" in said.decode()
    picture = Image.open(tmp_path / "work" / "frame.png")
    picture.load()
    assert picture.width > picture.height > 0
    assert admin.key not in said.decode()
