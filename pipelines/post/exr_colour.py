"""The colours of an OpenEXR file of several parts, which FFmpeg does not decode. Never used where ``bpy`` is."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.errors import InvalidInput

DECODED_LIMIT_BYTES = 4 * 1024**3
"""Memory that all channels of a file may take: an 8K frame with ten passes of three channels."""
_SAMPLE_BYTES = 4


def first_colours(path: Path) -> npt.NDArray[np.float32]:
    """(height, width, 3) float32, linear: the first layer of the file that has R, G and B (Blender's Combined)."""
    library: Any = importlib.import_module("OpenEXR")  # only where it is needed: it must never be in an engine
    try:
        with library.File(str(path), header_only=True) as file:
            need = sum(_decoded_bytes(part.header) for part in file.parts)
        if need > DECODED_LIMIT_BYTES:
            raise InvalidInput(f"{path.name} takes {need} bytes decoded; {DECODED_LIMIT_BYTES} are allowed.")
        with library.File(str(path), separate_channels=True) as file:
            for part in file.parts:
                names = _colour_names(part.channels)
                if names is not None:
                    planes = [np.asarray(part.channels[name].pixels, dtype=np.float32) for name in names]
                    return np.stack(planes, axis=-1)
    except RuntimeError as error:
        raise InvalidInput(f"{path.name} cannot be decoded: {error}") from error
    raise InvalidInput(f"{path.name} has no layer with R, G and B.")


def _decoded_bytes(header: dict[str, Any]) -> int:
    low, high = header["dataWindow"]
    return int(high[0] - low[0] + 1) * int(high[1] - low[1] + 1) * len(header["channels"]) * _SAMPLE_BYTES


def _colour_names(channels: Iterable[str]) -> tuple[str, str, str] | None:
    there = set(channels)
    for red in sorted(name for name in there if name == "R" or name.endswith(".R")):
        green, blue = f"{red[:-1]}G", f"{red[:-1]}B"
        if green in there and blue in there:
            return red, green, blue
    return None
