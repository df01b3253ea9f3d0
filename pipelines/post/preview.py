"""A small picture of a frame for the browser."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from pipelines.post.pixels import PictureFacts, read_srgb

PREVIEW_WIDTH = 480
"""Pixels; a frame at most this wide in a web format is its own preview."""

_WEB_MEDIA_TYPES = frozenset({"image/png", "image/jpeg", "image/webp"})
_WEBP_QUALITY = 80


def needs_preview(facts: PictureFacts, media_type: str) -> bool:
    """False when the frame itself is small and in a format that browsers show."""
    return facts.width > PREVIEW_WIDTH or media_type not in _WEB_MEDIA_TYPES


def write_preview(frame: Path, target: Path) -> PictureFacts:
    """Write a WebP at most ``PREVIEW_WIDTH`` wide; returns its size in pixels."""
    image = Image.fromarray(read_srgb(frame))
    if image.width > PREVIEW_WIDTH:
        height = max(1, round(image.height * PREVIEW_WIDTH / image.width))
        image = image.resize((PREVIEW_WIDTH, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    image.save(target, "WEBP", quality=_WEBP_QUALITY, method=2)
    return PictureFacts(*image.size)
