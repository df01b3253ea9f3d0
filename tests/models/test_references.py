"""Raw references mean the same as in Blender, and lead nowhere outside of the model."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.references import FileIndex, ReferenceForm, natural_path, parse_reference, rebase, sequence_pattern


@pytest.mark.parametrize(
    ("raw", "form", "path"),
    [
        ("//tex/a.png", ReferenceForm.RELATIVE, "tex/a.png"),
        ("//tex\\a.png", ReferenceForm.RELATIVE, "tex/a.png"),
        ("//..\\tex/a.png", ReferenceForm.RELATIVE, "../tex/a.png"),
        ("/mnt/a.png", ReferenceForm.POSIX, "/mnt/a.png"),
        ("\\mnt\\a.png", ReferenceForm.POSIX, "/mnt/a.png"),
        ("C:\\show\\a.png", ReferenceForm.DRIVE, "C:/show/a.png"),
        ("c:/show/a.png", ReferenceForm.DRIVE, "c:/show/a.png"),
        ("\\\\server\\share\\a.png", ReferenceForm.NETWORK, "//server/share/a.png"),
        ("a.png", ReferenceForm.BARE, "a.png"),
    ],
)
def test_each_way_to_write_a_path_is_recognised(raw: str, form: ReferenceForm, path: str) -> None:
    reference = parse_reference(raw)
    assert (reference.form, reference.path, reference.name) == (form, path, "a.png")


@pytest.mark.parametrize(
    ("raw", "base", "natural"),
    [
        ("//tex/a.png", "scene.blend", "tex/a.png"),
        ("//./tex//a.png", "scene.blend", "tex/a.png"),
        ("//tex/a.png", "lib/tree.blend", "lib/tex/a.png"),
        ("//../tex/a.png", "lib/tree.blend", "tex/a.png"),
        ("//../tex/a.png", "scene.blend", None),
        ("//", "scene.blend", None),
        ("/tex/a.png", "scene.blend", None),
        ("C:\\tex\\a.png", "scene.blend", None),
        ("a.png", "scene.blend", None),
    ],
)
def test_a_relative_reference_starts_at_the_file_that_stores_it(raw: str, base: str, natural: str | None) -> None:
    assert natural_path(raw, base_file=base) == natural


@given(st.text(alphabet="/.\\ab:C", max_size=20), st.sampled_from(["scene.blend", "a/b.blend", "a/b/c.blend"]))
def test_no_reference_leads_out_of_the_model(raw: str, base: str) -> None:
    natural = natural_path(raw, base_file=base)
    if natural is not None:
        assert posixpath.normpath("/model/" + natural) == "/model/" + natural


@pytest.mark.parametrize(
    ("raw", "owner", "stored"),
    [
        ("//external/other/moss.blend", "external/5a/tree.blend", "//../other/moss.blend"),
        ("//../other/moss.blend", "lib/tree.blend", "//../../other/moss.blend"),
        ("//lib/moss.blend", "lib/tree.blend", "//moss.blend"),
        ("//lib/moss.blend", "scene.blend", "//lib/moss.blend"),
        ("//lib/moss.blend", None, "//lib/moss.blend"),
        ("C:\\lib\\moss.blend", "lib/tree.blend", "C:\\lib\\moss.blend"),
    ],
)
def test_what_blender_rewrote_for_the_main_file_is_told_as_its_library_stores_it(
    raw: str, owner: str | None, stored: str
) -> None:
    assert rebase(raw, base_file="scene.blend", owner_file=owner) == stored


def test_a_mapped_reference_goes_where_the_manifest_says_whatever_its_slashes() -> None:
    index = FileIndex.of(["a/wood.png"], {"C:\\show\\wood.png": "a/wood.png"})
    assert index.target("C:/show/wood.png", base_file="scene.blend") == "a/wood.png"
    assert index.target("//show/wood.png", base_file="scene.blend") == "show/wood.png"


@pytest.mark.parametrize(
    ("target", "kwargs", "held"),
    [
        ("tex/wood.png", {}, True),
        ("tex/oak.png", {}, False),
        ("tex", {}, False),
        ("tex", {"folder": True}, True),
        ("cache", {"folder": True}, True),
        ("cach", {"folder": True}, False),
        ("tex/skin.<UDIM>.png", {}, True),
        ("tex/face.<UDIM>.png", {}, False),
        ("seq/p_0007.png", {}, False),
        ("seq/p_0007.png", {"sequence": True}, True),
        ("seq/q_0007.png", {"sequence": True}, False),
        ("tex/wood.png", {"sequence": True}, True),
    ],
)
def test_the_index_knows_files_folders_tiles_and_sequences(target: str, kwargs: dict[str, bool], held: bool) -> None:
    files = ["scene.blend", "tex/wood.png", "tex/skin.1001.png", "seq/p_0001.png", "cache/deep/x.vdb"]
    assert FileIndex.of(files, {}).holds(target, **kwargs) is held


def test_a_sequence_varies_in_its_last_number_only() -> None:
    pattern = sequence_pattern("shot2_0010.exr")
    assert pattern is not None
    assert pattern.fullmatch("shot2_11.exr")
    assert not pattern.fullmatch("shot3_0010.exr")
    assert sequence_pattern("wood.exr") is None
