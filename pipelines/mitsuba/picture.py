"""Pictures as layers of floats: written as OpenEXR or for a screen, by the engine and by the merge alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import OpenEXR
from PIL import Image

from jobs.errors import InvalidInput
from pipelines.mitsuba.settings import MitsubaSettings, ToneMap
from pipelines.pictures import ImageFormat
from pipelines.post.exr import DECODED_LIMIT_BYTES, checked_size
from pipelines.post.exr_layout import check_blocks
from pipelines.post.pixels import linear_to_srgb

Layers = dict[str, npt.NDArray[np.float32]]
"""Channel (``R``, ``A``, ``albedo.G``, ``depth.T``) → (height, width), linear light."""

_HALF_MAX = 65504.0
"""Largest value of 16 bits; brighter light is cut off there, as infinity is no colour."""
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
"""Of linear Rec. 709 primaries (ITU-R BT.709)."""
_JPEG_QUALITY = 90
READ_LIMIT_BYTES = DECODED_LIMIT_BYTES
"""Of one part, decoded: the largest picture of Mitsuba with fifteen channels. A merge holds thrice as much."""
PART_PREFIX = "rayfarm"
"""Of the header attributes that a part carries."""


def write_picture(path: Path, layers: Layers, settings: MitsubaSettings) -> None:
    """In the format that the settings ask for."""
    if settings.format is ImageFormat.EXR:
        write_exr(path, layers, bits=settings.color_depth or 16)
    else:
        _write_display(path, layers, settings)


def write_exr(path: Path, layers: Layers, *, bits: int, attributes: Mapping[str, int] | None = None) -> None:
    """Scan lines, ZIP (lossless). ``attributes``: kept in the header, each name with ``PART_PREFIX``."""
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    header |= {f"{PART_PREFIX}{name}": value for name, value in (attributes or {}).items()}
    channels = {name: np.ascontiguousarray(_of_bits(values, bits)) for name, values in layers.items()}
    with OpenEXR.File(header, channels) as file:
        file.write(str(path))


def read_exr(path: Path, *, size: tuple[int, int] | None = None) -> tuple[Layers, dict[str, int]]:
    """What ``write_exr`` wrote, as 32-bit floats. Raises ``InvalidInput`` for anything else.

    No pixel is read before the headers are held against ``READ_LIMIT_BYTES`` and, where it is given, the (width,
    height) that the picture must have: an engine that was taken over may have written the file.
    """
    check_blocks(path)
    try:
        with OpenEXR.File(str(path), header_only=True) as file:
            found = checked_size([part.header for part in file.parts], path.name, READ_LIMIT_BYTES)
        if size is not None and found != size:
            raise InvalidInput(f"A part of the frame is {found[0]}x{found[1]} pixels, not {size[0]}x{size[1]}.")
        with OpenEXR.File(str(path), separate_channels=True) as file:
            layers = {name: np.asarray(channel.pixels, np.float32) for name, channel in file.channels().items()}
            header = dict(file.header())  # closing the file empties its own
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        raise InvalidInput(f"A part of the frame is not a whole OpenEXR picture: {error}") from error
    facts = {name.removeprefix(PART_PREFIX): value for name, value in header.items() if name.startswith(PART_PREFIX)}
    return layers, {name: value for name, value in facts.items() if isinstance(value, int)}


def tone_mapped(rgb: npt.NDArray[np.float32], settings: MitsubaSettings) -> npt.NDArray[np.uint8]:
    """(height, width, 3) linear light → 8-bit sRGB."""
    light = rgb * np.float32(2.0 ** (settings.exposure or 0.0))
    if settings.tone_map is ToneMap.REINHARD:
        light = light / (1.0 + np.maximum(light @ _LUMINANCE, 0.0))[..., None]
    return linear_to_srgb(light)


def screen_colours(layers: Layers, settings: MitsubaSettings) -> npt.NDArray[np.uint8]:
    """(height, width, 3), over black where the frame has an alpha channel."""
    return tone_mapped(_colours(layers), settings)


def _colours(layers: Layers) -> npt.NDArray[np.float32]:
    return np.stack([layers[name] if name in layers else layers["Y"] for name in "RGB"], axis=-1)


def _write_display(path: Path, layers: Layers, settings: MitsubaSettings) -> None:
    rgb = _colours(layers)
    alpha = layers.get("A")
    if settings.format is ImageFormat.JPEG:  # has no alpha: colours are premultiplied, so this lies over black
        Image.fromarray(tone_mapped(rgb, settings)).save(path, "JPEG", quality=settings.quality or _JPEG_QUALITY)
        return
    if alpha is None:
        Image.fromarray(tone_mapped(rgb, settings)).save(path, "PNG")
        return
    covered = np.clip(np.nan_to_num(alpha), 0.0, 1.0)  # a reconstruction filter may step over 1
    straight = rgb / np.where(covered > 0, covered, 1.0)[..., None]  # PNG's alpha is not premultiplied
    coverage = np.rint(covered * 255).astype(np.uint8)
    Image.fromarray(np.dstack([tone_mapped(straight, settings), coverage])).save(path, "PNG")


def _of_bits(values: npt.NDArray[np.float32], bits: int) -> npt.NDArray[np.float16] | npt.NDArray[np.float32]:
    if bits == 32:
        return np.asarray(values, np.float32)
    return np.clip(values, -_HALF_MAX, _HALF_MAX).astype(np.float16)
