"""What the parts of `make gpu-check` say."""

from __future__ import annotations

from collections.abc import Sequence

AGREES, DIFFERS, NO_GPU = 0, 1, 2
"""Verdicts, and exit codes of `make gpu-check`."""


def verdict_of(parts: Sequence[int]) -> int:
    """Of all engines: one that differs fails them all; ``NO_GPU`` where none found one."""
    if DIFFERS in parts:
        return DIFFERS
    return AGREES if AGREES in parts else NO_GPU
