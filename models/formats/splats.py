"""Reads the head of a splat cloud without trusting it: the format, how many gaussians, whether the file can hold them.

Four formats: `.ply` with the attributes of INRIA's code, `.splat` (32 bytes a gaussian), `.spz` (Niantic's gzip stream,
https://github.com/nianticlabs/spz) and `.sog` (PlayCanvas's zip of WebP pictures,
https://developer.playcanvas.com/user-manual/gaussian-splatting/formats/sog). Nothing is allocated by the file's word.
"""

from __future__ import annotations

import json
import lzma
import math
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from models.errors import ModelInvalid
from models.formats.zips import PLAIN, open_zip

MAX_GAUSSIANS = 40_000_000
"""Of one cloud: 10 GB of attributes, as many again while frames are drawn."""
MAX_PLY_HEADER_BYTES = 64 << 10
MAX_PLY_PROPERTIES = 256
SPLAT_RECORD_BYTES = 32
SPZ_MAGIC = 0x5053474E
SPZ_HEADER_BYTES = 16
SPZ_VERSIONS = (1, 2, 3)
SOG_VERSION = 2
MAX_DEFLATE_RATIO = 1032
"""Most bytes that a byte of deflate can become."""
MAX_SOG_META_BYTES = 1 << 20
MAX_SOG_MEMBERS = 64
MAX_SOG_DIRECTORY_BYTES = 1 << 20
"""Of its list of files. No less than ``MAX_SOG_META_BYTES``, which is read through the same bound."""
SPARE_SOG_BYTES = 16 << 20
"""For the palette of a .sog, and the head of a picture."""
ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, NotImplementedError, RuntimeError),
    struct.error,
)
"""What reading a damaged zip raises; deep JSON is a RuntimeError (RecursionError)."""

_UPLOAD_AGAIN = "Copy or export it again from where it is whole, and upload that."
_PLY_TYPES = {
    **{"char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2"},
    **{"ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4"},
    **{"float": "f4", "float32": "f4", "double": "f8", "float64": "f8"},
}
_PLY_NEEDED = (
    *("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2"),
    *("rot_0", "rot_1", "rot_2", "rot_3"),
)
_REST_TO_DEGREE = {0: 0, 9: 1, 24: 2, 45: 3}
_SOG_FILES = {"means": 2, "scales": 1, "quats": 1, "sh0": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class SplatSummary:
    """What the head of a cloud's file says, checked against the file's size."""

    format: str
    """`ply`, `splat`, `spz` or `sog`."""
    count: int
    sh_degree: int
    antialiased: bool = False
    data_offset: int = 0
    """Bytes before the first gaussian (`ply`, `splat`)."""
    properties: tuple[tuple[str, str], ...] = ()
    """`ply`: name and numpy type of each, in order, little endian."""
    version: int = 0
    """`spz`, `sog`."""
    fractional_bits: int = 0
    """`spz`: of a coordinate's fixed point."""
    meta: dict[str, Any] = field(default_factory=dict)
    """`sog`: its meta.json."""


def inspect_splats(path: Path) -> SplatSummary:
    """Raises ``ModelInvalid`` for a file that is no splat cloud, is cut off, or claims more than it can hold."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ModelInvalid(
            f"{path.name} is no splat cloud that this farm reads.", remedy=f"Use one of: {', '.join(_READERS)}."
        )
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            size = file.tell()
            file.seek(0)
            summary = reader(file, path, size)
    except FileNotFoundError as error:
        raise ModelInvalid(f"The model's file {path.name} is missing.") from error
    if summary.count == 0:
        raise ModelInvalid(f"{path.name} holds no gaussian.", remedy="Export the cloud again.")
    return summary


def check_count(count: int, name: str) -> None:
    """Refuse more gaussians than a replica can hold."""
    if count > MAX_GAUSSIANS:
        raise ModelInvalid(
            f"{name} claims {count} gaussians; at most {MAX_GAUSSIANS} are allowed.",
            remedy="Thin the cloud out (by opacity and size), or cut it into several models.",
        )


def _ply(file: BinaryIO, path: Path, size: int) -> SplatSummary:
    name, head = path.name, file.read(MAX_PLY_HEADER_BYTES)
    at = head.find(b"end_header\n")
    if not head.startswith(b"ply\n") or at < 0:
        raise ModelInvalid(
            f"{name} has no PLY header within {MAX_PLY_HEADER_BYTES} bytes.",
            remedy="Save it as a binary little-endian .ply with Unix line ends.",
        )
    data_offset = at + len(b"end_header\n")
    count, properties = _ply_header(head[:at].decode("ascii", "replace").split("\n")[1:], name)
    check_count(count, name)
    names = {each for each, _ in properties}
    missing = [each for each in _PLY_NEEDED if each not in names]
    if missing:
        raise ModelInvalid(
            f"{name} is no cloud of gaussians: it lacks {', '.join(missing[:5])}.",
            remedy="Export it with the attributes of INRIA's code (x y z f_dc_* f_rest_* opacity scale_* rot_*); "
            "compressed .ply files can be turned into these with splat-transform.",
        )
    rest = sum(1 for each in names if each.startswith("f_rest_"))
    if rest not in _REST_TO_DEGREE or any(f"f_rest_{number}" not in names for number in range(rest)):
        raise ModelInvalid(
            f"{name} has {rest} attributes f_rest_*; 0, 9, 24 or 45 are supported (degrees 0 to 3).",
            remedy="Export it with spherical harmonics of degree 3 at most.",
        )
    record = sum(int(kind[2:]) for _, kind in properties)
    if data_offset + count * record > size:
        raise ModelInvalid(
            f"{name} claims {count} gaussians of {record} bytes, and holds {max(0, size - data_offset)} bytes of them.",
            remedy=_UPLOAD_AGAIN,
        )
    return SplatSummary(
        format="ply",
        count=count,
        sh_degree=_REST_TO_DEGREE[rest],
        data_offset=data_offset,
        properties=tuple(properties),
    )


def _ply_header(lines: list[str], name: str) -> tuple[int, list[tuple[str, str]]]:
    """Gaussians, and their properties. What follows the vertices is not read."""
    count, element, properties, known = -1, "", list[tuple[str, str]](), False
    for words in (line.split() for line in lines):
        match words:
            case [] | ["comment", *_] | ["obj_info", *_]:
                continue
            case ["format", "binary_little_endian", "1.0"]:
                known = True
            case ["format", *kind]:
                raise ModelInvalid(
                    f"{name} is a PLY of the format {' '.join(kind)[:40]!r}; only binary_little_endian 1.0 is read.",
                    remedy="Save it as a binary little-endian .ply.",
                )
            case ["element", each, number] if number.isascii() and number.isdigit() and len(number) < 20:
                if each != "vertex" and count < 0:
                    raise ModelInvalid(
                        f"{name} begins with the element {each[:40]!r}, not with its vertices.",
                        remedy="Export it as a plain .ply; splat-transform turns compressed ones into that.",
                    )
                if each == "vertex" and count >= 0:
                    raise ModelInvalid(f"{name} has two lists of vertices.", remedy="Export it again.")
                element, count = each, int(number) if each == "vertex" else count
            case ["property", kind, each] if kind in _PLY_TYPES:
                if element == "vertex":
                    properties.append((each, f"<{_PLY_TYPES[kind]}"))
            case ["property", "list", *_] if element not in ("", "vertex"):
                continue
            case _:
                raise ModelInvalid(
                    f"{name} has a line in its header that is not understood: {' '.join(words)[:60]!r}.",
                    remedy="Export it again as a plain binary .ply.",
                )
        if len(properties) > MAX_PLY_PROPERTIES:
            raise ModelInvalid(f"{name} has more than {MAX_PLY_PROPERTIES} attributes a gaussian.")
    if not known:
        raise ModelInvalid(f"{name} does not say its format.", remedy="Save it as a binary little-endian .ply.")
    if len({each for each, _ in properties}) != len(properties):
        raise ModelInvalid(f"{name} names an attribute twice.", remedy="Export it again.")
    return max(count, 0), properties


def _splat(file: BinaryIO, path: Path, size: int) -> SplatSummary:
    name = path.name
    count, rest = divmod(size, SPLAT_RECORD_BYTES)
    if rest:
        raise ModelInvalid(
            f"{name} is {size} bytes long, which is no multiple of {SPLAT_RECORD_BYTES}.", remedy=_UPLOAD_AGAIN
        )
    check_count(count, name)
    return SplatSummary(format="splat", count=count, sh_degree=0)


def spz_body_bytes(*, version: int, count: int, sh_degree: int) -> int:
    """Of the attributes behind the header, unpacked."""
    position, rotation = (6 if version == 1 else 9), (4 if version >= 3 else 3)
    return count * (position + rotation + 1 + 3 + 3 + 3 * ((sh_degree + 1) ** 2 - 1))


def _spz(file: BinaryIO, path: Path, size: int) -> SplatSummary:
    name, packed = path.name, file.read(4096)
    try:
        head = zlib.decompressobj(wbits=31).decompress(packed, SPZ_HEADER_BYTES)
    except zlib.error:
        head = packed[:SPZ_HEADER_BYTES]  # from version 4 on, the header is not packed
    if len(head) < SPZ_HEADER_BYTES or head[:4] != SPZ_MAGIC.to_bytes(4, "little"):
        raise ModelInvalid(f"{name} has no SPZ header.", remedy=_UPLOAD_AGAIN)
    _, version, count, degree, bits, flags, _ = struct.unpack("<IIIBBBB", head)
    if version not in SPZ_VERSIONS:
        raise ModelInvalid(
            f"{name} is an SPZ of version {version}; versions {', '.join(map(str, SPZ_VERSIONS))} are read.",
            remedy="Save it again in version 3, or export it as a .ply or .sog.",
        )
    check_count(count, name)
    if degree > 3 or bits > 23:
        raise ModelInvalid(
            f"{name} has spherical harmonics of degree {degree} and {bits} fractional bits; at most 3 and 23 are read.",
            remedy="Save it with degree 3 at most.",
        )
    if spz_body_bytes(version=version, count=count, sh_degree=degree) > size * MAX_DEFLATE_RATIO:
        raise ModelInvalid(f"{name} claims {count} gaussians, which {size} bytes cannot hold.", remedy=_UPLOAD_AGAIN)
    return SplatSummary(
        format="spz",
        count=count,
        sh_degree=degree,
        antialiased=bool(flags & 1),
        version=version,
        fractional_bits=bits,
    )


def _sog(_: BinaryIO, path: Path, __: int) -> SplatSummary:
    name = path.name
    try:
        with open_zip(path, directory_bytes=MAX_SOG_DIRECTORY_BYTES) as archive:
            members = archive.infolist()
            if strange := [each.filename for each in members if each.compress_type not in PLAIN]:
                raise ModelInvalid(
                    f"{name} holds {strange[0][:80]!r} packed in a way that is not read here.",
                    remedy="Pack it without compression, as splat-transform does, or by deflate.",
                )
            meta_file = next((each for each in members if each.filename == "meta.json"), None)
            if len(members) > MAX_SOG_MEMBERS or meta_file is None or meta_file.file_size > MAX_SOG_META_BYTES:
                raise ModelInvalid(f"{name} has no usable meta.json at its root.", remedy=_UPLOAD_AGAIN)
            with archive.open(meta_file) as stream:  # a zip's sizes are claims: read no more than allowed
                meta = json.loads(stream.read(MAX_SOG_META_BYTES))
            sizes = {each.filename: each.file_size for each in members}
    except (ValueError, *ZIP_ERRORS) as error:
        raise ModelInvalid(f"{name} is no readable SOG archive: {error}", remedy=_UPLOAD_AGAIN) from error
    version = meta.get("version", 1) if isinstance(meta, dict) else None  # the first version does not say
    if version != SOG_VERSION:
        raise ModelInvalid(
            f"{name} is a SOG of version {str(version)[:20]}; version {SOG_VERSION} is read.",
            remedy="Save it again with a recent splat-transform or SuperSplat, or export it as a .ply.",
        )
    count = meta.get("count")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ModelInvalid(f"{name} does not say how many gaussians it holds.", remedy=_UPLOAD_AGAIN)
    check_count(count, name)
    degree = _sog_parts(meta, name, sizes, largest=max_sog_member_bytes(count))
    return SplatSummary(
        format="sog",
        count=count,
        sh_degree=degree,
        antialiased=meta.get("antialias") is True,
        version=SOG_VERSION,
        meta=meta,
    )


def max_sog_member_bytes(count: int) -> int:
    """Of one picture, packed: twice what its pixels take unpacked, so that no bomb hides in the zip."""
    return 8 * count + SPARE_SOG_BYTES


def _sog_parts(meta: dict[str, Any], name: str, sizes: dict[str, int], *, largest: int) -> int:
    """Check each part of meta.json and that its pictures are there; returns the degree of its harmonics."""
    wanted = dict(_SOG_FILES)
    degree: Any = 0
    if meta.get("shN") is not None:
        wanted["shN"] = 2
        higher = meta["shN"] if isinstance(meta["shN"], dict) else {}
        degree = higher.get("bands")
        if degree not in (1, 2, 3) or not isinstance(higher.get("count"), int) or not 0 <= higher["count"] <= 1 << 16:
            raise ModelInvalid(f"{name}: meta.json's 'shN' is not understood.", remedy=_UPLOAD_AGAIN)
    for part, number in wanted.items():
        entry = meta[part] if isinstance(meta.get(part), dict) else {}
        files = entry.get("files")
        if (
            not isinstance(files, list)
            or len(files) != number
            or any(not isinstance(each, str) or not 0 < sizes.get(each, 0) <= largest for each in files)
        ):
            raise ModelInvalid(f"{name}: the pictures of '{part}' are missing or too large.", remedy=_UPLOAD_AGAIN)
        for key, length in (("codebook", 256),) if part in ("scales", "sh0", "shN") else ():
            _numbers(entry.get(key), length, f"{name}: {part}.{key}")
        for key in ("mins", "maxs") if part == "means" else ():
            _numbers(entry.get(key), 3, f"{name}: {part}.{key}")
    return int(degree)


def _numbers(value: Any, length: int, where: str) -> None:
    good = isinstance(value, list) and len(value) == length
    if not good or not all(
        isinstance(each, int | float) and not isinstance(each, bool) and abs(each) < 1e30 and math.isfinite(each)
        for each in value
    ):
        raise ModelInvalid(f"{where} must be {length} finite numbers.", remedy=_UPLOAD_AGAIN)


_READERS = {".ply": _ply, ".splat": _splat, ".spz": _spz, ".sog": _sog}
