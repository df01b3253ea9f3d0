"""Remove the noise of too few samples, with albedo and normal as guides where the file has them (pyoidn)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from pipelines.post.display import read_srgb
from pipelines.post.exr import DECODED_LIMIT_BYTES, Floats, is_exr, read_exr, rgb_channels, write_exr
from pipelines.post.optional import optional_library
from pipelines.post.pixels import PictureFacts, linear_to_srgb, srgb_to_linear

Quality = Literal["fast", "balanced", "high"]
Guide = Literal["albedo", "normal"]


@dataclass(frozen=True, slots=True)
class Denoised:
    facts: PictureFacts
    guides: tuple[Guide, ...]
    """What helped, beside the colour."""
    linear: bool
    """False: an 8-bit sRGB picture, brought to linear light and back."""


def denoised_suffix(source: Path) -> str:
    """Of the file that ``denoise_picture`` writes: linear light stays linear light."""
    return ".exr" if is_exr(source) else ".png"


def denoise_picture(
    source: Path,
    target: Path,
    *,
    quality: Quality = "high",
    with_guides: bool = True,
    limit_bytes: int = DECODED_LIMIT_BYTES,
) -> Denoised:
    """Write ``target`` (see ``denoised_suffix``). Of an EXR the colour and its alpha come out; alpha is not touched.

    Raises ``BadPicture`` for a file that is none, ``NotInstalled`` where pyoidn is not installed.
    """
    if not is_exr(source):
        colour = srgb_to_linear(read_srgb(source))
        clean = denoise_pixels(colour, hdr=False, quality=quality)
        Image.fromarray(linear_to_srgb(clean)).save(target, "PNG")
        return Denoised(PictureFacts(colour.shape[1], colour.shape[0]), (), linear=False)
    picture = read_exr(source, limit_bytes=limit_bytes)
    albedo = picture.guide("albedo") if with_guides else None
    normal = picture.guide("normal") if with_guides and albedo is not None else None  # OIDN takes no normal alone
    clean = denoise_pixels(picture.colour(), albedo=albedo, normal=normal, hdr=True, quality=quality)
    write_exr(target, rgb_channels(clean, alpha=picture.alpha()))
    guides: list[Guide] = []
    if albedo is not None:
        guides.append("albedo")
    if normal is not None:
        guides.append("normal")
    return Denoised(PictureFacts(picture.width, picture.height), tuple(guides), linear=True)


def denoise_pixels(
    colour: Floats, *, albedo: Floats | None = None, normal: Floats | None = None, hdr: bool, quality: Quality = "high"
) -> Floats:
    """(height, width, 3) linear in, the same out. NaN and infinite values would spread: they are taken as 0.

    pyoidn keeps one device for the whole process and lets one call in at a time; the instance is its own.
    """
    guides = {
        name: np.ascontiguousarray(np.nan_to_num(plane, nan=0.0, posinf=0.0, neginf=0.0))
        for name, plane in (("albedo", albedo), ("normal", normal))
        if plane is not None
    }
    if "albedo" in guides:
        guides["albedo"] = guides["albedo"].clip(0.0, 1.0)
    colour = np.ascontiguousarray(np.nan_to_num(colour, nan=0.0, posinf=0.0, neginf=0.0), dtype=np.float32)
    library = optional_library("pyoidn", what="denoise")
    result = library.denoise(colour.clip(0.0, None if hdr else 1.0), **guides, hdr=hdr, quality=quality)
    return np.asarray(result, dtype=np.float32)
