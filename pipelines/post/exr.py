"""Read and write OpenEXR files with all their layers, after the header has been held against a limit.

The library (PyPI ``OpenEXR``) must never come into Blender's process, where it breaks the next render; this module
runs in post tasks only and imports it at the first use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pipelines.post.exr_layout import check_blocks
from pipelines.post.optional import optional_library
from pipelines.post.pixels import EXR_MAGIC, BadPicture

Floats = npt.NDArray[np.float32]

DECODED_LIMIT_BYTES = 2 * 1024**3
"""Memory that the layers of one file may take decoded: 10 float layers of RGB at 8K are 4 GB and are refused."""
COLOUR_LIMIT_BYTES = 4 * 1024**3
"""The same where the colour alone is kept: previews and films of an 8K frame with ten passes of three channels."""
MAX_CHANNELS = 1024
"""Of one file; Blender writes some tens with every pass on."""
_SAMPLE_BYTES = 4

_ALBEDO = ("albedo", "denoising albedo", "alb")
_NORMAL = ("normal", "denoising normal", "sh_normal", "nn")
"""Last part of a layer's name in lower case: Blender's denoising data first, Mitsuba's AOVs last."""


@dataclass(frozen=True, slots=True)
class ExrPicture:
    """Channels by full name (``ViewLayer.Combined.R``), each (height, width) float32, in the order of the file."""

    width: int
    height: int
    channels: Mapping[str, Floats]

    def layer(self, name: str, suffixes: str) -> Floats | None:
        """(height, width, len(suffixes)) of a layer (empty name: channels without one); None where one is lacking."""
        prefix = f"{name}." if name else ""
        planes = [self.channels.get(f"{prefix}{suffix}") for suffix in suffixes]
        if any(plane is None for plane in planes):
            return None
        return np.stack([plane for plane in planes if plane is not None], axis=-1)

    def layers(self) -> list[str]:
        """Names of layers, the colour's own first."""
        names = dict.fromkeys(name.rpartition(".")[0] for name in self.channels)
        return sorted(names, key=lambda name: (name != "", not name.lower().endswith("combined")))

    def colour(self) -> Floats:
        """(height, width, 3) linear: ``RGB`` without a layer, else the layer ``Combined``, else the first with RGB."""
        for name in self.layers():
            found = self.layer(name, "RGB")
            if found is not None:
                return found
        grey = self.channels.get("Y")
        if grey is not None:
            return np.repeat(grey[:, :, None], 3, axis=2)
        raise BadPicture("The OpenEXR file has no layer with R, G and B.", remedy=f"It has {list(self.channels)[:20]}.")

    def alpha(self) -> Floats | None:
        """(height, width) of the colour's layer."""
        for name in self.layers():
            if self.layer(name, "RGB") is not None:
                return self.channels.get(f"{name}.A" if name else "A")
        return None

    def guide(self, kind: Literal["albedo", "normal"]) -> Floats | None:
        """(height, width, 3) of what helps the denoiser, found by the layer's name; denoising data before passes."""
        wanted, suffixes = (_ALBEDO, ("RGB", "XYZ")) if kind == "albedo" else (_NORMAL, ("XYZ", "RGB"))
        named = {name: name.rpartition(".")[2].lower() for name in self.layers()}
        for name in sorted(
            (name for name in named if named[name] in wanted), key=lambda n: "denoising" not in named[n]
        ):
            for triple in suffixes:
                found = self.layer(name, triple)
                if found is not None:
                    return found
        return None


def is_exr(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == EXR_MAGIC


def read_exr(path: Path, *, limit_bytes: int = DECODED_LIMIT_BYTES) -> ExrPicture:
    """All channels of all parts of the first part's size, as float32.

    Raises ``BadPicture`` for a file that is cut off, deep, subsampled, or larger decoded than ``limit_bytes``.
    """
    size, planes = _planes_of(path, limit_bytes)
    return ExrPicture(*size, {name: np.asarray(plane, dtype=np.float32) for name, plane in planes.items()})


def read_colour(path: Path, *, limit_bytes: int = COLOUR_LIMIT_BYTES) -> Floats:
    """(height, width, 3) float32, linear; the layer that ``ExrPicture.colour`` names. Raises as ``read_exr``."""
    size, planes = _planes_of(path, limit_bytes)
    return np.asarray(ExrPicture(*size, planes).colour(), dtype=np.float32)


def write_exr(path: Path, channels: Mapping[str, Floats], *, half: bool = False) -> None:
    """Write channels of one size by full name, losslessly packed (ZIP); ``half``: 16-bit floats."""
    library = _library()
    kind = np.float16 if half else np.float32
    planes = {name: np.ascontiguousarray(plane, dtype=kind) for name, plane in channels.items()}
    header = {"compression": library.ZIP_COMPRESSION, "type": library.scanlineimage}
    with library.File(header, planes) as file:
        file.write(str(path))


def rgb_channels(pixels: Floats, *, layer: str = "", alpha: Floats | None = None) -> dict[str, Floats]:
    """(height, width, 3) as named planes for ``write_exr``."""
    prefix = f"{layer}." if layer else ""
    planes = {f"{prefix}{suffix}": pixels[:, :, at] for at, suffix in enumerate("RGB")}
    return planes if alpha is None else {**planes, f"{prefix}A": alpha}


def _library() -> Any:
    return optional_library("OpenEXR", what="read the layers of OpenEXR files")


def checked_size(
    headers: list[dict[str, Any]], name: str, limit_bytes: int, *, max_channels: int = MAX_CHANNELS
) -> tuple[int, int]:
    """(width, height) of the first part, from the headers alone: nothing of the pixels has been allocated yet.

    Raises ``BadPicture`` for more channels than ``max_channels``, or more than ``limit_bytes`` as 32-bit floats.
    """
    total, count, first = 0, 0, (0, 0)
    for header in headers:
        low, high = header["dataWindow"]
        width, height = int(high[0]) - int(low[0]) + 1, int(high[1]) - int(low[1]) + 1
        if width <= 0 or height <= 0:
            raise BadPicture(f"{name} has an OpenEXR header that makes no sense.")
        if any(one.xSampling != 1 or one.ySampling != 1 for one in header["channels"]):
            raise BadPicture(f"{name} has subsampled channels, which no step takes.")
        first = first if count else (width, height)
        count += len(header["channels"])
        total += width * height * _SAMPLE_BYTES * len(header["channels"])
    if count > max_channels or total > limit_bytes:
        raise BadPicture(
            f"{name} has {count} channels that take {total} bytes decoded; the limits are {max_channels} and "
            f"{limit_bytes}.",
            remedy="Render it smaller, or with fewer passes.",
        )
    return first


def _planes_of(path: Path, limit_bytes: int) -> tuple[tuple[int, int], dict[str, Any]]:
    """(width, height), and each channel in the file's own kind of number."""
    if not is_exr(path):
        raise BadPicture(f"{path.name} is no OpenEXR file.")
    check_blocks(path)
    library = _library()
    try:
        with library.File(str(path), header_only=True) as file:
            size = checked_size([part.header for part in file.parts], path.name, limit_bytes)
        with library.File(str(path), separate_channels=True) as file:
            return size, _channels_of(file.parts, size)
    except (RuntimeError, ValueError, TypeError) as error:
        raise BadPicture(f"{path.name} cannot be decoded: {error}") from error


def _channels_of(parts: list[Any], size: tuple[int, int]) -> dict[str, Any]:
    """Parts of another size are left out: they cannot be laid over the first."""
    found: dict[str, Any] = {}
    for part in parts:
        if (part.width(), part.height()) != size:
            continue
        prefix = part.name() or ""
        for name, channel in part.channels.items():
            full = name if not prefix or name.startswith(f"{prefix}.") or len(parts) == 1 else f"{prefix}.{name}"
            found[full] = channel.pixels
    if not found:
        raise BadPicture("The OpenEXR file has no flat channels.", remedy="Deep files are not taken.")
    return found
