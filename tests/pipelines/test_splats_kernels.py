"""Compiled kernels: built by a process that sees no scene, copied by engines, and changed by none of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.base import FrameRequest, ModelFiles
from pipelines.host import EngineHost
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings
from pipelines.splats import build_kernels
from pipelines.splats.build_kernels import KEPT_BUILDS, build, start_build
from pipelines.splats.kernel_cache import OWN_FOLDER, built_kernels, kernel_cache
from pipelines.splats.pipeline import SplatsPipeline
from tests.pipelines.conftest import StartEngine
from tests.pipelines.splat_files import make_cloud, ply_bytes, write

SIZE = {"width": 64, "height": 48}
COMPILED = ("*.nbi", "*.nbc")
"""Numba's indexes (pickles), and machine code."""


@pytest.fixture
def ball(tmp_path: Path) -> ModelFiles:
    write(tmp_path / "ball", "ball.ply", ply_bytes(make_cloud(300)))
    return ModelFiles(digest="b" * 64, root=tmp_path / "ball", main="ball.ply")


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """As on a machine that has compiled nothing yet; what is built in the background ends with the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(build_kernels, "_builders", [])
    yield kernel_cache()
    for builder in build_kernels._builders:
        builder.kill()
        builder.wait()


def files_of(folder: Path) -> dict[Path, tuple[int, int]]:
    """Relative path of each compiled file -> size and time of change."""
    found = [path for pattern in COMPILED for path in folder.rglob(pattern)]
    return {path.relative_to(folder): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def contents_of(folder: Path) -> dict[Path, bytes]:
    return {path: (folder / path).read_bytes() for path in files_of(folder)}


async def test_an_engine_compiles_nothing_that_is_built(
    start_engine: StartEngine, ball: ModelFiles, frame: Callable[..., FrameRequest], workdir: Path
) -> None:
    kernels = build()
    before = files_of(kernels)
    assert before
    host = await start_engine("splats", ball)
    for settings in ({}, {"depth": True}, {"antialiased": True, "sh_degree": 0}, {"cameras": {"type": "orbit"}}):
        await host.render(frame(1, **SIZE, **settings))
    [own] = workdir.rglob(f"{OWN_FOLDER}*")
    assert contents_of(own) == contents_of(kernels)  # it is a copy, and Numba has added nothing to it
    assert files_of(kernels) == before


@pytest.mark.slow
async def test_an_engine_on_a_fresh_machine_compiles_for_itself_alone(
    start_engine: StartEngine,
    ball: ModelFiles,
    frame: Callable[..., FrameRequest],
    workdir: Path,
    empty_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(build_kernels, "_spawn", lambda cache: pytest.fail("a second builder"))
    build_kernels._builders.append(Sleeper())
    host = await start_engine("splats", ball)
    assert (await host.render(frame(1, **SIZE))).main.is_file()
    [own] = workdir.rglob(f"{OWN_FOLDER}*")
    assert files_of(own)
    assert not files_of(empty_cache)


class Sleeper:
    """A builder that does not end."""

    def poll(self) -> None:
        return None

    def kill(self) -> None:
        return None

    def wait(self) -> int:
        return 0


async def test_no_engine_can_change_or_add_a_kernel(workdir: Path, ball: ModelFiles, empty_cache: Path) -> None:
    """The attacker has taken over the engine: it runs any Python in the place of a scene's renderer."""
    built = built_kernels()
    built.mkdir(parents=True)
    (built / "raster.blend.nbi").write_bytes(b"as built")
    build_kernels._builders.append(Sleeper())
    host = await EngineHost.start(
        pipeline=get_pipeline("splats"),
        workdir=workdir,
        models=(ball.root, Path(__file__).parents[1]),
        settings=EngineSettings(),
        engine_module="tests.pipelines.kernel_poisoner",
    )
    try:
        if host.sandbox is None or host.sandbox.files != "confined":
            pytest.skip("this kernel has no Landlock")
        facts = (await host.load(ball)).details
    finally:
        await host.kill()
    assert facts["read"] == "as built"
    assert facts["refused"] == ["overwrite", "append", "add", "replace", "delete", "rename folder", "new build"]
    assert (built / "raster.blend.nbi").read_bytes() == b"as built"
    assert sorted(path.name for path in empty_cache.iterdir()) == [built.name]


def test_a_build_that_ends_early_is_not_there_and_is_not_tried_again_by_this_process(empty_cache: Path) -> None:
    start_build()
    start_build()
    [builder] = build_kernels._builders
    builder.kill()
    builder.wait()
    start_build()
    assert build_kernels._builders == [builder]
    assert not built_kernels().exists()


def test_a_build_leaves_neither_what_a_killed_one_left_nor_ever_more_versions(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [f"{OWN_FOLDER}killed", *(f"{number:016x}" for number in range(KEPT_BUILDS + 1))]
    for age, name in enumerate(folders):
        (empty_cache / name).mkdir(parents=True)
        os.utime(empty_cache / name, (age, age))
    build_kernels._make_room()
    assert sorted(path.name for path in empty_cache.iterdir()) == folders[3:]  # with the next one KEPT_BUILDS


def test_pipelines_that_share_compiled_code_let_no_engine_write_it() -> None:
    assert get_pipeline("splats").shared_paths() == get_pipeline("mitsuba").shared_paths() == ()
    assert SplatsPipeline().trusted_paths() == (kernel_cache(),)
