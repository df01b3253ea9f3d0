"""A frame in parts against the frame in one piece."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from PIL import Image

from jobs.errors import InvalidInput
from jobs.spec import Split, SplitMode
from models.kinds import ModelKind
from models.manifest import Manifest, ManifestFile
from pipelines.base import FramePart, FrameRequest
from pipelines.cycles.pipeline import CyclesPipeline
from pipelines.cycles.settings import CyclesSettings
from pipelines.cycles.split import append_notes, border_of, read_notes, share
from pipelines.errors import EngineError
from pipelines.host import EngineHost
from pipelines.probe_run import probe_model
from pipelines.settings import EngineSettings
from tests.pipelines.conftest import StartEngine, blend

Frame = Callable[..., FrameRequest]

SAMPLES_TOLERANCE = 2e-6
"""Relative to the brightest value: means of float32 sums in another order (measured: 3e-7)."""
DENOISED_LEVELS = 1
"""Of 255: the denoiser's inner sums depend on the compiler's path (measured: 3 of 47,000 values)."""

PLAIN: dict[str, Any] = {"adaptive_sampling": False, "samples": 7}
SAMPLES_3 = Split(mode=SplitMode.SAMPLES, parts=3)
BORDERS_3 = Split(mode=SplitMode.BORDERS, parts=3)


def part_of(request: FrameRequest, split: Split, number: int) -> FrameRequest:
    return replace(request, part=FramePart(number=number, of=split.parts, mode=split.mode))


async def render_parts(host: EngineHost, frame: Frame, split: Split, wish: dict[str, Any]) -> list[Path]:
    """In reverse: no part may lean on the one before it."""
    numbers = range(split.parts)
    made = [await host.render(part_of(frame(3, **wish), split, number)) for number in reversed(numbers)]
    return [output.main for output in reversed(made)]


async def split_frame(host: EngineHost, frame: Frame, split: Split, wish: dict[str, Any], target: Path) -> Path:
    parts = await render_parts(host, frame, split, wish)
    settings = CyclesSettings.model_validate(wish)
    pipeline = CyclesPipeline()
    pipeline.check_split(settings, split)
    await asyncio.to_thread(pipeline.merge, parts, target, settings=settings, frame=3, split=split)
    return target


def light(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Every channel of every part of an EXR."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return {name: channel.pixels.copy() for part in file.parts for name, channel in part.channels.items()}


def levels(path: Path) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(path)).astype(int)


class TestBorders:
    @pytest.mark.parametrize(
        "wish",
        [
            {"format": "exr", "color_depth": 32},
            {"format": "exr", "color_depth": 16},
            {"format": "png"},
            {"format": "png", "color_depth": 16, "resolution_x": 51, "resolution_y": 37, "percentage": 100},
            {"format": "jpeg", "quality": 90},
        ],
        ids=lambda wish: "-".join(str(value) for value in wish.values()),
    )
    async def test_the_merged_frame_is_the_unsplit_one_bit_for_bit(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, tmp_path: Path, wish: dict[str, Any]
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        whole = (await host.render(frame(3, **PLAIN, **wish))).main
        merged = await split_frame(host, frame, BORDERS_3, {**PLAIN, **wish}, tmp_path / f"merged{whole.suffix}")
        if whole.suffix == ".exr":
            ours, theirs = light(merged), light(whole)
            assert ours.keys() == theirs.keys()
            assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
        else:
            assert Image.open(merged).mode == Image.open(whole).mode
            assert np.array_equal(levels(merged), levels(whole))

    async def test_colour_management_is_the_scenes_own(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, tmp_path: Path
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "look"), threads=1)
        whole = (await host.render(frame(3, **PLAIN))).main
        merged = await split_frame(host, frame, BORDERS_3, PLAIN, tmp_path / "merged.png")
        assert np.array_equal(levels(merged), levels(whole))
        plain = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        assert not np.array_equal(levels((await plain.render(frame(3, **PLAIN))).main)[..., :3], levels(whole)[..., :3])

    async def test_denoising_is_done_once_over_the_whole_frame(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, tmp_path: Path
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        wish = {**PLAIN, "denoise": True}
        whole = (await host.render(frame(3, **wish))).main
        merged = await split_frame(host, frame, BORDERS_3, wish, tmp_path / "merged.png")
        assert np.abs(levels(merged) - levels(whole)).max() <= DENOISED_LEVELS
        noisy = levels((await host.render(frame(3, **PLAIN))).main)
        assert np.abs(noisy - levels(whole)).max() > DENOISED_LEVELS

    @pytest.mark.parametrize("height", range(3, 400))
    def test_no_row_is_lost_to_the_floats_of_a_border(self, height: int) -> None:
        """Blender takes fractions as 32-bit floats, and cuts or rounds them to rows."""
        for parts in (2, 3):
            rows = [share(height, part, parts) for part in range(parts)]
            assert [row for band in rows for row in band] == list(range(height))
            for band in rows:
                low, high = (np.float32(edge) * np.float32(height) for edge in border_of(band, height))
                assert (int(low), int(high)) == (round(float(low)), round(float(high))) == (band.start, band.stop)


class TestSamples:
    @pytest.mark.parametrize("parts", [2, 3, 7])
    async def test_uneven_shares_weigh_what_they_hold(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, tmp_path: Path, parts: int
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        wish = {**PLAIN, "format": "exr", "color_depth": 32}
        whole = light((await host.render(frame(3, **wish))).main)
        split = Split(mode=SplitMode.SAMPLES, parts=parts)
        merged = light(await split_frame(host, frame, split, wish, tmp_path / "merged.exr"))
        for name, channel in whole.items():
            error = np.abs(merged[name] - channel).max() / np.abs(channel).max()
            assert error <= SAMPLES_TOLERANCE, f"{name}: {error}"

    async def test_a_denoised_picture_is_that_of_the_unsplit_frame(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, tmp_path: Path
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        wish = {**PLAIN, "denoise": True}
        whole = (await host.render(frame(3, **wish))).main
        merged = await split_frame(host, frame, SAMPLES_3, wish, tmp_path / "merged.png")
        assert np.abs(levels(merged) - levels(whole)).max() <= DENOISED_LEVELS

    async def test_the_scenes_own_number_of_samples_is_shared_out_too(
        self, start_engine: StartEngine, scenes: Path, frame: Frame
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        parts = await render_parts(host, frame, SAMPLES_3, {"adaptive_sampling": False})
        assert [len(read_notes(part).samples) for part in parts] == [1, 1, 2]

    async def test_a_part_leaves_nothing_behind_in_the_resident_scene(
        self, start_engine: StartEngine, scenes: Path, frame: Frame
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        before = levels((await host.render(frame(3, **PLAIN))).main)
        for split in (SAMPLES_3, BORDERS_3):
            await host.render(part_of(frame(3, **PLAIN), split, 1))
            assert np.array_equal(levels((await host.render(frame(3, **PLAIN))).main), before)


class TestMerge:
    async def test_the_same_parts_give_the_same_bytes(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, tmp_path: Path
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        parts = await render_parts(host, frame, SAMPLES_3, PLAIN)
        targets = [tmp_path / "one.png", tmp_path / "two.png"]
        for target in targets:
            await asyncio.to_thread(
                CyclesPipeline().merge, parts, target, settings=CyclesSettings(**PLAIN), frame=3, split=SAMPLES_3
            )
        assert targets[0].read_bytes() == targets[1].read_bytes()

    async def test_parts_that_do_not_belong_together_are_refused(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, tmp_path: Path
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        parts = await render_parts(host, frame, SAMPLES_3, PLAIN)
        other = (await host.render(part_of(frame(3, seed=9, adaptive_sampling=False, samples=8), SAMPLES_3, 2))).main
        no_part = (await host.render(frame(3, format="exr"))).main
        cut = tmp_path / "cut.exr"
        cut.write_bytes(parts[2].read_bytes()[:2000])
        append_notes(cut, read_notes(parts[2]))
        merge = CyclesPipeline().merge
        for wrong, words in (
            ([parts[1], parts[0], parts[2]], "not the 3 in order"),
            (parts[:2], "not the 3 in order"),
            ([*parts[:2], other], "different frames or settings"),
            ([*parts[:2], no_part], "is no part of a frame"),
            ([*parts[:2], cut], "is cut off"),
        ):
            with pytest.raises(InvalidInput, match=words):
                merge(wrong, tmp_path / "no.png", settings=CyclesSettings(**PLAIN), frame=3, split=SAMPLES_3)
        with pytest.raises(InvalidInput, match="different frames or settings"):
            merge(parts, tmp_path / "no.png", settings=CyclesSettings(**PLAIN), frame=4, split=SAMPLES_3)
        assert not list(tmp_path.glob("no*"))

    def test_the_engines_process_never_imports_openexr(self) -> None:
        code = "import sys, pipelines.cycles.engine, pipelines.cycles.probe, pipelines.cycles.finish, os\n"
        code += "os._exit(7 if 'OpenEXR' in sys.modules else 0)"
        done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


class TestRefusals:
    @pytest.mark.parametrize(
        ("scene", "split", "wish", "words"),
        [
            ("plain", SAMPLES_3, {}, "Adaptive sampling"),
            ("plain", SAMPLES_3, {"adaptive_sampling": False, "samples": 2}, "2 samples cannot be shared"),
            ("plain", BORDERS_3, {}, "Adaptive sampling"),
            ("plain", BORDERS_3, {**PLAIN, "resolution_y": 4, "percentage": 50}, "2 rows cannot be shared"),
            ("plain", BORDERS_3, {**PLAIN, "border": {"xmin": 0, "xmax": 0.5, "ymin": 0, "ymax": 1}}, "render region"),
            ("file_output", BORDERS_3, PLAIN, "compositor"),
            ("optix", BORDERS_3, PLAIN, "OptiX"),
        ],
    )
    async def test_a_scene_that_cannot_be_split_is_refused_by_the_engine(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, scene: str, split: Split, wish: Any, words: str
    ) -> None:
        host = await start_engine("cycles", blend(scenes, scene), threads=1)
        with pytest.raises(EngineError, match=words) as refusal:
            await host.render(part_of(frame(1, **wish), split, 0))
        assert refusal.value.remedy
        assert host.alive

    @pytest.mark.parametrize(
        ("split", "wish", "words"),
        [
            (SAMPLES_3, {"adaptive_sampling": True}, "Adaptive sampling"),
            (BORDERS_3, {"adaptive_sampling": True}, "Adaptive sampling"),
            (SAMPLES_3, {"samples": 2}, "2 samples cannot be shared out over 3"),
            (SAMPLES_3, {"border": {"xmin": 0, "xmax": 1, "ymin": 0, "ymax": 0.5, "crop": True}}, "cropped"),
            (SAMPLES_3, {"format": "exr", "multilayer": True}, "have no mean"),
            (BORDERS_3, {"format": "exr", "multilayer": True}, "without denoising"),
            (BORDERS_3, {"format": "exr", "multilayer": True, "denoise": False}, "32 bits"),
            (BORDERS_3, {"border": {"xmin": 0, "xmax": 1, "ymin": 0, "ymax": 0.5}}, "render region"),
            (BORDERS_3, {"resolution_y": 4, "percentage": 50}, "2 rows cannot be shared"),
            (BORDERS_3, {"denoiser": "optix"}, "OptiX"),
            (BORDERS_3, {"engine": "eevee"}, "EEVEE renders each frame whole"),
        ],
    )
    def test_settings_that_cannot_be_split_are_refused_before_the_job(
        self, split: Split, wish: dict[str, Any], words: str
    ) -> None:
        with pytest.raises(InvalidInput, match=words) as refusal:
            CyclesPipeline().check_split(CyclesSettings.model_validate(wish), split)
        assert refusal.value.remedy

    async def test_the_probe_tells_what_keeps_frames_in_one_piece(self, scenes: Path, workdir: Path) -> None:
        found = {}
        for name in ("plain", "file_output", "optix", "sequence", "sequence_muted"):
            files = blend(scenes, name)
            manifest = Manifest(
                kind=ModelKind.BLENDER,
                main=files.main,
                files=(ManifestFile(path=files.main, digest="a" * 64, size_bytes=1),),
            )
            report = await probe_model(
                files, pipeline=CyclesPipeline(), manifest=manifest, workdir=workdir, settings=EngineSettings()
            )
            found[name] = report.details["split_blockers"]
        assert found == {
            "plain": ("adaptive_sampling",),
            "file_output": ("adaptive_sampling", "compositing"),
            "optix": ("adaptive_sampling", "optix_denoiser"),
            "sequence": ("adaptive_sampling", "sequencer"),
            "sequence_muted": ("adaptive_sampling",),
        }

    @pytest.mark.parametrize(
        ("blockers", "split", "wish", "words"),
        [
            (["adaptive_sampling"], SAMPLES_3, {}, "Adaptive sampling"),
            (["adaptive_sampling"], SAMPLES_3, {"adaptive_sampling": False}, None),
            (["adaptive_sampling"], BORDERS_3, {}, "Adaptive sampling"),
            (["compositing"], BORDERS_3, {}, "compositor"),
            (["optix_denoiser"], BORDERS_3, {}, "OptiX"),
            (["optix_denoiser"], BORDERS_3, {"denoise": False}, None),
            (["border"], SAMPLES_3, {}, None),
            (["path_guiding"], SAMPLES_3, {}, "Path guiding"),
            ([], SAMPLES_3, {"samples": 2}, "2 samples"),
            ([], Split(mode=SplitMode.SAMPLES, parts=5), {}, "4 samples"),
            ([], Split(mode=SplitMode.BORDERS, parts=40), {}, "36 rows"),
        ],
    )
    def test_what_the_probe_found_is_refused_unless_the_settings_lift_it(
        self, blockers: list[str], split: Split, wish: dict[str, Any], words: str | None
    ) -> None:
        facts = {"samples": 4, "resolution": [64, 36, 100], "details": {"split_blockers": blockers}}
        settings = CyclesSettings.model_validate(wish)
        if words is None:
            CyclesPipeline().check_scene_split(settings, split, facts)
            return
        with pytest.raises(InvalidInput, match=words):
            CyclesPipeline().check_scene_split(settings, split, facts)
