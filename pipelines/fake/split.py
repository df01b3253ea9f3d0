"""Parts of a fake frame, and the frame that they make together: bit for bit the one that is rendered whole."""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Sequence
from pathlib import Path

from jobs.errors import InvalidInput
from jobs.spec import Split, SplitMode
from pipelines.base import FramePart
from pipelines.fake.png import Pixels, decode, frame_label, gradient_row, mean_of, sums_of
from pipelines.fake.settings import FakeSettings

_WEIGHT = re.compile(r" samples (\d+)$")


def share(total: int, part: int, parts: int) -> range:
    """Which of ``total`` rows or samples this part has; all parts together have each of them once."""
    return range(total * part // parts, total * (part + 1) // parts)


def part_png(settings: FakeSettings, *, frame: int, part: FramePart) -> bytes:
    """Borders: the whole picture, black outside of its band. Samples: 16-bit sums, and over how many in the label."""
    row = gradient_row(width=settings.width, frame=frame, seed=settings.seed)
    label = frame_label(frame, settings.seed)
    if part.mode is SplitMode.BORDERS:
        band = share(settings.height, part.number, part.of)
        full = mean_of(sums_of(row, range(settings.samples)), settings.samples)
        black = bytes(len(full))
        rows = [full if y in band else black for y in range(settings.height)]
        return Pixels(width=settings.width, height=settings.height, depth=8, label=label, rows=rows).encode()
    samples = share(settings.samples, part.number, part.of)
    sums = _big_endian(sums_of(row, samples))
    return Pixels(
        width=settings.width,
        height=settings.height,
        depth=16,
        label=f"{label} samples {len(samples)}",
        rows=[sums] * settings.height,
    ).encode()


def merge_parts(parts: Sequence[Path], target: Path, *, settings: FakeSettings, frame: int, split: Split) -> None:
    """Write the frame to ``target``. Raises ``InvalidInput`` where the parts are not those of this frame."""
    pictures = [decode(path.read_bytes()) for path in parts]
    size = (settings.width, settings.height)
    if len(pictures) != split.parts or any((picture.width, picture.height) != size for picture in pictures):
        raise InvalidInput(f"Frame {frame} is not merged: its {len(pictures)} parts are not {split.parts} of its size.")
    label = frame_label(frame, settings.seed)
    if any(_WEIGHT.sub("", picture.label) != label for picture in pictures):
        raise InvalidInput(f"Frame {frame} is not merged: a part is of another frame or seed.")
    rows = _banded(pictures) if split.mode is SplitMode.BORDERS else _weighed(pictures)
    target.write_bytes(Pixels(width=settings.width, height=settings.height, depth=8, label=label, rows=rows).encode())


def _banded(pictures: list[Pixels]) -> list[bytes]:
    height = pictures[0].height
    return [picture.rows[y] for number, picture in enumerate(pictures) for y in share(height, number, len(pictures))]


def _weighed(pictures: list[Pixels]) -> list[bytes]:
    weights = [int(found[1]) for picture in pictures if (found := _WEIGHT.search(picture.label))]
    if len(weights) != len(pictures):
        raise InvalidInput("A part does not say how many samples it holds.")
    merged = []
    for rows in zip(*(picture.rows for picture in pictures), strict=True):
        sums = [_native(row) for row in rows]
        merged.append(mean_of(array("H", map(sum, zip(*sums, strict=True))), sum(weights)))
    return merged


def _big_endian(values: array[int]) -> bytes:
    copy = array("H", values)
    if sys.byteorder == "little":
        copy.byteswap()
    return copy.tobytes()


def _native(row: bytes) -> array[int]:
    values = array("H")
    values.frombytes(row)
    if sys.byteorder == "little":
        values.byteswap()
    return values
