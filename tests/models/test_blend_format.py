"""The .blend reader tells whole files from broken ones, within bounds, whatever the bytes."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import ModelInvalid
from models.formats.blend import inspect_blend, read_header

SAMPLE = Path(__file__).parents[2] / "examples" / "sample.blend"
NEW = b"BLENDER17-01v0500"
OLD = b"BLENDER-v405"


def new_block(code: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<4siQqq", code, 0, 1, len(data), 1) + data


def old_block(code: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<4siQii", code, len(data), 1, 0, 1) + data


def new_file() -> bytes:
    return NEW + new_block(b"REND", b"x" * 24) + new_block(b"DNA1", b"d" * 5000) + new_block(b"ENDB")


def old_file() -> bytes:
    return OLD + old_block(b"REND", b"x" * 24) + old_block(b"DNA1", b"d" * 5000) + old_block(b"ENDB")


PACKINGS = {"none": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}


def refusal(path: Path) -> ModelInvalid:
    with pytest.raises(ModelInvalid) as caught:
        inspect_blend(path)
    assert caught.value.remedy
    return caught.value


def remedy_or_none(path: Path) -> str | None:
    """`None` for a whole file, the remedy (never empty) for a refused one; any other exception fails the test."""
    try:
        inspect_blend(path)
    except ModelInvalid as error:
        return error.remedy or ""
    return None


def test_the_sample_is_whole() -> None:
    summary = inspect_blend(SAMPLE)
    assert (summary.header.blender_version, summary.header.compression) == ("5.0", "zstd")
    assert summary.blocks > 100


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize(("data", "version"), [(new_file(), (5, 0)), (old_file(), (4, 5))])
def test_old_and_new_files_are_read_through_each_compression(
    tmp_path: Path, packing: str, data: bytes, version: tuple[int, int]
) -> None:
    path = tmp_path / "a.blend"
    path.write_bytes(PACKINGS[packing](data))
    summary = inspect_blend(path)
    assert summary.header.version == version == read_header(path).version
    assert summary.header.compression == packing
    assert (summary.blocks, summary.unpacked_bytes) == (3, len(data))


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("data", [new_file(), old_file()])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, packing: str, data: bytes) -> None:
    whole = PACKINGS[packing](data)
    path = tmp_path / "a.blend"
    for keep in sorted({0, 1, 5, 11, 12, 16, 17, 30, len(whole) // 2, len(whole) - 33, len(whole) - 1} - {-1}):
        path.write_bytes(whole[:keep])
        assert "a.blend" in refusal(path).message


def test_a_newer_file_is_refused_with_both_versions(tmp_path: Path) -> None:
    path = tmp_path / "a.blend"
    path.write_bytes(new_file().replace(b"v0500", b"v0501"))
    error = refusal(path)
    assert "5.1" in error.message
    assert "5.0" in error.message
    assert inspect_blend(path, supported=(5, 1)).header.version == (5, 1)


def test_an_unknown_block_layout_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.blend"
    path.write_bytes(new_file().replace(b"-01v", b"-02v"))
    assert "file format" in refusal(path).message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"Shopping list: milk, eggs\n", "not a Blender file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "not a Blender file"),
        (b"BLENDERxxxxxxxxxxxxxxxxxx", "header is not readable"),
        (OLD.replace(b"v", b"V") + b"\0" * 40, "big-endian"),
        (gzip.compress(b"plain text in a compressed file"), "not a Blender file"),
        (NEW + new_block(b"REND") + new_block(b"ENDB"), "DNA1"),
        (NEW + struct.pack("<4siQqq", b"DATA", 0, 1, -1, 1), "negative"),
        (NEW + struct.pack("<4siQqq", b"DATA", 0, 1, 1 << 60, 1), "cut off"),
        (NEW + struct.pack("<4siQqq", b"\1\2\3\4", 0, 1, 1, 1) + b"x" * 99, "no known kind"),
    ],
)
def test_what_is_no_scene_is_refused_by_name(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "a.blend"
    path.write_bytes(data)
    assert words in refusal(path).message


def test_a_bomb_is_refused_by_its_claim_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.blend"
    head = NEW + struct.pack("<4siQqq", b"DATA", 0, 1, 1 << 50, 1)
    path.write_bytes(zstandard.compress(head + bytes(1 << 20)))
    assert "unpacks to more than" in refusal(path).message


def test_reading_a_large_block_holds_little_of_it(tmp_path: Path) -> None:
    path = tmp_path / "a.blend"
    data = NEW + new_block(b"DATA", bytes(64 << 20)) + new_block(b"DNA1", b"d") + new_block(b"ENDB")
    path.write_bytes(zstandard.compress(data))
    del data
    tracemalloc.start()
    inspect_blend(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    start=st.sampled_from([b"", NEW, OLD, b"BLENDER", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"]),
    rest=st.binary(max_size=200),
)
def test_any_bytes_end_in_a_summary_or_a_refusal(tmp_path: Path, start: bytes, rest: bytes) -> None:
    path = tmp_path / "a.blend"
    path.write_bytes(start + rest)
    assert remedy_or_none(path) != ""


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    packing=st.sampled_from(sorted(PACKINGS)),
    flips=st.lists(st.tuples(st.integers(0, 5200), st.integers(0, 7)), min_size=1, max_size=8),
)
def test_flipped_bits_end_in_a_summary_or_a_refusal(tmp_path: Path, packing: str, flips: list[tuple[int, int]]) -> None:
    data = bytearray(PACKINGS[packing](new_file()))
    for place, bit in flips:
        data[place % len(data)] ^= 1 << bit
    path = tmp_path / "a.blend"
    path.write_bytes(data)
    assert remedy_or_none(path) != ""
