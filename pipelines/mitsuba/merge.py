"""The parts of a Mitsuba frame, each of other seeds, become the frame: their mean by weight, in linear light."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.errors import InvalidInput
from jobs.spec import Split
from pipelines.base import FramePart
from pipelines.mitsuba.picture import Layers, read_exr, write_exr, write_picture
from pipelines.mitsuba.settings import MitsubaSettings

_FRAME, _PART, _PARTS, _SAMPLES = "Frame", "Part", "Parts", "Samples"


def write_part(path: Path, layers: Layers, *, frame: int, part: FramePart, samples: int) -> None:
    """32 bits, with what the merge must know in the header."""
    attributes = {_FRAME: frame, _PART: part.number, _PARTS: part.of, _SAMPLES: samples}
    write_exr(path, layers, bits=32, attributes=attributes)


def merge_parts(parts: Sequence[Path], target: Path, *, settings: MitsubaSettings, frame: int, split: Split) -> None:
    """Write the frame to ``target``; one part is held at a time. Raises ``InvalidInput`` for parts that do not fit."""
    if len(parts) != split.parts:
        raise InvalidInput(f"Frame {frame} is not merged: it has {len(parts)} parts, not {split.parts}.")
    size = None if settings.width is None or settings.height is None else (settings.width, settings.height)
    sums: dict[str, npt.NDArray[np.float64]] = {}
    total = 0
    for number, path in enumerate(parts):
        layers, facts = read_exr(path, size=size)
        samples = facts.get(_SAMPLES, 0)
        if samples < 1 or (facts.get(_FRAME), facts.get(_PART), facts.get(_PARTS)) != (frame, number, split.parts):
            raise InvalidInput(f"Frame {frame} is not merged: file {number} is not part {number} of {split.parts}.")
        if sums and {name: values.shape for name, values in sums.items()} != {
            name: values.shape for name, values in layers.items()
        }:
            raise InvalidInput(f"Frame {frame} is not merged: part {number} is of another size or has other layers.")
        total += samples
        for name, values in layers.items():
            weighed = values.astype(np.float64) * samples
            sums[name] = sums[name] + weighed if name in sums else weighed
    write_picture(target, {name: (values / total).astype(np.float32) for name, values in sums.items()}, settings)
