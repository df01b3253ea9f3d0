"""Separable filters over a picture, its edge repeated outwards: the machinery of SSIM and FLIP."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


def gaussian(sigma: float, radius: int) -> Doubles:
    """(2 radius + 1,) samples of a normal density, summing to 1."""
    at = np.arange(-radius, radius + 1, dtype=np.float64)
    bell = np.exp(-(at**2) / (2 * sigma**2))
    return np.asarray(bell / bell.sum())


def separable(plane: Doubles, along_x: Doubles, along_y: Doubles) -> Doubles:
    """(height, width) correlated with two kernels of odd length; the same size comes out."""
    return _along(_along(plane, along_x, 1), along_y, 0)


def _along(plane: Doubles, kernel: Doubles, axis: int) -> Doubles:
    radius = len(kernel) // 2
    pad = [(0, 0), (0, 0)]
    pad[axis] = (radius, radius)
    wide = np.pad(plane, pad, mode="edge")
    length = plane.shape[axis]
    result = np.zeros_like(plane)
    for at, weight in enumerate(kernel):
        result += weight * (wide[:, at : at + length] if axis else wide[at : at + length])
    return result
