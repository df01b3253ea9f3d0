"""Read and apply `.cube` files: a 3D table of colours (after Adobe's Cube LUT Specification 1.0)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jobs.errors import InvalidInput
from pipelines.post.exr import Floats

MAX_EDGE = 129
"""Entries along one side; the largest in use is 129 (2.1 million rows)."""
MAX_FILE_BYTES = 128 * 1024**2
"""Of the text: 2.1 million rows of 60 characters."""
MAX_VALUE = 1000.0
"""Of an entry or a domain bound: far above any screen."""


class BadLut(InvalidInput):
    """The file is no 3D `.cube` table."""

    code = "bad-lut"


@dataclass(frozen=True, slots=True)
class CubeLut:
    table: Floats
    """(edge, edge, edge, 3), indexed [blue, green, red]: red runs fastest in the file."""
    low: Floats
    high: Floats
    """(3,) of the input that the first and last entries stand for."""


def read_cube(path: Path) -> CubeLut:
    """Raises ``BadLut``, which names the line, before anything of the table's claimed size is allocated."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise BadLut(f"{path.name} is larger than {MAX_FILE_BYTES} bytes.")
    edge, low, high = 0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    rows: list[tuple[float, float, float]] = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            words = line.split("#", 1)[0].split()
            if not words or words[0] == "TITLE":
                continue
            if words[0] == "LUT_1D_SIZE":
                raise BadLut(f"{path.name} is a 1D table.", remedy="Export it as a 3D one.")
            if words[0] == "LUT_3D_SIZE":
                edge = _edge(words, number)
            elif words[0] == "DOMAIN_MIN":
                low = _triple(words[1:], number)
            elif words[0] == "DOMAIN_MAX":
                high = _triple(words[1:], number)
            elif edge == 0:
                raise BadLut(f"Line {number} of {path.name} comes before LUT_3D_SIZE, or is no `.cube` line.")
            elif len(rows) == edge**3:
                raise BadLut(f"{path.name} has more than the {edge**3} rows that its size promises.")
            else:
                rows.append(_triple(words, number))
    if edge == 0 or len(rows) != edge**3:
        raise BadLut(f"{path.name} has {len(rows)} rows; a table of size {edge} has {edge**3}.")
    if any(a >= b for a, b in zip(low, high, strict=True)):
        raise BadLut(f"{path.name} has an empty domain.")
    table = np.array(rows, dtype=np.float32).reshape(edge, edge, edge, 3)
    return CubeLut(table, np.array(low, dtype=np.float32), np.array(high, dtype=np.float32))


def apply_cube(lut: CubeLut, pixels: Floats) -> Floats:
    """(height, width, 3) through the table by trilinear interpolation; outside of its domain the nearest entry."""
    edge = lut.table.shape[0]
    at = ((pixels - lut.low) / (lut.high - lut.low)).clip(0.0, 1.0) * (edge - 1)
    first = np.minimum(at.astype(np.int32), edge - 2)
    part = (at - first).astype(np.float32)
    red, green, blue = (first[..., channel] for channel in range(3))
    fr, fg, fb = (part[..., channel, None] for channel in range(3))
    result = np.zeros(pixels.shape, dtype=np.float32)
    for corner in range(8):
        dr, dg, db = corner & 1, corner >> 1 & 1, corner >> 2
        weight = (fr if dr else 1 - fr) * (fg if dg else 1 - fg) * (fb if db else 1 - fb)
        result += weight * lut.table[blue + db, green + dg, red + dr]
    return result


def _edge(words: list[str], number: int) -> int:
    if len(words) != 2 or not words[1].isascii() or not words[1].isdigit() or not 2 <= int(words[1][:6]) <= MAX_EDGE:
        raise BadLut(f"Line {number}: LUT_3D_SIZE is a number from 2 to {MAX_EDGE}.")
    return int(words[1])


def _triple(words: list[str], number: int) -> tuple[float, float, float]:
    try:
        red, green, blue = (float(word) for word in words)
    except ValueError:
        raise BadLut(f"Line {number} is not three numbers.") from None
    if not all(abs(value) <= MAX_VALUE for value in (red, green, blue)):  # NaN is not either
        raise BadLut(f"Line {number} has a value outside of -{MAX_VALUE:g} to {MAX_VALUE:g}.")
    return red, green, blue
