"""Bring linear light onto a screen: exposure, a curve, and a 3D LUT if one is given."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from pipelines.post.cube_lut import CubeLut, apply_cube
from pipelines.post.display import read_srgb
from pipelines.post.exr import DECODED_LIMIT_BYTES, Floats, is_exr, read_exr
from pipelines.post.pixels import PictureFacts, encode_srgb, srgb_to_linear

Curve = Literal["srgb", "filmic", "reinhard"]

_HABLE = (0.15, 0.50, 0.10, 0.20, 0.02, 0.30)
_HABLE_WHITE = 11.2
_HABLE_EXPOSURE = 2.0
"""Shoulder, linear strength and angle, toe strength, numerator and denominator, the linear value that becomes white,
and the gain before it: J. Hable, "Uncharted 2: HDR Lighting", GDC 2010."""


def tonemap_picture(
    source: Path,
    target: Path,
    *,
    exposure: float = 0.0,
    curve: Curve = "srgb",
    lut: CubeLut | None = None,
    limit_bytes: int = DECODED_LIMIT_BYTES,
) -> PictureFacts:
    """Write an 8-bit sRGB PNG. A file that is no EXR is brought to linear light first. Alpha is dropped.

    ``exposure``: stops. ``lut``: over the curve's result, that is over screen values 0..1. Raises ``BadPicture``.
    """
    linear = read_exr(source, limit_bytes=limit_bytes).colour() if is_exr(source) else srgb_to_linear(read_srgb(source))
    shown = tonemap_pixels(linear, exposure=exposure, curve=curve)
    if lut is not None:
        shown = apply_cube(lut, shown)
    image = Image.fromarray(np.rint(shown.clip(0.0, 1.0) * 255.0).astype(np.uint8))
    image.save(target, "PNG")
    return PictureFacts(*image.size)


def tonemap_pixels(linear: Floats, *, exposure: float = 0.0, curve: Curve = "srgb") -> Floats:
    """(height, width, 3) linear to sRGB-encoded 0..1. NaN becomes black, infinity white."""
    largest = float(np.finfo(np.float32).max) / 2**21  # leaves room for 20 stops
    light = np.nan_to_num(linear, nan=0.0, posinf=largest, neginf=0.0).clip(0.0, largest) * np.float32(2.0**exposure)
    if curve == "reinhard":
        light = light / (1.0 + light)
    elif curve == "filmic":
        light = _hable(light * _HABLE_EXPOSURE) / _hable(np.float32(_HABLE_WHITE))
    return encode_srgb(np.asarray(light, dtype=np.float32).clip(0.0, 1.0))


def _hable(x: Floats | np.float32) -> Floats:
    a, b, c, d, e, f = _HABLE
    x = np.minimum(x, np.float32(1e6))  # its square stays a number
    return np.asarray((x * (a * x + c * b) + d * e) / (x * (a * x + b) + d * f) - e / f, dtype=np.float32)
