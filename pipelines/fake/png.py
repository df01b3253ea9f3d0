"""The smallest PNG writer and reader: gradients that depend on frame, seed and samples, made by zlib alone."""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from jobs.errors import InvalidInput

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SAMPLE_STEP = 37
"""Between the values of two samples of a pixel; coprime to 256, so that they spread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """An RGB picture; 8-bit values of a frame, or 16-bit sums over the samples of a part."""

    width: int
    height: int
    depth: int
    """Bits a channel: 8 or 16."""
    label: str
    rows: list[bytes]
    """Big-endian, without PNG's filter byte."""

    def encode(self) -> bytes:
        data = b"".join(b"\x00" + row for row in self.rows)
        header = struct.pack(">IIBBBBB", self.width, self.height, self.depth, 2, 0, 0, 0)
        return b"".join(
            (
                SIGNATURE,
                _chunk(b"IHDR", header),
                _chunk(b"tEXt", b"Comment\x00" + self.label.encode()),
                _chunk(b"IDAT", zlib.compress(data, 1)),
                _chunk(b"IEND", b""),
            )
        )


def gradient_png(*, width: int, height: int, frame: int, seed: int, samples: int = 1) -> bytes:
    """An 8-bit RGB image; two frames or seeds never give the same bytes."""
    row = mean_of(sums_of(gradient_row(width=width, frame=frame, seed=seed), range(samples)), samples)
    return Pixels(width=width, height=height, depth=8, label=frame_label(frame, seed), rows=[row] * height).encode()


def frame_label(frame: int, seed: int) -> str:
    return f"frame {frame} seed {seed}"


def gradient_row(*, width: int, frame: int, seed: int) -> bytes:
    """The first sample of each channel of a row; all rows are alike."""
    red, green, blue = frame & 0xFF, (frame >> 8) & 0xFF, seed & 0xFF
    return bytes(
        channel
        for x in range(width)
        for channel in ((red + x * 255 // max(1, width - 1)) & 0xFF, (green + x) & 0xFF, blue)
    )


def sums_of(row: bytes, samples: Iterable[int]) -> array[int]:
    """The sum over these samples of each channel; 256 samples of 8 bits fit 16."""
    numbers = list(samples)
    table = [sum((value + number * _SAMPLE_STEP) & 0xFF for number in numbers) for value in range(256)]
    return array("H", (table[value] for value in row))


def mean_of(sums: array[int], samples: int) -> bytes:
    """Rounded to 8 bits."""
    return bytes((2 * value + samples) // (2 * samples) for value in sums)


def decode(data: bytes) -> Pixels:
    """Read back what ``Pixels.encode`` wrote. Raises ``InvalidInput`` for anything else."""
    if not data.startswith(SIGNATURE):
        raise InvalidInput("A part of the frame is no PNG picture.")
    found: dict[bytes, bytes] = {}
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        found[data[at + 4 : at + 8]] = data[at + 8 : at + 8 + length]
        at += 12 + length
    try:
        width, height, depth, *_ = struct.unpack(">IIBBBBB", found[b"IHDR"])
        pixels = zlib.decompress(found[b"IDAT"])
        label = found[b"tEXt"].split(b"\x00", 1)[1].decode()
    except (KeyError, IndexError, ValueError, struct.error, zlib.error) as error:
        raise InvalidInput("A part of the frame is cut off or damaged.") from error
    stride = 1 + width * 3 * (depth // 8)
    if depth not in (8, 16) or len(pixels) != height * stride:
        raise InvalidInput("A part of the frame has not the size that its header says.")
    rows = [pixels[start + 1 : start + stride] for start in range(0, len(pixels), stride)]
    return Pixels(width=width, height=height, depth=depth, label=label, rows=rows)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
