"""Read a frame file of any format that the farm writes into 8-bit sRGB, for previews and films.

PNG, JPEG and WebP are display-referred and taken as they are; OpenEXR is linear light and gets the sRGB curve
(IEC 61966-2-1), values outside 0..1 clipped.
"""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from pipelines.post.exr import is_exr, read_colour
from pipelines.post.pixels import BadPicture, linear_to_srgb
from pipelines.post.raster import open_raster


def read_srgb(path: Path) -> npt.NDArray[np.uint8]:
    """(height, width, 3) uint8, sRGB; alpha is laid over black."""
    read = _read_exr if is_exr(path) else _read_display
    try:
        return read(path)
    except (OSError, av.error.FFmpegError) as error:
        raise BadPicture(f"{path.name} cannot be decoded: {error}") from error


def _read_display(path: Path) -> npt.NDArray[np.uint8]:
    with path.open("rb") as content, open_raster(content, path.name) as file:
        image: Image.Image = file
        if image.mode.startswith("I;16") or image.mode == "I":  # 16-bit grey
            grey = (np.asarray(image, dtype=np.uint32) >> 8).astype(np.uint8)
            return np.repeat(grey[:, :, None], 3, axis=2)
        if image.mode in ("RGBA", "LA", "PA"):
            rgba = image.convert("RGBA")
            black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
            image = Image.alpha_composite(black, rgba)
        return np.asarray(image.convert("RGB"))


def _read_exr(path: Path) -> npt.NDArray[np.uint8]:
    try:
        with av.open(str(path), format="exr_pipe") as container:
            frame = next(container.decode(video=0))
            linear = frame.to_ndarray(format="gbrpf32le")
    except av.error.PatchWelcomeError:  # several parts, as a file of many layers has
        linear = read_colour(path)
    return linear_to_srgb(np.ascontiguousarray(linear))
