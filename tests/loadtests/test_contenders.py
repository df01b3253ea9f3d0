"""The bench's arithmetic on commits, its picture comparison, and its job for the Open Job Description runtime."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from loadtests.bench_render import same_pixels
from loadtests.cases import CASES
from loadtests.cold import job_template
from loadtests.farm import between_commits, engine_seconds
from rayfarm.types import Event

BEGUN = datetime(2026, 1, 5, tzinfo=UTC)


def commit(after_ms: int, *render_ms: float) -> Event:
    return Event(
        id=str(after_ms),
        kind="frames.committed",
        at=(BEGUN + timedelta(milliseconds=after_ms)).isoformat(),
        data={"frames": [{"render_ms": each} for each in render_ms]},
    )


class TestCommits:
    def test_frames_that_share_a_commit_share_its_interval(self) -> None:
        assert between_commits([commit(500, 90), commit(700, 90, 90)]) == pytest.approx(0.1)

    def test_a_single_commit_has_no_interval(self) -> None:
        assert math.isnan(between_commits([commit(500, 90, 90)]))

    def test_engine_seconds_are_the_mean_over_all_frames(self) -> None:
        assert engine_seconds([commit(1, 100), commit(2, 200, 300)]) == pytest.approx(0.2)


class TestSamePixels:
    @staticmethod
    def picture(path: Path, pixel: tuple[int, int, int, int], mode: str = "RGBA") -> Path:
        image = Image.new("RGBA", (4, 4), (9, 9, 9, 255))
        image.putpixel((3, 2), pixel)
        image.convert(mode).save(path)
        return path

    def test_equal_pictures_are_equal(self, tmp_path: Path) -> None:
        one = self.picture(tmp_path / "a.png", (1, 2, 3, 255))
        assert same_pixels(one, self.picture(tmp_path / "b.png", (1, 2, 3, 255)))

    @pytest.mark.parametrize("pixel", [(1, 2, 4, 255), (1, 2, 3, 254)])
    def test_one_step_in_one_channel_is_a_difference(self, tmp_path: Path, pixel: tuple[int, int, int, int]) -> None:
        one = self.picture(tmp_path / "a.png", (1, 2, 3, 255))
        assert not same_pixels(one, self.picture(tmp_path / "b.png", pixel))

    def test_another_number_of_channels_is_a_difference(self, tmp_path: Path) -> None:
        one = self.picture(tmp_path / "a.png", (1, 2, 3, 255))
        assert not same_pixels(one, self.picture(tmp_path / "b.png", (1, 2, 3, 255), mode="RGB"))


def test_the_session_has_one_task_for_each_frame(tmp_path: Path) -> None:
    template = job_template(tmp_path / "a.blend", {"samples": 4}, [3, 5], tmp_path)
    step = template["steps"][0]  # type: ignore[index]
    assert step["parameterSpace"]["taskParameterDefinitions"][0]["range"] == [3, 5]
    assert "{{Task.Param.Frame}}" in step["script"]["actions"]["onRun"]["args"]


def test_a_quick_run_still_measures_every_case_twice() -> None:
    assert [(case.name, case.quicker().rounds) for case in CASES] == [(case.name, 2) for case in CASES]
