"""Reader of PlayCanvas's `.sog`, version 2: a zip of lossless WebP pictures, a pixel for each gaussian.

Facts from the format's specification (https://developer.playcanvas.com/user-manual/gaussian-splatting/formats/sog).
Coordinates are those of the .ply that it was made from.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from models.errors import ModelInvalid
from models.formats.splats import ZIP_ERRORS, SplatSummary, max_sog_member_bytes
from pipelines.splats.cloud import GaussianCloud, coefficients
from pipelines.splats.readers.plain import empty_cloud

SPARE_PIXELS = 4 << 20
"""Of a picture, beyond twice the gaussians: a palette has at most a million."""
_CENTROIDS_A_ROW = 64
_FORMATS = ("WEBP", "PNG")
_OTHERS = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
"""Components of a quaternion beside its largest."""

Pixels = npt.NDArray[np.uint8]


def read_sog(path: Path, summary: SplatSummary) -> GaussianCloud:
    """Raises ``ModelInvalid`` where a picture is missing, too small, too large or no picture."""
    meta, n = summary.meta, summary.count
    cloud = empty_cloud(n, summary.sh_degree, antialiased=summary.antialiased)
    try:
        with zipfile.ZipFile(path) as archive:
            low, high = (_pixels(archive, name, n) for name in meta["means"]["files"])
            _means(cloud, low, high, meta["means"])
            scales = _codebook(meta["scales"])[_pixels(archive, meta["scales"]["files"][0], n)[:, :3]]
            with np.errstate(over="ignore"):
                np.exp(scales, out=cloud.scales)
            _quats(cloud, _pixels(archive, meta["quats"]["files"][0], n), path.name)
            base = _pixels(archive, meta["sh0"]["files"][0], n)
            cloud.sh[:, 0] = _codebook(meta["sh0"])[base[:, :3]]
            cloud.opacities[:] = base[:, 3] / np.float32(255)
            if summary.sh_degree:
                _higher(cloud, archive, meta["shN"], summary.sh_degree)
    except ZIP_ERRORS as error:
        raise ModelInvalid(f"{path.name} is damaged: {error}", remedy="Upload it again.") from error
    return cloud


def _means(cloud: GaussianCloud, low: Pixels, high: Pixels, entry: dict[str, Any]) -> None:
    """16 bits an axis, between bounds, of sign(x) ln(1 + |x|)."""
    code = low[:, :3].astype(np.float64) + 256.0 * high[:, :3]
    bottom, top = np.asarray(entry["mins"], np.float64), np.asarray(entry["maxs"], np.float64)
    value = bottom + (top - bottom) * code / 65535
    with np.errstate(over="ignore"):
        cloud.means[:] = np.sign(value) * np.expm1(np.abs(value))


def _quats(cloud: GaussianCloud, pixels: Pixels, name: str) -> None:
    """Three components in bytes, 252 plus the index of the largest in alpha; order w, x, y, z."""
    largest = pixels[:, 3].astype(np.int64) - 252
    if (largest < 0).any():
        raise ModelInvalid(f"{name}: a rotation is not understood.", remedy="Save it with lossless pictures.")
    three = (pixels[:, :3] / np.float32(255) * 2 - 1) / np.float32(np.sqrt(2))
    rows = np.arange(len(pixels))
    cloud.quats[rows[:, None], _OTHERS[largest]] = three
    cloud.quats[rows, largest] = np.sqrt(np.maximum(0, 1 - (three * three).sum(axis=1)))


def _higher(cloud: GaussianCloud, archive: zipfile.ZipFile, entry: dict[str, Any], degree: int) -> None:
    """A palette of harmonics, 64 to a row of pixels, and the label of each gaussian; a label outside means none."""
    rest, size = coefficients(degree) - 1, int(entry["count"])
    picture = _picture(archive, entry["files"][0], cloud.count)
    rows = -(-size // _CENTROIDS_A_ROW)
    if picture.shape[1] != _CENTROIDS_A_ROW * rest or picture.shape[0] < rows:
        raise ModelInvalid("The palette of the harmonics has not the size that meta.json says.")
    palette = np.zeros((size + 1, rest, 3), np.float32)
    palette[:size] = _codebook(entry)[picture[:rows, :, :3].reshape(-1, rest, 3)[:size]]
    labels = _pixels(archive, entry["files"][1], cloud.count).astype(np.int64)
    label = labels[:, 0] + 256 * labels[:, 1]
    cloud.sh[:, 1:] = palette[np.minimum(label, size)]


def _codebook(entry: dict[str, Any]) -> npt.NDArray[np.float32]:
    return np.asarray(entry["codebook"], dtype=np.float32)


def _pixels(archive: zipfile.ZipFile, name: str, count: int) -> Pixels:
    """(count, 4), row by row."""
    picture = _picture(archive, name, count).reshape(-1, 4)
    if len(picture) < count:
        raise ModelInvalid(f"{name} has {len(picture)} pixels for {count} gaussians.")
    return picture[:count]


def _picture(archive: zipfile.ZipFile, name: str, count: int) -> Pixels:
    """(H, W, 4). Its size is looked at before it is decoded."""
    with archive.open(name) as stream:
        data = stream.read(max_sog_member_bytes(count))
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > 2 * count + SPARE_PIXELS:
                raise ModelInvalid(f"{name} is {image.width}x{image.height} pixels large.")
            return np.asarray(image.convert("RGBA"))
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise ModelInvalid(f"{name} cannot be decoded: {error}") from error
