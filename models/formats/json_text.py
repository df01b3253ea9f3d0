"""How much memory a JSON text takes once it is parsed, told before it is."""

from __future__ import annotations

from models.errors import ModelInvalid

MAX_VALUES = 8_000_000
"""Counted by the commas and brackets: what holds others takes some 100 bytes of memory each, however few bytes of text
it is. A scene of 100,000 nodes has some four million."""

_BEGIN_VALUES = (b",", b"[", b"{")


def check_values(text: bytes, name: str) -> None:
    """Refuse what would become more than ``MAX_VALUES`` values; raises ``ModelInvalid``."""
    if (values := sum(map(text.count, _BEGIN_VALUES))) > MAX_VALUES:
        raise ModelInvalid(
            f"The JSON of {name} has some {values} values; at most {MAX_VALUES} are allowed.",
            remedy="Split the scene, or join what belongs together.",
        )
