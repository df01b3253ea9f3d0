"""How far a picture is from a reference: PSNR, SSIM, FLIP, and a heat map of where."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from jobs.errors import InvalidInput
from pipelines.post.display import read_srgb
from pipelines.post.flip import flip_map
from pipelines.post.gaussian import Doubles, gaussian, separable

Pixels = npt.NDArray[np.uint8]

MAX_COMPARED_PIXELS = 40_000_000
"""Of one picture; FLIP holds about 30 doubles of each pixel (9 GB for 8K)."""

_SSIM_SIGMA, _SSIM_RADIUS = 1.5, 5
_SSIM_K1, _SSIM_K2 = 0.01, 0.03
"""Window and constants of Wang, Bovik, Sheikh and Simoncelli, IEEE TIP 2004."""
_LUMA = np.array([0.299, 0.587, 0.114])
"""Rec. 601, as the paper's own code takes it."""

_HEAT = ((0.0, (0, 0, 4)), (0.25, (81, 18, 124)), (0.5, (183, 55, 121)), (0.75, (252, 137, 97)), (1.0, (252, 253, 191)))
"""Stops of the heat map, dark to bright: readable in grey, and by people who see no red."""


@dataclass(frozen=True, slots=True)
class Comparison:
    psnr_db: float
    """Peak signal to noise over the three channels of 8-bit sRGB; infinite where the pictures are equal."""
    ssim: float
    """Mean structural similarity of the luma, -1 to 1; 1: equal."""
    flip: float
    """Mean FLIP, 0 to 1; 0: no difference to be seen."""
    flip_max: float


def compare_files(
    reference: Path, test: Path, heat_map: Path | None = None, *, called: str | None = None
) -> Comparison:
    """Compare two files of any format that the farm writes, as they look in 8-bit sRGB.

    ``heat_map``: a PNG of FLIP for each pixel is written there, black (0) to light yellow (1). ``called``: what a
    refusal says instead of the file's name. Raises ``InvalidInput`` for pictures of two sizes or above
    ``MAX_COMPARED_PIXELS``.
    """
    first, second = read_srgb(reference), read_srgb(test)
    called = called or test.name
    if first.shape != second.shape:
        raise InvalidInput(
            f"{called} is {second.shape[1]}x{second.shape[0]} pixels, its reference {first.shape[1]}x{first.shape[0]}.",
            remedy="Compare frames of one resolution.",
        )
    if first.shape[0] * first.shape[1] > MAX_COMPARED_PIXELS:
        raise InvalidInput(f"{called} has more than {MAX_COMPARED_PIXELS} pixels, the most that are compared.")
    differences = flip_map(first, second)
    if heat_map is not None:
        Image.fromarray(heat_colours(differences)).save(heat_map, "PNG")
    return Comparison(
        psnr_db=psnr(first, second),
        ssim=ssim(first, second),
        flip=float(differences.mean()),
        flip_max=float(differences.max()),
    )


def psnr(reference: Pixels, test: Pixels) -> float:
    """Decibels for two (height, width, 3) uint8; ``inf`` where they are equal."""
    error = float(np.mean((reference.astype(np.float64) - test.astype(np.float64)) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255.0**2 / error)


def ssim(reference: Pixels, test: Pixels) -> float:
    """Mean over the places where the whole window fits; over all of them in a picture smaller than the window."""
    x, y = reference @ _LUMA, test @ _LUMA
    kernel = gaussian(_SSIM_SIGMA, _SSIM_RADIUS)

    def mean(plane: Doubles) -> Doubles:
        return separable(plane, kernel, kernel)

    c1, c2 = (_SSIM_K1 * 255) ** 2, (_SSIM_K2 * 255) ** 2
    mx, my = mean(x), mean(y)
    vx, vy, vxy = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    values = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    if min(values.shape) > 2 * _SSIM_RADIUS:
        values = values[_SSIM_RADIUS:-_SSIM_RADIUS, _SSIM_RADIUS:-_SSIM_RADIUS]
    return float(values.mean())


def heat_colours(values: Doubles) -> Pixels:
    """(height, width) of 0..1 as (height, width, 3) uint8."""
    stops = np.array([stop for stop, _ in _HEAT])
    colours = np.array([colour for _, colour in _HEAT], dtype=np.float64)
    planes = [np.interp(values, stops, colours[:, channel]) for channel in range(3)]
    return np.asarray(np.rint(np.stack(planes, axis=-1)), dtype=np.uint8)
