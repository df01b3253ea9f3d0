"""How the samples of a frame are shared out: over parts, and over passes that bound memory and tell progress.

The plan changes the noise of a picture (not its expectation), so it depends on the settings alone, not on the
machine.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

PASS_RAYS = 1 << 22
"""Rays that a pass starts at once (pixels × samples); its memory grows with them (130 MB for these, measured with path
and LLVM), and a CPU core has them done in seconds, so that progress is true."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One call of the renderer."""

    seed: int
    samples: int
    """Of each pixel."""


def share(total: int, part: int, parts: int) -> int:
    """How many of ``total`` samples this part has; all parts together have each of them once."""
    return total * (part + 1) // parts - total * part // parts


def plan_passes(*, samples: int, pixels: int, seed: int, part: int | None) -> list[Pass]:
    """The passes that make ``samples`` of each of ``pixels``; ``part``: which one of a split frame, if it is.

    The first pass of a whole frame has the seed itself: a small frame is the one that Mitsuba makes by hand.
    """
    most = max(1, PASS_RAYS // pixels)
    count = -(-samples // most)
    return [Pass(_seed_of(seed, part, number), share(samples, number, count)) for number in range(count)]


def _seed_of(seed: int, part: int | None, number: int) -> int:
    if part is None and number == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed}/{part}/{number}".encode()).digest()[:4], "little")
