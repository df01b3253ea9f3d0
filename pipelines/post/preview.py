"""A small picture of a frame for the browser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.post.display import read_srgb
from pipelines.post.pixels import PictureFacts

PREVIEW_WIDTH = 480
"""Pixels; a frame at most this wide in a web format is its own preview."""

_WEB_MEDIA_TYPES = frozenset({"image/png", "image/jpeg", "image/webp"})
_WEBP_QUALITY = 80


def needs_preview(facts: PictureFacts, media_type: str) -> bool:
    """False when the frame itself is small and in a format that browsers show."""
    return facts.width > PREVIEW_WIDTH or media_type not in _WEB_MEDIA_TYPES


@dataclass(frozen=True, slots=True)
class Preview:
    """A small picture that was written, and how bright it is (0 to 1, sRGB luma)."""

    facts: PictureFacts
    mean: float
    brightest: float


def write_preview(frame: Path, target: Path) -> Preview:
    """Write a WebP at most ``PREVIEW_WIDTH`` wide."""
    image = Image.fromarray(read_srgb(frame))
    if image.width > PREVIEW_WIDTH:
        height = max(1, round(image.height * PREVIEW_WIDTH / image.width))
        image = image.resize((PREVIEW_WIDTH, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    image.save(target, "WEBP", quality=_WEBP_QUALITY, method=2)
    grey = np.asarray(image.convert("L"))
    return Preview(PictureFacts(*image.size), float(grey.mean()) / 255, float(grey.max()) / 255)
