"""What is known of a picture without decoding it, and the sRGB curve (IEC 61966-2-1) in both directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.errors import InvalidInput

EXR_MAGIC = b"\x76\x2f\x31\x01"


class BadPicture(InvalidInput):
    """The file is not a whole picture."""

    code = "bad-picture"


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What a header says, without decoding."""

    width: int
    height: int


def linear_to_srgb(linear: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Scene-linear float to 8-bit sRGB; NaN becomes black."""
    clipped = np.clip(np.nan_to_num(linear, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    return np.asarray(np.rint(encode_srgb(clipped) * 255.0), dtype=np.uint8)


def encode_srgb(linear: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Linear light 0..1 to sRGB 0..1."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.power(linear, 1 / 2.4) - 0.055)


def srgb_to_linear(display: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """8-bit sRGB to linear light, 0..1."""
    levels = np.arange(256, dtype=np.float64) / 255.0
    table = np.where(levels <= 0.04045, levels / 12.92, np.power((levels + 0.055) / 1.055, 2.4))
    return table.astype(np.float32)[display]
