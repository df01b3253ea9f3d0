"""A small picture of a frame while it renders: written by an engine that can, read by the farm that trusts no engine.

It is made of what the engine has anyway, so that no pixel of the frame is another for it.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

FILE_NAME = "live-preview.jpg"
"""In the scratch folder of the frame's try."""

MEDIA_TYPE = "image/jpeg"

LONGEST_SIDE = 320
"""Pixels of its longer side at most."""

MOST_BYTES = 256 * 1024
"""Of the file; a JPEG of that size has about 20 kB."""

_QUALITY = 80
_JPEG_BEGINS = b"\xff\xd8\xff"


class LivePreview:
    """The engine's side: asks whether one is due, and writes it.

    Frames that take no longer than ``every_s`` make none, so they pay nothing. One that cannot be made is given up with
    a line in the frame's log: the frame is what counts.
    """

    def __init__(self, scratch: Path, every_s: float | None) -> None:
        self._path = scratch / FILE_NAME
        self._every_s = every_s
        self._last = time.monotonic()

    def offer(self, pixels: Callable[[], Any]) -> None:
        """Where one is due, ``pixels()``: uint8 sRGB of shape (height, width, 3), as a numpy array."""
        if self._every_s is None or time.monotonic() - self._last < self._every_s:
            return
        try:
            self._write(pixels())
        except Exception as error:
            sys.stderr.write(f"No preview of this frame any more: {type(error).__name__}: {error}\n")
            self._every_s = None
        self._last = time.monotonic()

    def _write(self, pixels: Any) -> None:
        from PIL import Image  # an engine that makes none need not have it

        image = Image.fromarray(pixels)
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality=_QUALITY)
        partial = self._path.with_suffix(".part")
        partial.write_bytes(buffer.getvalue())
        partial.rename(self._path)


@dataclass(frozen=True, slots=True)
class SeenPreview:
    """What the farm found."""

    version: tuple[int, int]
    """Differs from one picture to the next."""
    content: bytes


def read_preview(scratch: Path, *, seen: tuple[int, int] | None = None) -> SeenPreview | None:
    """The picture in ``scratch``, a folder whose path has no link in it; None where there is no other than ``seen``.

    Whoever renders may have been taken over: nothing but a regular file of this very path is read (no link on the way,
    also none that is put there meanwhile), no more than ``MOST_BYTES`` of it, and only if it begins as a JPEG.
    """
    path = scratch / FILE_NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        version = (found.st_ino, found.st_mtime_ns)
        own = stat.S_ISREG(found.st_mode) and Path(f"/proc/self/fd/{descriptor}").readlink() == path
        if not own or version == seen or not 0 < found.st_size <= MOST_BYTES:
            return None
        content = os.read(descriptor, MOST_BYTES)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return SeenPreview(version, content) if content.startswith(_JPEG_BEGINS) else None
