"""Working folders, a fake model, engine starters and the .blend files of these tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pipelines.base import FrameRequest, ModelFiles
from pipelines.host import EngineHost
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings
from tests.pipelines.diffusion_stage import SLOW_MACHINE, Stage, build_models

StartEngine = Callable[..., Awaitable[EngineHost]]
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def fake_model(tmp_path: Path) -> ModelFiles:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_text("{}")
    return ModelFiles(digest="0" * 64, root=tmp_path / "model", main="model.json")


@pytest.fixture
def frame(workdir: Path) -> Callable[..., FrameRequest]:
    """Builds a request in a scratch folder of its own."""
    made: list[int] = []

    def build(number: int = 1, **settings: Any) -> FrameRequest:
        made.append(number)
        return FrameRequest(
            id=f"frame-{len(made)}", frame=number, settings=settings, scratch=workdir / "frames" / str(len(made))
        )

    return build


@pytest_asyncio.fixture
async def start_engine(workdir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StartEngine]:
    started: list[EngineHost] = []
    models = tmp_path_factory.getbasetemp()

    async def start(name: str, model: ModelFiles | None = None, **settings: Any) -> EngineHost:
        host = await EngineHost.start(
            pipeline=get_pipeline(name), workdir=workdir, models=(models,), settings=EngineSettings(**settings)
        )
        started.append(host)
        if model is not None:
            await host.load(model)
        return host

    yield start
    for host in started:
        await host.kill()


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of small .blend files, built once in a process of its own."""
    folder = tmp_path_factory.mktemp("scenes")
    run_blender("build_scenes.py", folder)
    return folder


@pytest.fixture(scope="session")
def diffusion_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of tiny diffusion models, `sd/` and `sdxl/`, built once in a process of its own."""
    return build_models(tmp_path_factory.mktemp("diffusion"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(diffusion_models: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One diffusion engine for all tests of a module."""
    work = tmp_path_factory.mktemp("work")
    host = await EngineHost.start(
        pipeline=get_pipeline("diffusion"), workdir=work, models=(diffusion_models,), settings=SLOW_MACHINE
    )
    yield Stage(host=host, models=diffusion_models, work=work)
    await host.kill()


def run_blender(script: str, *arguments: object) -> str:
    """Run a script that imports bpy in a plain fresh process; returns what it printed."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(script)), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,  # a busy machine is no failure
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def blend(folder: Path, name: str, remap: dict[str, str] | None = None) -> ModelFiles:
    return ModelFiles(digest=name.encode().hex().ljust(64, "0"), root=folder, main=f"{name}.blend", remap=remap or {})
