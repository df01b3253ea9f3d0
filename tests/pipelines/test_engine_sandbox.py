"""What a child may see and do, asked of a real child."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pipelines.base import ModelFiles
from pipelines.host import EngineHost
from pipelines.registry import get_pipeline
from pipelines.sandbox import session_nice
from pipelines.settings import EngineSettings
from tests.pipelines.conftest import REPOSITORY, StartEngine


async def look_inside(workdir: Path, **settings: Any) -> tuple[EngineHost, dict[str, Any]]:
    """Start an engine that reports on its own confinement: a model beside a secret, and its own folder."""
    model = ModelFiles(digest="0" * 64, root=workdir.parent / "model", main="main")
    model.root.mkdir(exist_ok=True)
    model.main_path.write_text("model")
    (model.root.parent / "secret").write_text("secret")
    host = await EngineHost.start(
        pipeline=get_pipeline("fake"),
        workdir=workdir,
        models=(model.root, Path(__file__).parents[1]),
        settings=EngineSettings(**settings),
        engine_module="tests.pipelines.confinement_engine",
    )
    try:
        report = await host.load(model)
    finally:
        await host.kill()
    return host, dict(report.details)


@asynccontextmanager
async def changing(folder: Path) -> AsyncIterator[None]:
    """Something in it is written all the time."""

    async def change() -> None:
        while True:
            os.utime(folder)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(change())
    try:
        yield
    finally:
        task.cancel()


class TestEnvironment:
    async def test_a_secret_of_the_parent_is_not_visible_in_the_child(
        self, workdir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RAYFARM_STORAGE_SIGNING_KEY", "secret-4711")
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
        _, facts = await look_inside(workdir)
        assert "secret-4711" not in str(facts["environment"])
        assert "OMP_NUM_THREADS" not in facts["environment"]
        assert facts["environment"]["CUDA_VISIBLE_DEVICES"] == "3"

    async def test_only_the_protocol_socket_is_inherited(self, workdir: Path) -> None:
        with (workdir / "open-in-parent").open("w") as held:
            os.set_inheritable(held.fileno(), True)
            _, facts = await look_inside(workdir)
        assert not any("open-in-parent" in target for target in facts["files"])

    @pytest.mark.parametrize("pipeline", ["mitsuba", "diffusion"])
    async def test_an_engine_finds_its_readers_while_the_folder_of_the_code_changes(
        self, start_engine: StartEngine, pipeline: str
    ) -> None:
        """A folder that changed is listed again before the next import, and a confined child may not list this one."""
        async with changing(REPOSITORY):
            assert (await start_engine(pipeline)).alive

    async def test_an_engine_of_another_package_is_found_while_the_folder_of_the_code_changes(
        self, workdir: Path
    ) -> None:
        async with changing(REPOSITORY):
            _, facts = await look_inside(workdir)
        assert facts["interfaces"]

    async def test_the_child_imports_nothing_from_its_writable_folder(self, workdir: Path) -> None:
        _, facts = await look_inside(workdir)
        assert not any(Path(entry).is_relative_to(workdir) for entry in facts["import_path"] if entry)
        assert "" not in facts["import_path"]


class TestLimits:
    async def test_limits_are_in_force(self, workdir: Path) -> None:
        host, facts = await look_inside(workdir, max_open_files=512, nice=7, oom_score_adj=600)
        assert facts["core"] == [0, 0]
        assert facts["open_files"] == [512, 512]
        assert facts["nice"] == min(19, os.nice(0) + 7)
        assert facts["oom_score_adj"] >= 600
        assert facts["no_new_privileges"] == "1"
        assert int(facts["capabilities"], 16) == 0
        assert host.sandbox is not None
        assert host.sandbox.nice == facts["nice"]
        assert resource.getrlimit(resource.RLIMIT_NOFILE) != (512, 512)

    @pytest.mark.skipif(session_nice(os.getpid()) is None, reason="this kernel does not weigh sessions")
    async def test_the_engines_session_is_as_nice_as_the_engine(self, start_engine: StartEngine) -> None:
        """The kernel weighs sessions first, and an engine leads one of its own."""
        host = await start_engine("fake", nice=7)
        wanted = min(19, os.nice(0) + 7)
        assert Path(f"/proc/{host.pid}/autogroup").read_text().split()[-2:] == ["nice", str(wanted)]
        assert host.sandbox is not None
        assert host.sandbox.session_nice == wanted

    async def test_the_reported_network_is_the_one_in_force(self, workdir: Path) -> None:
        host, facts = await look_inside(workdir)
        assert host.sandbox is not None
        assert (host.sandbox.network == "none") == (facts["interfaces"] == ["lo"])
        host, facts = await look_inside(workdir, unshare_network=False)
        assert host.sandbox is not None
        assert host.sandbox.network == "shared"

    async def test_the_reported_confinement_of_files_is_the_one_in_force(self, workdir: Path) -> None:
        host, facts = await look_inside(workdir)
        assert host.sandbox is not None
        assert facts["wrote_home"] is True
        assert facts["read_model"] is True
        confined = host.sandbox.files == "confined"
        outside = ("wrote_outside", "read_outside", "listed_outside", "read_parents_environment")
        assert {name: facts[name] for name in outside} == dict.fromkeys(outside, not confined)
        host, facts = await look_inside(workdir, confine_files=False)
        assert host.sandbox is not None
        assert host.sandbox.files == "unconfined"
        assert {facts[name] for name in outside[:3]} == {True}

    async def test_a_folder_that_the_operator_names_can_be_read_and_not_written(self, workdir: Path) -> None:
        host, facts = await look_inside(workdir, readable=(workdir.parent,))
        assert host.sandbox is not None
        assert facts["read_outside"] is True
        assert facts["wrote_outside"] is (host.sandbox.files == "unconfined")
