"""Pictures of a frame while it renders: what an engine offers, and what the farm takes from an engine's folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from pipelines.base import FrameRequest, ModelFiles
from pipelines.live_preview import FILE_NAME, LONGEST_SIDE, MOST_BYTES, LivePreview, read_preview
from pipelines.mitsuba.picture import read_exr
from tests.pipelines.conftest import StartEngine

CORNELL = Path(__file__).resolve().parents[2] / "examples" / "cornell.xml"
SAME_PICTURE = 1e-5
"""Two renders of one seed differ by 1e-6, in the order of float sums."""
JPEG = b"\xff\xd8\xff\xe0" + bytes(100)


def grey(level: int, side: int = 8) -> npt.NDArray[np.uint8]:
    return np.full((side, side, 3), level, np.uint8)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


class TestOffer:
    def test_a_frame_that_is_quick_makes_none(self, scratch: Path) -> None:
        made: list[int] = []
        for every in (3600.0, None):
            LivePreview(scratch, every).offer(lambda: made.append(1))
        assert (made, list(scratch.iterdir())) == ([], [])

    def test_each_is_small_and_another_than_the_one_before(self, scratch: Path) -> None:
        preview = LivePreview(scratch, 0.0)
        preview.offer(lambda: grey(40, side=1000))
        first = read_preview(scratch)
        assert first is not None
        with Image.open(scratch / FILE_NAME) as image:
            assert (image.format, image.size) == ("JPEG", (LONGEST_SIDE, LONGEST_SIDE))
        assert read_preview(scratch, seen=first.version) is None
        preview.offer(lambda: grey(200))
        second = read_preview(scratch, seen=first.version)
        assert second is not None
        assert second.content != first.content

    def test_one_that_fails_costs_the_previews_and_not_the_frame(
        self, scratch: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def fail() -> None:
            raise ValueError("numbers that are none")

        preview = LivePreview(scratch, 0.0)
        preview.offer(fail)
        preview.offer(lambda: grey(1))
        assert read_preview(scratch) is None
        assert capsys.readouterr().err.count("numbers that are none") == 1


class TestRead:
    """The folder belongs to an engine that may have been taken over."""

    def test_a_link_to_somebody_elses_picture_is_not_followed(self, scratch: Path, tmp_path: Path) -> None:
        (tmp_path / "theirs.jpg").write_bytes(JPEG)
        (scratch / FILE_NAME).symlink_to(tmp_path / "theirs.jpg")
        assert read_preview(scratch) is None

    def test_a_folder_that_has_become_a_link_is_not_followed(self, scratch: Path, tmp_path: Path) -> None:
        theirs = tmp_path / "theirs"
        theirs.mkdir()
        (theirs / FILE_NAME).write_bytes(JPEG)
        assert read_preview(theirs) is not None
        scratch.rmdir()
        scratch.symlink_to(theirs)
        assert read_preview(scratch) is None

    @pytest.mark.parametrize("content", [b"", b"\x7fELF not a picture", JPEG + bytes(MOST_BYTES)])
    def test_what_is_no_small_jpeg_is_not_taken(self, scratch: Path, content: bytes) -> None:
        (scratch / FILE_NAME).write_bytes(content)
        assert read_preview(scratch) is None

    def test_a_pipe_holds_nobody_up(self, scratch: Path) -> None:
        os.mkfifo(scratch / FILE_NAME)
        assert read_preview(scratch) is None


async def test_previews_of_mitsuba_change_no_pixel_of_its_frame(
    start_engine: StartEngine, workdir: Path, tmp_path: Path
) -> None:
    """Two passes: the picture of the first is in the folder when the frame is done."""
    (tmp_path / "model").mkdir()
    shutil.copy(CORNELL, tmp_path / "model")
    model = ModelFiles(digest="c" * 64, root=tmp_path / "model", main=CORNELL.name)
    host = await start_engine("mitsuba", model)
    settings = {"variant": "scalar_rgb", "width": 1600, "height": 1400, "spp": 2, "format": "exr", "color_depth": 32}
    settings["integrator"] = "direct"
    outputs = []
    for name, every in (("plain", None), ("shown", 0.0)):
        request = FrameRequest(id=name, frame=1, settings=settings, scratch=workdir / name, preview_every_s=every)
        outputs.append(await host.render(request))
    assert read_preview(outputs[0].main.parent) is None
    assert outputs[0].metrics["passes"] == 2
    seen = read_preview(outputs[1].main.parent)
    assert seen is not None
    with Image.open(outputs[1].main.parent / FILE_NAME) as image:
        assert image.size == (320, 280)
        shown = np.asarray(image.convert("RGB"), np.float32)
    assert shown[140, 20, 0] > 1.5 * shown[140, 20, 2]  # the left wall is red
    plain, with_previews = (read_exr(output.main)[0] for output in outputs)
    for channel, values in plain.items():
        np.testing.assert_allclose(with_previews[channel], values, rtol=SAME_PICTURE, atol=SAME_PICTURE)
