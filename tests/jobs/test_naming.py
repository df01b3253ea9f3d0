"""Templates for the names of files: what they take, what they refuse, and that no name leads out of its folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import InvalidInput
from jobs.naming import (
    MAX_PART_BYTES,
    NamedFile,
    NamingTemplate,
    camera_and_layer,
    plain_path,
    require_known,
    safe_part,
    told_apart,
)

PICTURE = NamedFile(kind="frame", name="0007.exr", frame=7)
VALUES = {"project": "show", "job": "sh 010", "model": "set", "camera": "Cam", "layer": "FG", "date": "2026-03-31"}


class TestTemplate:
    def test_a_picture_is_named_by_its_fields(self) -> None:
        template = NamingTemplate("{project}/{job}/{camera}/{layer}.{frame:04d}")
        assert template.path(PICTURE, VALUES) == "show/sh 010/Cam/FG.0007.exr"
        assert NamingTemplate("{date}_{model}_{view_layer}_{frame}.{ext}").path(PICTURE, VALUES) == (
            "2026-03-31_set_FG_7.exr"
        )

    def test_a_film_and_extra_files_lie_beside_the_pictures(self) -> None:
        template = NamingTemplate("{job}/{frame:04d}/{camera}")
        assert template.path(NamedFile(kind="video", name="a.mp4", frame=None), VALUES) == "sh 010/a.mp4"
        extra = NamedFile(kind="extra", name="depth/0007.exr", frame=7)
        assert template.path(extra, VALUES) == "sh 010/extra/depth/0007.exr"

    @pytest.mark.parametrize(
        "text",
        [
            "{job.__class__}",
            "{job[0]}",
            "{job!r}",
            "{0}",
            "{}",
            "{frame:>9000000d}",
            "{frame:99999d}",
            "{job:04d}",
            "{frame:{job}}",
            "{unknown}",
            "{job",
            "job}",
            "",
            "x" * 201,
            "/etc/{frame}",
            "{job}/",
            "../{frame}",
            "a/./{frame}",
            "a//{frame}",
            "a/ .. /{frame}",
            "C:{frame}",
            "a\\{frame}",
            "a\n{frame}",
        ],
    )
    def test_what_is_no_plain_field_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            NamingTemplate(text)
        assert caught.value.details["field"] == "outputs.naming"
        assert caught.value.remedy

    def test_frames_that_would_have_one_name_are_refused_with_the_field_that_is_missing(self) -> None:
        template = NamingTemplate("{job}/{camera}")
        template.require_distinct(1)
        with pytest.raises(InvalidInput, match="lacks the field frame"):
            template.require_distinct(2)
        NamingTemplate("{frame}").require_distinct(1_000_000)

    def test_a_camera_that_nobody_knows_is_refused(self) -> None:
        known = camera_and_layer({}, {"active_camera": "Cam", "view_layers": ["FG", "BG"]})
        assert known == {"camera": "Cam"}
        require_known(NamingTemplate("{camera}"), known)
        with pytest.raises(InvalidInput, match="view layer"):
            require_known(NamingTemplate("{view_layer}"), known)
        assert camera_and_layer({"camera": "B", "view_layer": "BG"}, None) == {"camera": "B", "layer": "BG"}


class TestParts:
    @pytest.mark.parametrize(
        ("text", "part"),
        [
            ("..", "_"),
            ("../../etc/passwd", "_._.._etc_passwd"),
            ("", "_"),
            ("CON", "_CON"),
            ("nul.png", "_nul.png"),
            ("COM1", "_COM1"),
            ("con .txt", "_con .txt"),
            ("aux .0001.png", "_aux .0001.png"),
            ("NUL  .x", "_NUL  .x"),
            ("console", "console"),
            ("con man.txt", "con man.txt"),
            (".ssh", "_ssh"),
            ("a.", "a"),
            ("a\x00b\nc", "a_b_c"),
            ('a<>:"|?*b', "a_______b"),
            ("\u202egnp.exe", "_gnp.exe"),
            ("a\u061cb.png", "a_b.png"),
        ],
    )
    def test_no_part_is_special_to_any_file_system(self, text: str, part: str) -> None:
        assert safe_part(text) == part

    def test_a_long_part_is_cut_before_its_extension_and_stays_its_own(self) -> None:
        one, other = (safe_part("ü" * 300 + f".{frame:04d}.exr") for frame in (1, 2))
        assert one != other
        assert one.endswith(".exr")
        assert len(one.encode()) <= MAX_PART_BYTES

    @given(name=st.text(max_size=300), job=st.text(max_size=300), kind=st.sampled_from(["frame", "extra", "video"]))
    def test_no_name_leaves_its_folder(self, name: str, job: str, kind: str) -> None:
        file = NamedFile(kind=kind, name=name, frame=3)
        for path in (plain_path(file), NamingTemplate("{job}/{frame:04d}").path(file, {"job": job})):
            parts = PurePosixPath(path).parts
            assert not PurePosixPath(path).is_absolute()
            assert parts
            for part in parts:
                assert safe_part(part) == part
                assert not part.startswith(".")
                assert not set(part) & set('\\:\0\n<>"|?*')
                assert len(part.encode()) <= MAX_PART_BYTES
            assert (Path("/root/x") / path).resolve().is_relative_to("/root/x")

    def test_two_files_that_a_disk_without_capitals_takes_for_one_are_told_apart(self) -> None:
        taken: set[str] = set()
        assert told_apart("extra/A.png", taken=taken, mark="1") == "extra/A.png"
        assert told_apart("extra/a.png", taken=taken, mark="2") == "extra/a~2.png"
