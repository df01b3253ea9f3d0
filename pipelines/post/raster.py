"""PNG, JPEG and WebP through Pillow: those formats alone, none larger than the farm renders.

Pillow knows some forty formats, and each is code that a hostile file can reach. Its own guard against large pictures
refuses above 179 million pixels, which is less than a job may ask for, and only warns below.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image

from pipelines.pictures import MOST_PIXELS
from pipelines.post.pixels import BadPicture

FORMATS = ("PNG", "JPEG", "WEBP")

Image.MAX_IMAGE_PIXELS = MOST_PIXELS


@contextmanager
def open_raster(file: BinaryIO, name: str) -> Iterator[Image.Image]:
    """The picture, not decoded yet. Whatever breaks while it is open is ``BadPicture``."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            check_size(*image.size, name)
            yield image
    except BadPicture:
        raise
    except Exception as error:  # a damaged file makes Pillow raise anything from KeyError to SyntaxError
        raise BadPicture(f"{name} is not a whole picture: {error}") from error


def check_size(width: int, height: int, name: str) -> None:
    """Refuse a picture of more than ``MOST_PIXELS``."""
    if width * height > MOST_PIXELS:
        raise BadPicture(
            f"{name} claims to have {width}x{height} pixels; no picture here has more than {MOST_PIXELS}.",
            remedy="Render it smaller, or in tiles.",
        )
