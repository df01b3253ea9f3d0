"""What the first opening of a model says when it breaks: only a look into the file is a verdict on the model."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.states import EndReason
from models.errors import ModelInvalid
from models.kinds import ModelKind
from models.manifest import Manifest, ManifestFile
from models.probe import ProbeReport
from pipelines.base import ModelFiles
from pipelines.errors import EngineCrashed, EngineError
from pipelines.fake.pipeline import FakePipeline
from pipelines.probe_run import probe_model
from pipelines.settings import EngineSettings

MAIN = "scene.fake"
Probe = Callable[..., Awaitable[ProbeReport]]


class Troubled(FakePipeline):
    probe_module = "tests.pipelines.troubled_probe"


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    """Probe a model that wishes for trouble."""

    async def run(*, settings: dict[str, Any] | None = None, **wishes: Any) -> ProbeReport:
        content = json.dumps(wishes).encode()
        root = tmp_path / "model"
        root.mkdir()
        (root / MAIN).write_bytes(content)
        file = ManifestFile(path=MAIN, digest="0" * 64, size_bytes=len(content))
        manifest = Manifest(kind=ModelKind.FAKE, main=MAIN, files=(file,))
        return await probe_model(
            ModelFiles(digest=manifest.digest(), root=root, main=MAIN),
            pipeline=Troubled(),
            manifest=manifest,
            workdir=tmp_path / "work",
            settings=EngineSettings(readable=(Path(__file__).parents[1],), **(settings or {})),
        )

    return run


async def test_what_an_engine_finds_in_a_file_is_a_verdict(probe: Probe) -> None:
    with pytest.raises(ModelInvalid, match="cut off") as caught:
        await probe()
    assert caught.value.remedy == "Upload it again."


async def test_a_crash_is_no_verdict_and_says_what_was_seen_and_that_the_file_may_be_damaged(probe: Probe) -> None:
    with pytest.raises(EngineCrashed, match=f"{MAIN} crashed Fake.*SIGSEGV") as caught:
        await probe(signal="SIGSEGV")
    assert "probably damaged" in (caught.value.remedy or "")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
async def test_a_probe_that_the_machine_ends_is_no_verdict_and_blames_no_file(probe: Probe, name: str) -> None:
    with pytest.raises(EngineCrashed, match=f"opening {MAIN}.*{name}") as caught:
        await probe(signal=name)
    assert "damaged" not in str(caught.value)
    assert "machine" in (caught.value.remedy or "")


async def test_a_probe_over_a_limit_is_no_verdict_and_names_the_setting(probe: Probe) -> None:
    with pytest.raises(EngineCrashed, match="threads; it may run 100") as caught:
        await probe(threads=400, for_ever=True, settings={"max_threads": 100})
    assert "RAYFARM_ENGINE_MAX_THREADS" in (caught.value.remedy or "")


async def test_a_probe_that_takes_too_long_is_no_verdict_and_names_the_setting(probe: Probe) -> None:
    with pytest.raises(EngineError, match=f"{MAIN} did not open within 0.2 s") as caught:
        await probe(for_ever=True, settings={"probe_timeout": timedelta(seconds=0.2)})
    assert caught.value.reason is EndReason.TIMEOUT
    assert "RAYFARM_ENGINE_PROBE_TIMEOUT" in (caught.value.remedy or "")


async def test_an_error_that_no_engine_foresaw_is_no_verdict(probe: Probe) -> None:
    with pytest.raises(EngineError, match="No space left on device") as caught:
        await probe(full_disk=True)
    assert caught.value.reason is EndReason.ENGINE_ERROR
