"""What the parts of `make gpu-check` say, and how they compare pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

AGREES, DIFFERS, NO_GPU = 0, 1, 2


def psnr_db(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of two 8-bit pictures, decibels; infinite when they are equal."""
    error = np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255.0**2 / error))


def verdict_of(parts: Sequence[int]) -> int:
    """Of all engines: one that differs fails them all; ``NO_GPU`` where none found one."""
    if DIFFERS in parts:
        return DIFFERS
    return AGREES if AGREES in parts else NO_GPU
