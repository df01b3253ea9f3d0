"""Parts of a frame come from engines: their headers are held against limits before any pixel is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest

from jobs.errors import InvalidInput
from jobs.spec import Split, SplitMode
from pipelines.base import FramePart
from pipelines.cycles import merge as cycles_merge
from pipelines.cycles.pipeline import CyclesPipeline
from pipelines.cycles.settings import CyclesSettings
from pipelines.cycles.split import ColourNotes, FileNotes, FrameNotes, PartNotes, append_notes
from pipelines.mitsuba import picture
from pipelines.mitsuba.merge import write_part
from pipelines.mitsuba.picture import Layers
from pipelines.mitsuba.pipeline import MitsubaPipeline
from pipelines.mitsuba.settings import MitsubaSettings

WIDTH, HEIGHT = 8, 6
SPLIT = Split(parts=2, mode=SplitMode.SAMPLES)
BORDERS = Split(parts=2, mode=SplitMode.BORDERS)
Opened = list[bool]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Per file that is opened: only its header?"""
    calls: Opened = []
    real = OpenEXR.File

    def spy(*arguments: Any, **options: Any) -> Any:
        if isinstance(arguments[0], str):
            calls.append(bool(options.get("header_only")))
        return real(*arguments, **options)

    monkeypatch.setattr(OpenEXR, "File", spy)
    return calls


def planes(channels: int) -> Layers:
    names = ["R", "G", "B", *(f"extra{number:04d}.V" for number in range(channels - 3))]
    return {name: np.full((HEIGHT, WIDTH), 0.5, np.float32) for name in names}


def mitsuba_parts(folder: Path, *, channels: int = 3) -> list[Path]:
    paths = [folder / f"part_{number}.exr" for number in range(SPLIT.parts)]
    for number, path in enumerate(paths):
        part = FramePart(number=number, of=SPLIT.parts, mode=SPLIT.mode)
        write_part(path, planes(channels), frame=1, part=part, samples=4)
    return paths


def merge_mitsuba(folder: Path, parts: list[Path], **settings: int) -> Path:
    target = folder / "frame.png"
    MitsubaPipeline().merge(parts, target, settings=MitsubaSettings(**settings), frame=1, split=SPLIT)
    return target


class TestMitsuba:
    def test_honest_parts_merge(self, tmp_path: Path) -> None:
        assert merge_mitsuba(tmp_path, mitsuba_parts(tmp_path), width=WIDTH, height=HEIGHT).is_file()

    def test_a_thousand_channels_are_refused_by_the_header(self, tmp_path: Path, opened: Opened) -> None:
        parts = mitsuba_parts(tmp_path, channels=1_100)
        opened.clear()
        with pytest.raises(InvalidInput, match="1100 channels"):
            merge_mitsuba(tmp_path, parts)
        assert opened == [True]

    def test_so_is_what_takes_more_memory_than_the_limit(
        self, tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parts = mitsuba_parts(tmp_path, channels=10)
        needed = WIDTH * HEIGHT * 4 * 10
        monkeypatch.setattr(picture, "READ_LIMIT_BYTES", needed)
        merge_mitsuba(tmp_path, parts)
        monkeypatch.setattr(picture, "READ_LIMIT_BYTES", needed - 1)
        opened.clear()
        with pytest.raises(InvalidInput, match=f"{needed} bytes decoded"):
            merge_mitsuba(tmp_path, parts)
        assert opened == [True]

    def test_so_is_another_size_than_the_job_asks_for(self, tmp_path: Path, opened: Opened) -> None:
        parts = mitsuba_parts(tmp_path)
        opened.clear()
        with pytest.raises(InvalidInput, match=f"{WIDTH}x{HEIGHT} pixels, not 64x48"):
            merge_mitsuba(tmp_path, parts, width=64, height=48)
        assert opened == [True]

    def test_a_part_that_is_cut_off_is_refused(self, tmp_path: Path) -> None:
        parts = mitsuba_parts(tmp_path)
        parts[1].write_bytes(parts[1].read_bytes()[:-30])
        with pytest.raises(InvalidInput, match="cut off"):
            merge_mitsuba(tmp_path, parts)


def cycles_parts(folder: Path, *, channels: int = 3) -> list[Path]:
    """Of a frame that keeps its layers, which needs no Blender to be merged."""
    whole = FrameNotes(
        frame=1,
        parts=BORDERS.parts,
        mode=BORDERS.mode,
        samples=1,
        size=(WIDTH, HEIGHT),
        layer="ViewLayer",
        denoise=None,
        colour=ColourNotes(
            display_device="sRGB",
            view_transform="Standard",
            look="None",
            exposure=0,
            gamma=1,
            use_white_balance=False,
            white_balance_temperature=6500,
            white_balance_tint=10,
            dither_intensity=0,
        ),
        file=FileNotes(
            file_format="OPEN_EXR_MULTILAYER",
            color_mode="RGBA",
            color_depth="32",
            quality=90,
            compression=15,
            exr_codec="ZIP",
            linear_space=None,
        ),
        multilayer=True,
    )
    paths = [folder / f"part_{number}.exr" for number in range(BORDERS.parts)]
    for number, path in enumerate(paths):
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        OpenEXR.File(header, planes(channels)).write(str(path))
        append_notes(path, PartNotes(whole=whole, number=number))
    return paths


def merge_cycles(folder: Path, parts: list[Path], **settings: int) -> Path:
    target = folder / "frame.exr"
    asked = CyclesSettings.model_validate({"format": "exr", "multilayer": True, **settings})
    CyclesPipeline().merge(parts, target, settings=asked, frame=1, split=BORDERS)
    return target


class TestCycles:
    def test_honest_parts_merge(self, tmp_path: Path) -> None:
        size = {"resolution_x": WIDTH, "resolution_y": HEIGHT, "percentage": 100}
        assert merge_cycles(tmp_path, cycles_parts(tmp_path), **size).is_file()

    def test_thousands_of_channels_are_refused_by_the_header(self, tmp_path: Path, opened: Opened) -> None:
        parts = cycles_parts(tmp_path, channels=cycles_merge.MAX_CHANNELS + 1)
        opened.clear()
        with pytest.raises(InvalidInput, match="2001 channels"):
            merge_cycles(tmp_path, parts)
        assert opened == [True]

    def test_so_is_what_takes_more_memory_than_the_limit(
        self, tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parts = cycles_parts(tmp_path, channels=10)
        needed = WIDTH * HEIGHT * 4 * 10
        monkeypatch.setattr(cycles_merge, "PART_LIMIT_BYTES", needed)
        merge_cycles(tmp_path, parts)
        monkeypatch.setattr(cycles_merge, "PART_LIMIT_BYTES", needed - 1)
        opened.clear()
        with pytest.raises(InvalidInput, match=f"{needed} bytes decoded"):
            merge_cycles(tmp_path, parts)
        assert opened == [True]

    def test_so_is_another_size_than_the_job_asks_for(self, tmp_path: Path, opened: Opened) -> None:
        parts = cycles_parts(tmp_path)
        opened.clear()
        with pytest.raises(InvalidInput, match=f"{WIDTH}x{HEIGHT} pixels; the job's settings ask for 64x48"):
            merge_cycles(tmp_path, parts, resolution_x=64, resolution_y=48, percentage=100)
        assert opened == []
