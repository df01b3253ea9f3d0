"""The in-process farm on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db.settings import DatabaseSettings
from tests.cluster import in_process
from tests.cluster.in_process import InProcessFarm, in_process_farm
from tests.db.conftest import administer, databases, postgres, settings, template
from tests.pipelines.conftest import scenes

__all__ = ["administer", "databases", "postgres", "scenes", "settings", "template"]


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """For jobs whose engines compute for seconds, or import torch: on a machine of others these are minutes."""
    monkeypatch.setattr(in_process, "WAIT_S", 270.0)


@pytest.fixture
async def farm(
    settings: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[InProcessFarm]:
    """Tasks behind the frames read the same places from the environment, as Ray workers do."""
    monkeypatch.setenv("RAYFARM_DATABASE_URL", settings.url.get_secret_value())
    monkeypatch.setenv("RAYFARM_STORAGE_URL", (tmp_path / "storage").as_uri())
    monkeypatch.setenv("RAYFARM_CLUSTER_CACHE_DIR", str(tmp_path / "cache"))
    async with in_process_farm(settings, tmp_path) as farm:
        yield farm
