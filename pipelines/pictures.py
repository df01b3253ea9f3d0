"""Picture files: what they are called, how many bits they hold and how large they may be, in every pipeline's settings.

How large a picture each renderer can hold is a limit of its own (``MAX_PIXELS`` of its settings), none above
``MOST_PIXELS``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from pipelines.base import OutputFormat

MOST_PIXELS = 16_384 * 16_384
"""Of one picture, whoever renders it: what the farm takes from an engine, checks, previews and films."""


class ImageFormat(StrEnum):  # no docstring: it would become a part of each pipeline's JSON Schema
    PNG = "png"
    JPEG = "jpeg"
    EXR = "exr"


OUTPUTS: Mapping[str, OutputFormat] = {
    "png": OutputFormat(extension=".png", media_type="image/png"),
    "jpeg": OutputFormat(extension=".jpg", media_type="image/jpeg"),
    "webp": OutputFormat(extension=".webp", media_type="image/webp"),
    "exr": OutputFormat(extension=".exr", media_type="image/x-exr"),
}
"""By the name of the format."""
COLOR_DEPTHS: Mapping[ImageFormat, Sequence[int]] = {
    ImageFormat.PNG: (8,),
    ImageFormat.JPEG: (8,),
    ImageFormat.EXR: (16, 32),
}
"""Bits a channel that a renderer writes at the least."""


def check_encoding(
    name: ImageFormat,
    *,
    color_depth: int | None,
    quality: int | None,
    depths: Mapping[ImageFormat, Sequence[int]] = COLOR_DEPTHS,
) -> None:
    """Raise ``ValueError`` for a depth that the format has not, or a quality of one that is lossless."""
    if color_depth is not None and color_depth not in depths[name]:
        allowed = " or ".join(map(str, depths[name]))
        raise ValueError(f"{name} takes a color_depth of {allowed}, not {color_depth}")
    if quality is not None and name is not ImageFormat.JPEG:
        raise ValueError(f"quality is for jpeg only; {name} is lossless")


def check_pixels(width: int, height: int, *, most: int, percentage: int | None = None) -> None:
    """Raise ``ValueError`` for a picture of more than ``most`` pixels; ``percentage`` scales both sides."""
    pixels = width * height if percentage is None else width * height * percentage * percentage // 10_000
    if pixels > most:
        scaled = "" if percentage is None else f" at {percentage} %"
        raise ValueError(f"{width}x{height}{scaled} is {pixels} pixels; at most {most} are allowed")
