"""Encode a job's frames into a film: H.264 in MP4 for people, VP9 in WebM or a GIF as the light preview."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from PIL import Image

from jobs.errors import InvalidInput
from pipelines.post.pixels import PictureFacts, read_srgb

Container = Literal["mp4", "webm", "gif"]
MEDIA_TYPES: dict[Container, str] = {"mp4": "video/mp4", "webm": "video/webm", "gif": "image/gif"}

_PREVIEW_WIDTH = 640
"""Pixels; width of the light preview at most."""


@dataclass(frozen=True, slots=True)
class _Recipe:
    codec: Literal["libx264", "libvpx-vp9", "gif"]
    options: dict[str, str]
    container_options: dict[str, str]
    pixel_format: str
    max_width: int | None


_RECIPES: dict[Container, _Recipe] = {
    # crf 16: visually lossless for rendered pictures; faststart: plays while it downloads.
    "mp4": _Recipe("libx264", {"crf": "16", "preset": "medium"}, {"movflags": "+faststart"}, "yuv420p", None),
    "webm": _Recipe(
        "libvpx-vp9", {"crf": "36", "b": "0", "deadline": "realtime", "cpu-used": "6"}, {}, "yuv420p", _PREVIEW_WIDTH
    ),
    "gif": _Recipe("gif", {}, {}, "rgb8", _PREVIEW_WIDTH),
}


def encode_video(
    frames: Iterable[Path],
    target: Path,
    *,
    container: Container,
    fps: float,
    on_frame: Callable[[int], None] = lambda _count: None,
) -> PictureFacts:
    """Encode the files in order at ``fps`` frames per second; returns the film's size in pixels.

    Pictures of another size than the first are refused (``InvalidInput``): a film has one size. An odd edge loses one
    pixel, since 4:2:0 needs even ones. The target appears only when it is whole.
    """
    recipe = _RECIPES[container]
    partial = target.with_name(f"{target.name}.partial")
    try:
        with av.open(str(partial), "w", format=container, options=recipe.container_options) as output:
            size = _write_frames(output, frames, recipe, Fraction(fps).limit_denominator(1001), on_frame)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return size


def _write_frames(
    output: av.container.OutputContainer,
    frames: Iterable[Path],
    recipe: _Recipe,
    rate: Fraction,
    on_frame: Callable[[int], None],
) -> PictureFacts:
    stream: av.VideoStream | None = None
    source: tuple[int, int] | None = None
    for count, path in enumerate(frames, start=1):
        image = Image.fromarray(read_srgb(path))
        if stream is None or source is None:
            source = image.size
            stream = _add_stream(output, recipe, rate)
            stream.width, stream.height = _film_size(source, recipe.max_width)
            stream.pix_fmt = recipe.pixel_format
        elif image.size != source:
            raise InvalidInput(f"{path.name} is {image.size}, the first frame is {source}; a film has one size.")
        wanted = (stream.width, stream.height)
        if recipe.max_width is not None and image.size != wanted:
            image = image.resize(wanted, Image.Resampling.BILINEAR)
        elif image.size != wanted:
            image = image.crop((0, 0, *wanted))
        output.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")))
        on_frame(count)
    if stream is None:
        raise InvalidInput("There is no frame to make a film of.")
    output.mux(stream.encode())
    return PictureFacts(stream.width, stream.height)


def _add_stream(output: av.container.OutputContainer, recipe: _Recipe, rate: Fraction) -> av.VideoStream:
    stream = output.add_stream(recipe.codec, rate=rate, options=dict(recipe.options))
    if not isinstance(stream, av.VideoStream):
        raise TypeError(f"{recipe.codec} is no video codec")
    return stream


def _film_size(size: tuple[int, int], max_width: int | None) -> tuple[int, int]:
    width, height = size
    if max_width is not None and width > max_width:
        width, height = max_width, round(height * max_width / width)
    return max(2, width - width % 2), max(2, height - height % 2)
