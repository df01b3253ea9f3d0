"""Files that an engine hands over, some of them dishonestly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from jobs.states import EndReason
from pipelines.errors import EngineError
from pipelines.output_check import check_contained, check_image, check_outputs


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "frame"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "frame-of-another").mkdir()
    (tmp_path / "frame-of-another" / "a.png").write_bytes(b"x")
    return folder


def refused(path: Path, scratch: Path) -> str:
    with pytest.raises(EngineError) as refusal:
        check_contained(path, os.path.realpath(scratch))
    assert refusal.value.reason is EndReason.BAD_OUTPUT
    return refusal.value.message


class TestContainment:
    def test_a_file_in_the_frames_folder_passes_also_in_a_subfolder(self, scratch: Path) -> None:
        (scratch / "extra").mkdir()
        (scratch / "extra" / "depth.exr").write_bytes(b"x")
        check_contained(scratch / "extra" / "depth.exr", os.path.realpath(scratch))

    def test_a_file_elsewhere_is_refused_however_it_is_named(self, scratch: Path) -> None:
        (scratch / "link.png").symlink_to(scratch.parent / "secret.png")
        (scratch / "folder").symlink_to(scratch.parent)
        for path in (
            scratch.parent / "secret.png",
            scratch / ".." / "secret.png",
            scratch / "link.png",
            scratch / "folder" / "secret.png",
            scratch.parent / "frame-of-another" / "a.png",
        ):
            assert "outside" in refused(path, scratch)

    def test_the_real_paths_are_handed_on_so_that_a_later_link_is_found(self, scratch: Path) -> None:
        Image.new("RGB", (16, 16), "red").save(scratch / "a.png")
        (scratch / "inside").symlink_to(scratch)
        (scratch / "b.exr").write_bytes(b"x")
        found = check_outputs(scratch / "inside" / "a.png", (scratch / "inside" / "b.exr",), os.path.realpath(scratch))
        assert found == (scratch / "a.png", (scratch / "b.exr",))

    def test_an_absent_an_empty_and_a_special_file_are_refused(self, scratch: Path) -> None:
        (scratch / "empty.png").touch()
        os.mkfifo(scratch / "pipe.png")
        assert "not there" in refused(scratch / "absent.png", scratch)
        assert "empty" in refused(scratch / "empty.png", scratch)
        assert "empty" in refused(scratch / "pipe.png", scratch)


class TestImages:
    @pytest.mark.parametrize("extension", [".png", ".jpg"])
    def test_a_whole_image_passes_and_a_cut_or_foreign_one_does_not(self, tmp_path: Path, extension: str) -> None:
        path = tmp_path / f"image{extension}"
        Image.new("RGB", (16, 16), "red").save(path)
        check_image(path)
        whole = path.read_bytes()
        for broken in (whole[:-1], whole[: len(whole) // 2], b"not an image at all", b"x"):
            path.write_bytes(broken)
            with pytest.raises(EngineError) as refusal:
                check_image(path)
            assert refusal.value.reason is EndReason.BAD_OUTPUT
