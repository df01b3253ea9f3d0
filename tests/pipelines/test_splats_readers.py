"""The four formats of splat clouds: what was written is read, and what lies is refused before memory is spent."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import ModelInvalid
from models.formats.splats import MAX_GAUSSIANS, inspect_splats, spz_body_bytes
from models.kinds import ModelKind, kind_of
from pipelines.splats.cloud import GaussianCloud, bounds_of, without_broken
from pipelines.splats.readers import read_cloud
from pipelines.splats.web_copy import write_web_copy
from tests.pipelines.splat_files import make_cloud, ply_bytes, sog_bytes, splat_bytes, spz_bytes, spz_header, write

COORDINATE_STEP = {"ply": 1e-6, "splat": 1e-6, "spz": 1 / 4096, "sog": 2e-4}
"""How far a coordinate may be off, scene units, for a cloud of radius 1."""
LOG_SCALE_STEP = {"ply": 1e-5, "splat": 1e-5, "spz": 1 / 32 + 1e-4, "sog": 0.02}
ALPHA_STEP = {"ply": 1e-5, "splat": 1 / 500, "spz": 1 / 500, "sog": 1 / 500}
COLOUR_STEP = {"ply": 1e-6, "splat": 0.008, "spz": 0.014, "sog": 0.016}
"""Of a DC coefficient."""
REST_STEP = {"ply": 1e-6, "spz": 1 / 250, "sog": 1 / 250}
ROTATION_STEP = {"ply": 1e-6, "splat": 0.01, "spz": 0.004, "sog": 0.008}
HEADER_MEMORY = 8 << 20
"""Bytes that looking at a head may take, whatever it claims."""

FORMATS = {"ply": ply_bytes, "splat": splat_bytes, "spz": spz_bytes, "sog": sog_bytes}


def clamped(cloud: GaussianCloud) -> GaussianCloud:
    """Colours that every format can hold: a `.splat` knows only 0 to 1."""
    np.clip(cloud.sh[:, 0], -1.7, 1.7, out=cloud.sh[:, 0])
    np.clip(cloud.sh[:, 1:], -0.95, 0.95, out=cloud.sh[:, 1:])
    return cloud


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("form", FORMATS)
def test_a_cloud_survives_each_format_within_its_steps(tmp_path: Path, form: str, degree: int) -> None:
    cloud = clamped(make_cloud(200, degree=degree))
    found, summary = read_cloud(write(tmp_path, f"cloud.{form}", FORMATS[form](cloud)))
    assert (summary.format, summary.count) == (form, 200)
    assert found.sh_degree == (0 if form == "splat" else degree)
    found, broken = without_broken(found)
    assert broken == 0
    assert np.abs(found.means - cloud.means).max() <= COORDINATE_STEP[form]
    assert np.abs(np.log(found.scales) - np.log(cloud.scales)).max() <= LOG_SCALE_STEP[form]
    assert np.abs(found.opacities - cloud.opacities).max() <= ALPHA_STEP[form]
    assert np.abs(found.sh[:, 0] - cloud.sh[:, 0]).max() <= COLOUR_STEP[form]
    same = np.sign(np.einsum("ij,ij->i", found.quats, cloud.quats))[:, None]  # q and -q are one rotation
    assert np.abs(found.quats - same * cloud.quats).max() <= ROTATION_STEP[form]
    if degree and form != "splat":
        assert np.abs(found.sh[:, 1:] - cloud.sh[:, 1:]).max() <= REST_STEP[form]


def test_the_older_rotations_of_spz_are_read(tmp_path: Path) -> None:
    cloud = make_cloud(50, degree=1)
    found, summary = read_cloud(write(tmp_path, "old.spz", spz_bytes(cloud, version=2, flags=1)))
    assert (summary.version, found.antialiased) == (2, True)
    dots = np.abs(np.einsum("ij,ij->i", found.quats, cloud.quats)) / np.linalg.norm(found.quats, axis=1)
    assert dots.min() > 0.997  # w is what three bytes leave of 1


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, form: str) -> None:
    whole = FORMATS[form](make_cloud(64, degree=1))
    for length in (0, 1, 10, len(whole) // 3, len(whole) // 2 - 7, len(whole) - 5, len(whole) - 1):
        with pytest.raises(ModelInvalid) as refusal:
            read_cloud(write(tmp_path, f"cut.{form}", whole[:length]))
        assert refusal.value.message


@pytest.mark.parametrize("count", [10**9, 2**31, 10**19 - 1, 1_000_000])
def test_a_ply_that_claims_more_than_it_holds_costs_no_memory(tmp_path: Path, count: int) -> None:
    path = write(tmp_path, "huge.ply", ply_bytes(make_cloud(10), claimed=count))
    tracemalloc.start()
    try:
        with pytest.raises(ModelInvalid, match="claims"):
            read_cloud(path)
        assert tracemalloc.get_traced_memory()[1] < HEADER_MEMORY
    finally:
        tracemalloc.stop()


def test_an_spz_whose_stream_is_a_bomb_is_refused_at_the_announced_size(tmp_path: Path) -> None:
    size = spz_body_bytes(version=3, count=1000, sh_degree=0)
    bomb = gzip.compress(spz_header(count=1000, degree=0) + bytes(size + (256 << 20)))
    assert len(bomb) < 1 << 20
    path = write(tmp_path, "bomb.spz", bomb)
    tracemalloc.start()
    try:
        with pytest.raises(ModelInvalid, match="unpacks to more"):
            read_cloud(path)
        assert tracemalloc.get_traced_memory()[1] < HEADER_MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("version", "pack"), [(4, bytes), (4, gzip.compress), (0, gzip.compress), (9, bytes)])
def test_an_spz_of_another_version_is_told_which_are_read(
    tmp_path: Path, version: int, pack: Callable[[bytes], bytes]
) -> None:
    path = write(tmp_path, "new.spz", pack(spz_header(count=1, degree=0, version=version)))
    with pytest.raises(ModelInvalid, match=f"an SPZ of version {version}; versions 1, 2, 3 are read") as refusal:
        inspect_splats(path)
    assert refusal.value.remedy == "Save it again in version 3, or export it as a .ply or .sog."


@pytest.mark.parametrize("count", [MAX_GAUSSIANS + 1, 2**32 - 1, 30_000_000])
def test_an_spz_that_claims_what_its_size_cannot_hold_is_refused(tmp_path: Path, count: int) -> None:
    data = gzip.compress(spz_header(count=count, degree=3) + bytes(1000))
    with pytest.raises(ModelInvalid, match="claims"):
        inspect_splats(write(tmp_path, "claims.spz", data))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 1}, "a SOG of version 1; version 2 is read"),
        ({"version": None}, "a SOG of version None; version 2 is read"),
        ({"count": 10**9}, "claims"),
        ({"count": 100_000}, "pixels for"),
        ({"count": True}, "how many"),
        ({"means": {"files": ["means_l.webp", "../../etc/passwd"], "mins": [0] * 3, "maxs": [1] * 3}}, "missing"),
        ({"scales": {"files": ["scales.webp"], "codebook": [1e400] * 256}}, "finite"),
        ({"shN": {"bands": 9, "count": 1, "codebook": [], "files": []}}, "shN"),
        ({"quats": {"files": ["meta.json"]}}, "decoded"),
    ],
)
def test_a_sog_whose_meta_lies_is_refused(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(ModelInvalid, match=words):
        read_cloud(write(tmp_path, "lies.sog", sog_bytes(make_cloud(100, degree=1), **changes)))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_sog_packed_so_that_it_unpacks_all_at_once_is_refused_before_it_does(tmp_path: Path, method: int) -> None:
    path = tmp_path / "bomb.sog"
    with zipfile.ZipFile(path, "w", method) as archive, archive.open("meta.json", "w", force_zip64=True) as member:
        for _ in range(64):
            member.write(bytes(1 << 20))
    data = path.read_bytes()
    assert len(data) < 1 << 20
    true, claimed = struct.pack("<I", 64 << 20), struct.pack("<I", 1 << 10)
    path.write_bytes(data.replace(true, claimed))  # its directory says that it is small
    tracemalloc.start()
    try:
        with pytest.raises(ModelInvalid, match="packed in a way that is not read"):
            read_cloud(path)
        assert tracemalloc.get_traced_memory()[1] < HEADER_MEMORY
    finally:
        tracemalloc.stop()


def test_a_sog_with_a_directory_of_a_million_files_costs_no_memory(tmp_path: Path) -> None:
    entry = b"PK\x01\x02" + struct.pack("<4B4HL2L5H2L", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    directory = entry * 1_000_000
    ending = b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)
    path = write(tmp_path, "many.sog", directory + ending)
    tracemalloc.start()
    try:
        with pytest.raises(ModelInvalid, match="its directory has more than"):
            inspect_splats(path)
        assert tracemalloc.get_traced_memory()[1] < HEADER_MEMORY
    finally:
        tracemalloc.stop()


def test_a_sog_picture_that_is_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    head = zlib.compress(bytes(1000))
    chunk = lambda kind, data: len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")  # noqa: E731
    size = (60_000).to_bytes(4, "big") * 2
    picture = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size + bytes([8, 6, 0, 0, 0])) + chunk(b"IDAT", head)
    source = zipfile.ZipFile(io.BytesIO(sog_bytes(make_cloud(100, degree=0))))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, picture if name == "scales.webp" else source.read(name))
    with pytest.raises(ModelInvalid, match=r"scales\.webp"):
        read_cloud(write(tmp_path, "bomb.sog", target.getvalue()))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"format binary_little_endian 1.0", b"format ascii 1.0", "ascii"),
        (b"format binary_little_endian 1.0", b"format binary_big_endian 1.0", "big_endian"),
        (b"format binary_little_endian 1.0\n", b"", "does not say its format"),
        (b"property float opacity", b"property float opaqueness", "lacks opacity"),
        (b"property float f_rest_8", b"property float f_rest_x", "f_rest"),
        (b"property float nx", b"property list uchar int nx", "not understood"),
        (b"property float nx", b"property float ny", "twice"),
        (b"element vertex", b"element chunk", "begins with"),
        (b"ply\n", b"PLY\n", "no PLY header"),
        (b"end_header\n", b"", "no PLY header"),
    ],
)
def test_a_ply_that_is_no_cloud_says_what_is_wrong(tmp_path: Path, old: bytes, new: bytes, words: str) -> None:
    data = ply_bytes(make_cloud(10, degree=1)).replace(old, new, 1)
    with pytest.raises(ModelInvalid, match=words) as refusal:
        read_cloud(write(tmp_path, "odd.ply", data))
    assert refusal.value.remedy


def test_gaussians_that_are_no_numbers_are_left_out_and_counted() -> None:
    cloud = make_cloud(20)
    cloud.means[0, 1] = np.nan
    cloud.scales[1, 0] = np.inf
    cloud.sh[2, 5, 1] = -np.inf
    cloud.quats[3] = 0
    cloud.opacities[4] = np.nan
    cloud.means[5, 0] = 1e30
    good, broken = without_broken(cloud)
    assert (good.count, broken) == (14, 6)
    assert np.abs(np.linalg.norm(good.quats, axis=1) - 1).max() < 1e-6
    assert np.isfinite(bounds_of(good).radius)


def test_an_unknown_ending_and_an_empty_cloud_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match="no splat cloud"):
        inspect_splats(write(tmp_path, "cloud.obj", b"x"))
    assert kind_of("a/cloud.PLY") is kind_of("b.sog") is ModelKind.SPLATS
    with pytest.raises(ModelInvalid, match="no gaussian"):
        inspect_splats(write(tmp_path, "none.splat", b""))
    with pytest.raises(ModelInvalid, match="missing"):
        inspect_splats(tmp_path / "absent.ply")


FUZZ_EXAMPLES = 60
"""For each format, in each run."""


@pytest.mark.parametrize("form", FORMATS)
@settings(
    max_examples=FUZZ_EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(data=st.data())
def test_whatever_bytes_come_a_reader_gives_a_cloud_or_a_refusal(
    tmp_path: Path, form: str, data: st.DataObject
) -> None:
    whole = bytearray(FORMATS[form](make_cloud(16, degree=1)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(whole) - 1))
        piece = data.draw(st.binary(min_size=1, max_size=8))
        whole[at : at + len(piece)] = piece
    path = write(tmp_path, f"fuzz.{form}", bytes(whole))
    with contextlib.suppress(ModelInvalid):  # and nothing else
        cloud, _ = read_cloud(path)
        good, broken = without_broken(cloud)
        assert good.count + broken == cloud.count
        assert np.isfinite(good.means).all()


def test_the_copy_for_the_browser_keeps_the_gaussians_that_matter_most(tmp_path: Path) -> None:
    cloud = clamped(make_cloud(100))
    cloud.scales[7], cloud.opacities[7] = 5.0, 0.99
    target = tmp_path / "preview.splat"
    assert write_web_copy(cloud, target, most=30) == 30
    assert target.stat().st_size == 30 * 32
    copy, _ = read_cloud(target)
    assert np.abs(copy.means[0] - cloud.means[7]).max() < 1e-6
    weight = copy.opacities * copy.scales.prod(axis=1)
    assert (np.diff(weight) <= weight[:-1] * 0.2 + 1e-9).all()  # sorted, but for the rounding of opacity
    assert write_web_copy(cloud, target, most=10_000) == 100


def test_meta_json_of_a_sog_is_read_within_its_limit(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("meta.json", json.dumps({"version": 2, "pad": "x" * (64 << 20)}))
    with pytest.raises(ModelInvalid, match=r"meta\.json"):
        inspect_splats(write(tmp_path, "pad.sog", target.getvalue()))
