"""A manifest's paths never leave its folder, and equal manifests have equal digests."""

from __future__ import annotations

import posixpath
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.kinds import ModelKind
from models.manifest import MAX_PATH_BYTES, Manifest, ManifestFile, check_path

DIGEST = "a" * 64


def manifest(*paths: str, remap: dict[str, str] | None = None, main: str | None = None) -> Manifest:
    files = tuple(ManifestFile(path=path, digest=DIGEST, size_bytes=1) for path in paths)
    return Manifest(kind=ModelKind.BLENDER, main=main or paths[0], files=files, remap=remap or {})


@given(st.text(max_size=40) | st.text(alphabet="/.\\a:C\0", max_size=12))
def test_an_accepted_path_stays_below_its_folder(path: str) -> None:
    try:
        accepted = check_path(path)
    except ValueError:
        return
    joined = posixpath.normpath(posixpath.join("/farm/model", accepted))
    assert joined == "/farm/model/" + accepted
    assert not set(accepted) & {"\\", "\0"}


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../up",
        "a/../b",
        "a//b",
        "./a",
        "a/",
        "C:/x",
        "c:x",
        "a\\b",
        "a\0b",
        "a\nb",
        "\udcff",
        "x" * 256,
    ],
)
def test_a_path_that_is_not_plain_and_relative_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        check_path(path)


def test_a_path_over_the_limit_is_refused() -> None:
    long = "/".join(["a" * 100] * 12)
    assert len(long) > MAX_PATH_BYTES
    with pytest.raises(ValueError, match="limit"):
        check_path(long)


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (("scene.blend", "scene.blend"), "twice"),
        (("scene.blend", "Tex.png", "tex.PNG"), "case does not matter"),
        (("scene.blend", "a", "a/b"), "both a file and a folder"),
        (("scene.blend", "A", "a/b"), "both a file and a folder"),
    ],
)
def test_files_that_cannot_lie_in_one_tree_are_refused(paths: tuple[str, ...], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        manifest(*paths)


def test_the_main_file_must_be_among_the_files() -> None:
    with pytest.raises(ValidationError, match="not among the files"):
        manifest("scene.blend", main="other.blend")


@pytest.mark.parametrize("target", ["tex/wood.png", "tex", "tex/skin.<UDIM>.png"])
def test_a_reference_may_mean_a_file_a_folder_or_tiles(target: str) -> None:
    assert manifest("scene.blend", "tex/wood.png", "tex/skin.1001.png", remap={"C:\\wood.png": target}).remap


@pytest.mark.parametrize("target", ["tex/oak.png", "te", "../tex/wood.png", "tex/wood.<UDIM>.png"])
def test_a_reference_to_nothing_in_the_manifest_is_refused(target: str) -> None:
    with pytest.raises(ValidationError):
        manifest("scene.blend", "tex/wood.png", remap={"C:\\wood.png": target})


@given(st.lists(st.from_regex(r"[a-z]{1,6}(/[0-9]{1,3})?", fullmatch=True), min_size=1, max_size=8), st.randoms())
def test_the_order_of_files_does_not_change_the_digest(paths: list[str], chance: random.Random) -> None:
    try:
        first = manifest(*paths)
    except ValidationError:
        return
    shuffled = list(first.files)
    chance.shuffle(shuffled)
    assert first.model_copy(update={"files": tuple(shuffled)}).digest() == first.digest()


def test_each_part_of_a_manifest_changes_its_digest() -> None:
    base = manifest("scene.blend", "a.png")
    others = [
        manifest("scene.blend", "b.png"),
        manifest("scene.blend", "a.png", main="a.png"),
        manifest("scene.blend", "a.png", remap={"/a.png": "a.png"}),
        base.model_copy(update={"kind": ModelKind.FAKE}),
    ]
    assert len({each.digest() for each in (base, *others)}) == 5


def test_a_digest_survives_json() -> None:
    base = manifest("scene.blend", "tex/wood.png", remap={"C:\\wood.png": "tex/wood.png"})
    assert Manifest.model_validate_json(base.model_dump_json()).digest() == base.digest()
