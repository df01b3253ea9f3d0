"""The smallest PNG writer: gradients that depend on frame and seed, made by zlib alone."""

from __future__ import annotations

import struct
import zlib


def gradient_png(*, width: int, height: int, frame: int, seed: int) -> bytes:
    """An 8-bit RGB image; two frames or seeds never give the same bytes."""
    red, green, blue = frame & 0xFF, (frame >> 8) & 0xFF, seed & 0xFF
    row = bytes(
        channel
        for x in range(width)
        for channel in ((red + x * 255 // max(1, width - 1)) & 0xFF, (green + x) & 0xFF, blue)
    )
    pixels = (b"\x00" + row) * height
    label = f"frame {frame} seed {seed}".encode()
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            _chunk(b"tEXt", b"Comment\x00" + label),
            _chunk(b"IDAT", zlib.compress(pixels, 1)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
