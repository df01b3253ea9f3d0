"""Ways to damage a .blend that its block list does not show, or does."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from pathlib import Path

_HEADER_BYTES = 17
_BLOCK = struct.Struct("<4s4x8xq8x")
_LEFT_ALONE = frozenset({b"DNA1", b"ENDB", b"GLOB", b"TEST", b"REND"})


def flip_data(source: Path, target: Path, *, seed: int = 0) -> None:
    """Flip bits in the data of every block and in no block's head: the list stays whole, Blender segfaults (14 of 14
    seeds on 5.0.1)."""
    data = bytearray(source.read_bytes())
    choose = random.Random(seed)
    for start, length in _bodies(bytes(data)):
        for _ in range(max(1, length // 24)):
            data[start + choose.randrange(length)] ^= 1 << choose.randrange(8)
    target.write_bytes(data)


def cut(source: Path, target: Path, *, keep: float) -> None:
    """The first part of a file."""
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * keep)])


def _bodies(data: bytes) -> Iterator[tuple[int, int]]:
    position = _HEADER_BYTES
    while True:
        code, length = _BLOCK.unpack_from(data, position)
        position += _BLOCK.size
        if code == b"ENDB":
            return
        if code not in _LEFT_ALONE and length:
            yield position, length
        position += length
