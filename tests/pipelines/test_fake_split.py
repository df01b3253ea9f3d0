"""A fake frame is the same bytes, rendered whole or in parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.errors import InvalidInput
from jobs.spec import Split, SplitMode
from pipelines.base import FramePart, FrameRequest
from pipelines.fake.engine import create_engine
from pipelines.fake.pipeline import FakePipeline
from pipelines.fake.settings import FakeSettings
from pipelines.protocol import RenderCommand, parse_command

SETTINGS = FakeSettings(width=23, height=11, seed=7, samples=10)


def rendered(tmp_path: Path, settings: FakeSettings, frame: int, part: FramePart | None = None) -> Path:
    engine = create_engine()
    engine._model = object()  # type: ignore[assignment]  # the fake engine looks at nothing of it
    scratch = tmp_path / (f"part-{part.mode}-{part.number}-{part.of}" if part else f"whole-{frame}")
    scratch.mkdir()
    request = FrameRequest(id="x", frame=frame, settings=settings.model_dump(mode="json"), scratch=scratch, part=part)
    return engine.render(request, lambda *_: None).main


def parts_of(tmp_path: Path, settings: FakeSettings, frame: int, split: Split) -> list[Path]:
    return [
        rendered(tmp_path, settings, frame, FramePart(number=number, of=split.parts, mode=split.mode))
        for number in range(split.parts)
    ]


@pytest.mark.parametrize("mode", [SplitMode.BORDERS, SplitMode.SAMPLES])
@pytest.mark.parametrize("count", [2, 3, 7, 10])
def test_the_merged_frame_is_bit_equal_to_the_one_that_was_rendered_whole(
    tmp_path: Path, mode: SplitMode, count: int
) -> None:
    split = Split(mode=mode, parts=count)
    parts = parts_of(tmp_path, SETTINGS, 5, split)
    whole = rendered(tmp_path, SETTINGS, 5)
    assert all(part.read_bytes() != whole.read_bytes() for part in parts)
    FakePipeline().merge(parts, tmp_path / "merged.png", settings=SETTINGS, frame=5, split=split)
    assert (tmp_path / "merged.png").read_bytes() == whole.read_bytes()


def test_more_bands_than_rows_leave_some_parts_black_and_the_frame_whole(tmp_path: Path) -> None:
    settings, split = FakeSettings(width=4, height=3), Split(mode=SplitMode.BORDERS, parts=8)
    parts = parts_of(tmp_path, settings, 1, split)
    FakePipeline().merge(parts, tmp_path / "merged.png", settings=settings, frame=1, split=split)
    assert (tmp_path / "merged.png").read_bytes() == rendered(tmp_path, settings, 1).read_bytes()


def test_unequal_shares_of_the_samples_are_weighed(tmp_path: Path) -> None:
    split = Split(mode=SplitMode.SAMPLES, parts=4)  # 2, 3, 2 and 3 of 10
    parts = parts_of(tmp_path, SETTINGS, 5, split)
    FakePipeline().merge(parts, tmp_path / "merged.png", settings=SETTINGS, frame=5, split=split)
    assert (tmp_path / "merged.png").read_bytes() == rendered(tmp_path, SETTINGS, 5).read_bytes()


def test_parts_that_are_damaged_missing_or_of_another_frame_are_refused(tmp_path: Path) -> None:
    split = Split(mode=SplitMode.SAMPLES, parts=2)
    parts = parts_of(tmp_path, SETTINGS, 5, split)
    target, pipeline = tmp_path / "merged.png", FakePipeline()
    with pytest.raises(InvalidInput, match="are not 2"):
        pipeline.merge(parts[:1], target, settings=SETTINGS, frame=5, split=split)
    with pytest.raises(InvalidInput, match="another frame or seed"):
        pipeline.merge(parts, target, settings=SETTINGS, frame=6, split=split)
    whole = parts[1].read_bytes()
    for damaged, words in ((whole[:70], "cut off or damaged"), (b"no picture", "no PNG")):
        parts[1].write_bytes(damaged)
        with pytest.raises(InvalidInput, match=words):
            pipeline.merge(parts, target, settings=SETTINGS, frame=5, split=split)
    assert not target.exists()


def test_samples_that_do_not_reach_for_all_parts_are_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"3 samples cannot be shared out over 4 parts") as refused:
        FakePipeline().check_split(FakeSettings(samples=3), Split(mode=SplitMode.SAMPLES, parts=4))
    assert refused.value.field == "split.parts"
    FakePipeline().check_split(FakeSettings(samples=1), Split(mode=SplitMode.BORDERS, parts=4))


def test_the_part_reaches_the_engines_process(tmp_path: Path) -> None:
    part = FramePart(number=3, of=8, mode=SplitMode.SAMPLES)
    for asked in (part, None):
        request = FrameRequest(id="x", frame=1, settings={}, scratch=tmp_path, part=asked)
        command = parse_command(RenderCommand.of(1, request).line())
        assert isinstance(command, RenderCommand)
        assert command.request() == request
