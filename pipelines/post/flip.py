"""FLIP for pictures on a screen: how different two of them look when one flips between them, 0 to 1 for each pixel.

After Andersson, Nilsson, Akenine-Möller, Oskarsson, Åström and Fairchild: "FLIP: A Difference Evaluator for
Alternating Images", HPG 2020. The constants carry the paper's names; this is its LDR version.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pipelines.post.gaussian import Doubles, gaussian, separable
from pipelines.post.pixels import srgb_to_linear

VIEWING_DISTANCE_M = 0.7
SCREEN_WIDTH_M = 0.7
SCREEN_WIDTH_PX = 3840
PIXELS_PER_DEGREE = VIEWING_DISTANCE_M * SCREEN_WIDTH_PX / SCREEN_WIDTH_M * math.pi / 180
"""67.02: a 4K screen 0.7 m wide, seen from 0.7 m."""

_CSF = (((1.0, 0.0047),), ((1.0, 0.0053),), ((34.1, 0.04), (13.5, 0.025)))
"""(a, b) of the sums of bells that stand for the eye's contrast sensitivity: achromatic, red-green, blue-yellow."""
_CSF_WIDEST_B = 0.04
_QC, _PC, _PT = 0.7, 0.4, 0.95
"""Exponent of the colour difference; the part of its range that maps below ``_PT``."""
_FEATURE_WIDTH_DEGREES = 0.082
_QF = 0.5

_RGB_TO_XYZ = np.array(
    [
        [10135552 / 24577794, 8788810 / 24577794, 4435075 / 24577794],
        [2613072 / 12288897, 8788810 / 12288897, 887015 / 12288897],
        [1425312 / 73733382, 8788810 / 73733382, 70074185 / 73733382],
    ]
)
"""Linear sRGB to CIE XYZ, D65."""
_XYZ_TO_RGB = np.linalg.inv(_RGB_TO_XYZ)
_WHITE = _RGB_TO_XYZ.sum(axis=1)


def flip_map(reference: npt.NDArray[np.uint8], test: npt.NDArray[np.uint8], ppd: float = PIXELS_PER_DEGREE) -> Doubles:
    """(height, width) of 0..1 for two (height, width, 3) sRGB pictures. ``ppd``: pixels per degree of vision."""
    opponent = [_to_ycxcz(srgb_to_linear(image).astype(np.float64)) for image in (reference, test)]
    colour = _colour_difference(_seen(opponent[0], ppd), _seen(opponent[1], ppd))
    lightness = [(one[:, :, 0] + 16.0) / 116.0 for one in opponent]
    feature = _feature_difference(lightness[0], lightness[1], ppd)
    return np.asarray(np.power(colour, 1.0 - feature))


def _to_ycxcz(linear: Doubles) -> Doubles:
    x, y, z = np.moveaxis(linear @ _RGB_TO_XYZ.T / _WHITE, -1, 0)
    return np.stack([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], axis=-1)


def _to_linear(ycxcz: Doubles) -> Doubles:
    y = (ycxcz[:, :, 0] + 16.0) / 116.0
    xyz = np.stack([y + ycxcz[:, :, 1] / 500.0, y, y - ycxcz[:, :, 2] / 200.0], axis=-1) * _WHITE
    return np.asarray(xyz @ _XYZ_TO_RGB.T)


def _seen(ycxcz: Doubles, ppd: float) -> Doubles:
    """What the eye keeps at this distance, in the Lab space of Hunt's adjustment."""
    radius = math.ceil(3.0 * math.sqrt(_CSF_WIDEST_B / (2.0 * math.pi**2)) * ppd)
    planes = []
    for channel, bells in enumerate(_CSF):
        weights, kernels = [], []
        for a, b in bells:
            kernel = gaussian(math.sqrt(b / 2.0) / math.pi * ppd, radius)
            at_zero = a * math.sqrt(math.pi / b) / float(kernel[radius]) ** 2  # the sum of the sampled bell over 2D
            weights.append(at_zero)
            kernels.append(kernel)
        plane = ycxcz[:, :, channel]
        whole = sum(weights)
        planes.append(sum(w / whole * separable(plane, k, k) for w, k in zip(weights, kernels, strict=True)))
    return _hunt(_to_lab(_to_linear(np.stack(planes, axis=-1)).clip(0.0, 1.0)))


def _to_lab(linear: Doubles) -> Doubles:
    delta = 6.0 / 29.0
    ratio = linear @ _RGB_TO_XYZ.T / _WHITE
    x, y, z = np.moveaxis(np.where(ratio > delta**3, np.cbrt(ratio), ratio / (3.0 * delta**2) + 4.0 / 29.0), -1, 0)
    return np.stack([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], axis=-1)


def _hunt(lab: Doubles) -> Doubles:
    """Colours look paler in the dark."""
    lightness = 0.01 * lab[:, :, :1]
    return np.concatenate([lab[:, :, :1], lightness * lab[:, :, 1:]], axis=-1)


def _hyab(a: Doubles, b: Doubles) -> Doubles:
    gap = a - b
    return np.asarray(np.abs(gap[:, :, 0]) + np.hypot(gap[:, :, 1], gap[:, :, 2]))


def _colour_difference(reference: Doubles, test: Doubles) -> Doubles:
    green, blue = (_hunt(_to_lab(np.array([[colour]], dtype=np.float64))) for colour in ((0, 1, 0), (0, 0, 1)))
    largest = float(_hyab(green, blue)[0, 0]) ** _QC
    error = np.power(_hyab(reference, test), _QC)
    knee = _PC * largest
    above = _PT + (error - knee) / (largest - knee) * (1.0 - _PT)
    return np.asarray(np.where(error < knee, error * _PT / knee, above).clip(0.0, 1.0))


def _feature_difference(reference: Doubles, test: Doubles, ppd: float) -> Doubles:
    """Edges and points that one picture has and the other has not."""
    sigma = 0.5 * _FEATURE_WIDTH_DEGREES * ppd
    radius = math.ceil(3.0 * sigma)
    at = np.arange(-radius, radius + 1, dtype=np.float64)
    bell = np.exp(-(at**2) / (2.0 * sigma**2))
    smooth = bell / bell.sum()
    gaps = []
    for kernel in (_balanced(-at * bell), _balanced((at**2 / sigma**2 - 1.0) * bell)):
        strengths = [np.hypot(separable(y, kernel, smooth), separable(y, smooth, kernel)) for y in (reference, test)]
        gaps.append(np.abs(strengths[0] - strengths[1]))
    return np.asarray(np.power(np.maximum(*gaps) / math.sqrt(2.0), _QF).clip(0.0, 1.0))


def _balanced(kernel: Doubles) -> Doubles:
    """Its positive weights sum to 1, its negative ones to -1."""
    positive, negative = kernel.clip(0.0, None), kernel.clip(None, 0.0)
    return np.asarray(positive / positive.sum() - negative / negative.sum())
