"""Scenes that try to run something, to write elsewhere, or to read what is not where they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from pipelines.base import FrameRequest
from pipelines.host import EngineHost
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings
from tests.pipelines.conftest import StartEngine, blend

Frame = Callable[..., FrameRequest]


class TestScripts:
    async def test_no_text_block_handler_driver_or_style_module_runs_and_each_is_named(
        self, start_engine: StartEngine, scenes: Path, frame: Frame
    ) -> None:
        # Without Landlock: the files must be missing because nothing ran, not because nothing may write.
        host = await start_engine("cycles", confine_files=False)
        report = await host.load(blend(scenes, "scripts"))
        for number in (1, 2):
            assert (await host.render(frame(number))).main.is_file()
        assert [path.name for path in scenes.iterdir() if path.name.endswith("_ran")] == []
        named = "\n".join(report.blocked_scripts)
        assert "text block 'register_me.py'" in named
        assert "driver of object 'Cube' scale" in named
        assert "Freestyle style module 'style.py'" in named
        assert len(report.blocked_scripts) == 3, "the simple driver is no script"


class TestFileOutputNodes:
    async def test_they_write_only_into_the_frames_folder_and_become_extra_files(
        self, start_engine: StartEngine, scenes: Path, frame: Frame
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "file_output"), confine_files=False)
        requests = [frame(1), frame(2)]
        for request in requests:
            output = await host.render(request)
            assert sorted(path.parent.name for path in output.extra) == ["inner", "outer"]
            assert all(path.is_relative_to(request.scratch) for path in output.extra)
            assert all(Image.open(path).size == (64, 36) for path in output.extra)
        around = [scenes, scenes.parent, scenes.parent.parent, *(request.scratch.parent for request in requests)]
        assert [path for folder in around for path in folder.iterdir() if "escaped" in path.name] == []


class TestReading:
    async def test_a_scene_cannot_draw_the_text_of_a_file_outside_its_model(
        self, scenes: Path, workdir: Path, frame: Frame
    ) -> None:
        model = blend(scenes / "thief", "thief")
        drew = {}
        for allowed in (scenes, model.root):  # first where the file may be read: so the scene does try
            host = await EngineHost.start(
                pipeline=get_pipeline("cycles"), workdir=workdir, models=(allowed,), settings=EngineSettings()
            )
            try:
                await host.load(model)
                picture = Image.open((await host.render(frame(1))).main).convert("L")
            finally:
                await host.kill()
            assert host.sandbox is not None
            drew[allowed] = picture.getextrema()[1] > 128
        assert drew == {scenes: True, model.root: host.sandbox.files == "unconfined"}


class TestCaches:
    async def test_a_fluid_writes_its_cache_only_into_the_engines_own_folder(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, workdir: Path
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "fluid"), confine_files=False)
        for number in (1, 2):
            await host.render(frame(number, simulations="as_is"))
        assert not (scenes / "fluid_cache").exists()
        assert list(workdir.glob("engine-*/fluid-*/*")), "the fluid played, so its cache is somewhere"


class TestExternalFiles:
    async def test_a_remapped_scene_equals_the_one_whose_files_are_in_place(
        self, start_engine: StartEngine, scenes: Path, frame: Frame
    ) -> None:
        host = await start_engine("cycles")
        found = await host.load(blend(scenes, "external_found"))
        in_place = Image.open((await host.render(frame(2))).main).tobytes()
        remap = {"C:\\art\\paint.png": "files/paint.png", "/elsewhere/library.blend": "files/library.blend"}
        mapped = await host.load(blend(scenes, "external", remap))
        remapped = Image.open((await host.render(frame(2))).main).tobytes()
        assert remapped == in_place
        assert (found.warnings, mapped.warnings) == ((), ())

    async def test_files_that_are_missing_are_named(self, start_engine: StartEngine, scenes: Path) -> None:
        host = await start_engine("cycles")
        report = await host.load(blend(scenes, "external"))
        named = "\n".join(report.warnings)
        assert "paint" in named
        assert "library.blend" in named
