"""What a part of a page shows, by its pixels: how canvases are looked at, which no text describes."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.sync_api import Locator

from tests.web.visitor import WAIT_MS

Pixels = npt.NDArray[np.int16]
"""(height, width, 3), 0 to 255."""
_UNLIKE = 24
"""Of one of a pixel's channels: more than rounding of colours."""


def look(part: Locator) -> Pixels:
    picture = Image.open(io.BytesIO(part.screenshot(animations="disabled", caret="hide")))
    return np.asarray(picture.convert("RGB"), dtype=np.int16)


def look_until(part: Locator, holds: Callable[[Pixels], bool]) -> Pixels:
    """Again and again until it shows that, and shows the same twice: what draws by and by is done."""
    end = time.monotonic() + WAIT_MS / 1000
    before = look(part)
    while True:
        now = look(part)
        if holds(now) and unlike(now, before) == 0:
            return now
        assert time.monotonic() < end, f"It still shows something else, of {drawn(now):.1%} that is drawn"
        before = now


def unlike(one: Pixels, other: Pixels) -> float:
    """Share of the pixels that differ."""
    assert one.shape == other.shape
    return float((abs(one - other).max(axis=-1) > _UNLIKE).mean())


def drawn(pixels: Pixels) -> float:
    """Share of the pixels that are not as the corner is."""
    return unlike(pixels, np.broadcast_to(pixels[2, 2], pixels.shape))


def share(pixels: Pixels, *, more: int, less: int) -> float:
    """Share of the pixels that have much of the channel ``more`` and little of ``less``."""
    return float(((pixels[..., more] > 120) & (pixels[..., less] < 90)).mean())
