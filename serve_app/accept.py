"""Reads ``Accept`` (RFC 9110 section 12.5.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.request import parse_http_list

_ALIASES = {"image/exr": "image/x-exr", "image/jpg": "image/jpeg"}


def accepted_ranges(header: str) -> Iterator[tuple[str, float]]:
    """(media range, quality) in the order of the header; one that cannot be read is passed over."""
    for item in parse_http_list(header):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                quality = _quality(value.strip())
        if "/" in name:
            yield _ALIASES.get(name, name), quality


def best_range(media_type: str, ranges: Sequence[tuple[str, float]]) -> tuple[float, int]:
    """Quality and place of the most specific range that holds this type; (0, …) where none does."""
    for wanted in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        for place, (name, quality) in enumerate(ranges):
            if name == wanted:
                return quality, place
    return 0.0, len(ranges)


def _quality(text: str) -> float:
    """0 to 1; what is no number is 0, so that a slip never asks for more than it says."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1 else 0.0
