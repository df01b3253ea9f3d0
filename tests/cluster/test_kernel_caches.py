"""Compiled kernels are kept for each project apart, outlive their engines, and stay within bounds."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from cluster.engines import EngineRoom
from cluster.kernel_caches import KernelCaches
from cluster.settings import ClusterSettings
from jobs.spec import JobSpec
from pipelines.fake.pipeline import FakePipeline
from pipelines.settings import EngineSettings
from tests.cluster.engine_rooms import Case, storage_in


class Compiling(FakePipeline):
    """Its drivers compile, as those of cards do."""

    def kernel_folders(self) -> Mapping[str, str]:
        return {"CUDA_CACHE_PATH": "cuda"}


def caches(root: Path, *, project_bytes: int = 2**20, projects: int = 64) -> KernelCaches:
    return KernelCaches(root=root, project_bytes=project_bytes, projects=projects)


def test_a_project_finds_its_kernels_again_and_no_others(tmp_path: Path) -> None:
    ours, theirs = uuid4(), uuid4()
    (caches(tmp_path).folder_of(ours) / "kernel").write_text("code")
    assert [path.name for path in caches(tmp_path).folder_of(ours).iterdir()] == ["kernel"]
    assert list(caches(tmp_path).folder_of(theirs).iterdir()) == []


def test_a_folder_that_holds_too_much_begins_anew(tmp_path: Path) -> None:
    project = uuid4()
    kept = caches(tmp_path, project_bytes=2**16)
    (kept.folder_of(project) / "kernel").write_bytes(os.urandom(2**17))
    assert list(kept.folder_of(project).iterdir()) == []


def test_a_folder_that_an_engine_made_too_deep_begins_anew(tmp_path: Path) -> None:
    project = uuid4()
    here = caches(tmp_path).folder_of(project)
    (here / "/".join("d" * 120)).mkdir(parents=True)
    assert list(caches(tmp_path).folder_of(project).iterdir()) == []


def test_the_projects_that_rendered_longest_ago_are_forgotten_first(tmp_path: Path) -> None:
    kept = caches(tmp_path, projects=2)
    first, second, third = uuid4(), uuid4(), uuid4()
    for age, project in ((3, first), (2, second)):
        os.utime(kept.folder_of(project), (1000 - age, 1000 - age))
    kept.folder_of(first)
    kept.folder_of(third)
    assert {path.name for path in tmp_path.iterdir()} == {first.hex, third.hex}


async def test_engines_of_two_projects_send_their_drivers_to_different_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.engines.get_pipeline", lambda name: Compiling())
    case, projects = Case.fake(1), [uuid4(), uuid4()]
    told = []
    async with storage_in(tmp_path / "storage") as storage:
        await case.store(storage)
        room = EngineRoom(
            replica_id=uuid4(),
            storage=storage,
            settings=ClusterSettings(cache_dir=tmp_path / "cache"),
            engine_settings=EngineSettings(),
        )
        try:
            for project in projects:
                chunk = case.chunk(project=project)
                async with room.use(chunk, JobSpec.model_validate(chunk.spec), stop=asyncio.Event()) as lease:
                    environment = Path(f"/proc/{lease.host.pid}/environ").read_text().split("\0")
                    told += [each for each in environment if each.startswith("CUDA_CACHE_PATH=")]
        finally:
            await room.close()
    folders = [tmp_path / "cache" / "kernels" / project.hex / "cuda" for project in projects]
    assert told == [f"CUDA_CACHE_PATH={folder}" for folder in folders]
    assert all(folder.is_dir() for folder in folders)
