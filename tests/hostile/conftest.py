"""The awkward scenes, written once by Blender, a way to probe a folder of files, and the in-process farm."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from models.kinds import kind_of
from models.manifest import Manifest, ManifestFile
from models.probe import ProbeReport
from pipelines.base import LoadReport, ModelFiles
from pipelines.host import EngineHost
from pipelines.probe_run import probe_model
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings
from tests.cluster.conftest import administer, databases, farm, patience, postgres, settings, template

__all__ = ["administer", "databases", "farm", "patience", "postgres", "settings", "template"]

Attack = Callable[..., Awaitable[dict[str, Any]]]
StartAttack = Callable[..., Awaitable[tuple[EngineHost, Coroutine[Any, Any, LoadReport]]]]
Probe = Callable[..., Awaitable[ProbeReport]]


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for each recipe of `blends.py`."""
    folder = tmp_path_factory.mktemp("scenes")
    script = Path(__file__).with_name("blends.py")
    done = subprocess.run([sys.executable, str(script), str(folder)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def start_attack(tmp_path: Path) -> StartAttack:
    """Start one attack in an engine of its own: the engine's host, and what will be reported. Kill it afterwards."""

    async def start(
        name: str,
        *,
        settings: dict[str, Any] | None = None,
        pipeline: str = "fake",
        kernels: Path | None = None,
        **wishes: Any,
    ) -> tuple[EngineHost, Coroutine[Any, Any, LoadReport]]:
        root = tmp_path / "projects" / "ours"
        root.mkdir(parents=True, exist_ok=True)
        (root / "model.json").write_text(json.dumps({"attack": name, **wishes}))
        host = await EngineHost.start(
            pipeline=get_pipeline(pipeline),
            workdir=tmp_path / "work",
            models=(root, Path(__file__).parents[1]),
            settings=EngineSettings(**(settings or {})),
            engine_module="tests.hostile.attack_engine",
            kernels=kernels,
        )
        return host, host.load(ModelFiles(digest="0" * 64, root=root, main="model.json"))

    return start


@pytest.fixture
def attack(start_attack: StartAttack) -> Attack:
    """Run one attack to its end; what it reports: ``worked`` or ``refused``."""

    async def run(name: str, **wishes: Any) -> dict[str, Any]:
        host, report = await start_attack(name, **wishes)
        try:
            return dict((await report).details)
        finally:
            await host.kill()

    return run


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    """Probe a model made of local files: `await probe({"scene.blend": path, …}, remap={…})`, the first is the main."""

    async def run(files: dict[str, Path], *, remap: dict[str, str] | None = None) -> ProbeReport:
        root = tmp_path / "model"
        shutil.rmtree(root, ignore_errors=True)
        entries = []
        for path, source in files.items():
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)
            data = place.read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            entries.append(ManifestFile(path=path, digest=digest, size_bytes=len(data)))
        main = next(iter(files))
        manifest = Manifest(kind=kind_of(main), main=main, files=tuple(entries), remap=dict(remap or {}))
        return await probe_model(
            ModelFiles(digest=manifest.digest(), root=root, main=manifest.main, remap=manifest.remap),
            pipeline=get_pipeline("cycles"),
            manifest=manifest,
            workdir=tmp_path / "work",
            settings=EngineSettings(),
        )

    return run
