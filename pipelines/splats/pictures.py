"""From a drawing to a file: background, alpha, colour space, depth.

Clouds are trained on display-referred pictures, so their colours are sRGB as they are; OpenEXR holds linear light by
custom, so they are linearised for it, alpha multiplied in.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pipelines.pictures import ImageFormat
from pipelines.splats.cloud import Floats
from pipelines.splats.drawing import Drawing
from pipelines.splats.settings import SplatsSettings

NOTHING_Z = 1e10
"""Depth in an OpenEXR where nothing is: as Blender has it."""
SOLID = 0.01
"""Coverage below which there is no depth to speak of."""
_PNG_LEVEL = 3
"""Of zlib: 6 takes three times as long and saves a twentieth."""
_JPEG_QUALITY = 90


def write_picture(drawing: Drawing, settings: SplatsSettings, target: Path) -> tuple[Path, ...]:
    """Write the frame; returns the files beside it."""
    alpha = 1 - drawing.light
    if settings.format is ImageFormat.EXR:
        _write_exr(drawing, alpha, settings, target)
        return ()
    if settings.transparent:
        straight = drawing.colour / np.maximum(alpha, 1e-6)[..., None]
        image = Image.fromarray(_bytes(np.concatenate([straight, alpha[..., None]], axis=2)), "RGBA")
    else:
        image = Image.fromarray(_bytes(_over(drawing, settings.background)), "RGB")
    if settings.format is ImageFormat.JPEG:
        image.save(target, "JPEG", quality=settings.quality or _JPEG_QUALITY, subsampling=0)
    else:
        image.save(target, "PNG", compress_level=_PNG_LEVEL)
    if drawing.depth is None:
        return ()
    beside = target.with_name(f"{target.name.removeprefix('.part-').split('.')[0]}_depth.png")
    steps = mean_depth(drawing, nothing=0.0).astype(np.float64) / settings.depth_unit
    Image.fromarray(np.rint(np.clip(steps, 0, 65535)).astype(np.uint16)).save(beside, "PNG", compress_level=_PNG_LEVEL)
    return (beside,)


def mean_depth(drawing: Drawing, *, nothing: float) -> Floats:
    """(H, W) scene units; ``nothing`` where less than ``SOLID`` is covered."""
    if drawing.depth is None:
        raise ValueError("the drawing has no depth")
    alpha = 1 - drawing.light
    solid = alpha >= SOLID
    depth = np.full(alpha.shape, nothing, np.float32)
    np.divide(drawing.depth, alpha, out=depth, where=solid)
    return depth


def srgb_to_linear(values: Floats) -> Floats:
    """IEC 61966-2-1, continued past 1."""
    above = np.maximum(values, 0.0)
    return np.asarray(np.where(above <= 0.04045, above / 12.92, ((above + 0.055) / 1.055) ** 2.4), dtype=np.float32)


def _over(drawing: Drawing, background: tuple[float, float, float]) -> Floats:
    return drawing.colour + drawing.light[..., None] * np.asarray(background, np.float32)


def _bytes(values: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(np.rint(np.clip(values, 0, 1) * 255), dtype=np.uint8)


def _write_exr(drawing: Drawing, alpha: Floats, settings: SplatsSettings, target: Path) -> None:
    library: Any = importlib.import_module("OpenEXR")  # only frames of this format need it
    if settings.transparent:
        straight = drawing.colour / np.maximum(alpha, 1e-6)[..., None]
        linear = srgb_to_linear(straight) * alpha[..., None]
    else:
        linear = srgb_to_linear(_over(drawing, settings.background))
    kind = np.float32 if settings.color_depth == 32 else np.float16
    if kind is np.float16:
        linear = np.minimum(linear, 65504)
    channels = {name: np.ascontiguousarray(linear[..., at], kind) for at, name in enumerate("RGB")}
    if settings.transparent:
        channels["A"] = alpha.astype(kind)
    if drawing.depth is not None:
        channels["Z"] = mean_depth(drawing, nothing=NOTHING_Z)
    header = {"compression": library.ZIP_COMPRESSION, "type": library.scanlineimage}
    with library.File(header, channels) as file:
        file.write(str(target))
