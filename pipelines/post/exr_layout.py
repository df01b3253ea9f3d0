"""Where the blocks of an OpenEXR file lie (after the OpenEXR file layout document): a cut-off file lacks some.

A decoder is no help here: FFmpeg's gives a picture of half a file without a word.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipelines.post.pixels import BadPicture, PictureFacts

_TILED, _DEEP, _MULTIPART = 0x200, 0x800, 0x1000
_LINES = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}
"""Compression -> scan lines of a block."""
_HEADER_LIMIT = 1 << 20
_MOST_BLOCKS = 1 << 20
"""A picture of a million lines; more is no table but noise."""


@dataclass(slots=True)
class _Part:
    compression: int | None = None
    height: int | None = None
    chunk_count: int | None = None
    tiled: bool = False
    display: tuple[int, int] | None = None
    """Width and height of its display window."""

    def blocks(self) -> int | None:
        """How many the offset table names; None where it cannot be told."""
        if self.chunk_count is not None:
            return self.chunk_count
        lines = _LINES.get(-1 if self.compression is None else self.compression)
        if self.tiled or lines is None or self.height is None:
            return None
        return -(-self.height // lines)


def check_blocks(path: Path) -> None:
    """Refuse a file whose table names a block that is not wholly in it. Tiled files without a count pass."""
    with path.open("rb") as file:
        checked_exr(file, path.name)


def checked_exr(file: BinaryIO, name: str) -> PictureFacts:
    """As ``check_blocks``, of a file from its start; gives the display window of its first part."""
    size = os.fstat(file.fileno()).st_size
    header = file.read(_HEADER_LIMIT)
    if len(header) < 8:
        raise _cut_off(name)
    flags = struct.unpack_from("<I", header, 4)[0]
    parts, at = _read_headers(header, name, multipart=bool(flags & _MULTIPART))
    if flags & _TILED and not flags & _MULTIPART:
        parts[0].tiled = True
    if parts[0].display is None or min(parts[0].display) < 1:
        raise BadPicture(f"{name} has an OpenEXR header that makes no sense: its display window.")
    facts = PictureFacts(*parts[0].display)
    counts = [part.blocks() for part in parts]
    if flags & _DEEP or None in counts:
        return facts
    count = sum(number for number in counts if number is not None)
    if not 0 < count <= _MOST_BLOCKS:
        raise BadPicture(f"{name} has an OpenEXR header that makes no sense.")
    file.seek(at)
    table = file.read(8 * count)
    if len(table) < 8 * count:
        raise _cut_off(name)
    head = (4 if flags & _MULTIPART else 0) + (20 if any(part.tiled for part in parts) else 8)  # 4: the block's part
    for offset in struct.unpack(f"<{count}Q", table):
        if offset == 0 or offset + head > size:
            raise _cut_off(name)
        block = os.pread(file.fileno(), head, offset)
        if offset + head + struct.unpack_from("<I", block, head - 4)[0] > size:
            raise _cut_off(name)
    return facts


def _read_headers(header: bytes, name: str, *, multipart: bool) -> tuple[list[_Part], int]:
    """The parts, and where the first offset table begins."""
    parts, at = [], 8
    try:
        while True:
            part, at = _read_header(header, at)
            parts.append(part)
            if not multipart:
                return parts, at
            if header[at] == 0:
                return parts, at + 1
    except (struct.error, ValueError, IndexError) as error:
        raise _cut_off(name) from error


def _read_header(header: bytes, at: int) -> tuple[_Part, int]:
    part = _Part()
    while header[at] != 0:
        end = header.index(b"\x00", at)
        name, at = header[at:end], end + 1
        at = header.index(b"\x00", at) + 1  # its type
        (length,) = struct.unpack_from("<I", header, at)
        at += 4
        if name == b"compression":
            part.compression = header[at]
        elif name == b"dataWindow":
            _, y_min, _, y_max = struct.unpack_from("<4i", header, at)
            part.height = y_max - y_min + 1
        elif name == b"displayWindow":
            x_min, y_min, x_max, y_max = struct.unpack_from("<4i", header, at)
            part.display = (x_max - x_min + 1, y_max - y_min + 1)
        elif name == b"chunkCount":
            (part.chunk_count,) = struct.unpack_from("<i", header, at)
        elif name == b"tiles":
            part.tiled = True
        at += length
    return part, at + 1


def _cut_off(name: str) -> BadPicture:
    return BadPicture(
        f"{name} is cut off: parts of the picture are not in the file.",
        remedy="It is rendered again; if that repeats, look for a full disk where the engine writes "
        "(RAYFARM_CLUSTER_SCRATCH_DIR).",
    )
