"""Reads a frame's initial picture and writes its result. Imported only in the child process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from jobs.states import EndReason
from pipelines.base import ModelFiles
from pipelines.diffusion.settings import (
    LOSSY_QUALITY,
    MAX_PIXELS,
    MIN_SIDE_PX,
    SIDE_STEP_PX,
    DiffusionSettings,
    ImageFormat,
)
from pipelines.errors import EngineError

MAX_INPUT_PIXELS = 16_384 * 16_384
"""Of an initial picture before it is made smaller: 805 MB as RGB. Read from its header before it is decoded."""
_READ = ("PNG", "JPEG", "WEBP")
_LOSSLESS_EFFORT = 4
"""Of zlib: noise does not pack better for more."""


def read_initial(model: ModelFiles, settings: DiffusionSettings, frame: int) -> Image.Image | None:
    """RGB, sides multiples of 8: those of the job, else the picture's own rounded down. None: text to image.

    Raises ``EngineError`` for a file that is absent, no picture, or too large.
    """
    name = settings.init_image_of(frame)
    if name is None:
        return None
    path = model.root / name
    if not path.is_file() or not os.path.realpath(path).startswith(os.path.realpath(model.root) + os.sep):
        raise _refusal(name, "is not among the model's files", "Add it to the model's folder and register that again.")
    Image.MAX_IMAGE_PIXELS = None  # this file's own bound is exact, and refuses instead of warning
    try:
        with Image.open(path, formats=_READ) as opened:
            if opened.width * opened.height > MAX_INPUT_PIXELS:
                raise _refusal(name, f"has {opened.width}x{opened.height} pixels", "Make it smaller.")
            picture = opened.convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise _refusal(name, f"cannot be read: {type(error).__name__}", "Save it as PNG, JPEG or WebP.") from error
    if settings.width is not None and settings.height is not None:
        size = settings.width, settings.height
    else:
        size = _round_down(picture.width), _round_down(picture.height)
        if min(size) < MIN_SIDE_PX or size[0] * size[1] > MAX_PIXELS:
            raise _refusal(name, f"has {picture.width}x{picture.height} pixels", "Set width and height.")
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)


def to_picture(values: np.ndarray[Any, np.dtype[Any]]) -> Image.Image:
    """From float RGB in 0 to 1, shape (height, width, 3). Raises ``EngineError`` for numbers that are none."""
    if not np.isfinite(values).all():
        raise EngineError(
            EndReason.BAD_OUTPUT,
            "The model computed numbers that are none (NaN or infinite).",
            remedy="Use dtype fp32 or bf16: some models overflow in fp16.",
        )
    return Image.fromarray((values * 255).round().astype(np.uint8), "RGB")


def write_picture(picture: Image.Image, path: Path, settings: DiffusionSettings) -> None:
    """All or nothing: under another name first."""
    partial = path.with_name(f".part-{path.name}")
    if settings.format is ImageFormat.PNG:
        picture.save(partial, "PNG", compress_level=_LOSSLESS_EFFORT)
    elif settings.format is ImageFormat.JPEG:
        picture.save(partial, "JPEG", quality=settings.quality or LOSSY_QUALITY, subsampling=0)
    else:
        picture.save(partial, "WEBP", quality=settings.quality or LOSSY_QUALITY)
    partial.rename(path)


def _round_down(side: int) -> int:
    return side // SIDE_STEP_PX * SIDE_STEP_PX


def _refusal(name: str, what: str, remedy: str) -> EngineError:
    return EngineError(EndReason.MODEL_INVALID, f"The initial picture {name} {what}.", remedy=remedy)
