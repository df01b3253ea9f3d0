"""What is known of a picture without decoding it, and the sRGB curve (IEC 61966-2-1) in both directions."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from jobs.errors import InvalidInput

EXR_MAGIC = b"\x76\x2f\x31\x01"
_EXR_HEADER_LIMIT = 1 << 20
"""Bytes of an EXR header that are looked at."""


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


def exr_facts(file: BinaryIO, file_name: str) -> PictureFacts:
    """``displayWindow`` of the first part; layout from the OpenEXR file layout document. The magic number is read."""
    header = file.read(_EXR_HEADER_LIMIT)
    name = b"displayWindow\x00box2i\x00"
    at = header.find(name)
    if at < 0 or len(header) < at + len(name) + 20:
        raise BadPicture(f"{file_name} has an OpenEXR magic number but no display window.")
    _, x_min, y_min, x_max, y_max = struct.unpack_from("<i4i", header, at + len(name))
    return PictureFacts(x_max - x_min + 1, y_max - y_min + 1)
