"""Encode a job's frames into a film: H.264, HEVC, AV1 or ProRes for people, VP9 in WebM or a GIF as the light preview.

Which encoders there are depends on the build of PyAV's libraries; a codec without one is refused by name. Colours are
brought to Rec. 709 and the film says so, so that no player has to guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from jobs.errors import InvalidInput
from jobs.post_steps import VideoCodec
from pipelines.post.display import read_srgb
from pipelines.post.pixels import PictureFacts
from pipelines.post.sound_track import SoundCodec, SoundTrack

Container = Literal["mp4", "mov", "webm", "gif"]
MEDIA_TYPES: dict[Container, str] = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "gif": "image/gif",
}
FILM_CONTAINERS: dict[VideoCodec, Container] = {"h264": "mp4", "hevc": "mp4", "av1": "mp4", "prores": "mov"}
"""The container that a film of this codec goes into."""

_REC709, _LIMITED_RANGE = 1, 1
"""ITU-T H.273 code points: matrix, primaries and transfer; 16 to 235."""

_PREVIEW_WIDTH = 640
"""Pixels; width of the light preview at most."""


@dataclass(frozen=True, slots=True)
class _Recipe:
    codec: Literal["libx264", "libx265", "libsvtav1", "prores_ks", "libvpx-vp9", "gif"]
    options: dict[str, str]
    container_options: dict[str, str]
    pixel_format: str
    max_width: int | None
    tag: str | None = None
    """Four characters by which players know the codec, where the library's own choice plays nowhere."""
    sound: SoundCodec | None = "aac"
    """None: the container takes none."""


_FAST_START = {"movflags": "+faststart"}
"""Plays while it downloads."""

_FILMS: dict[VideoCodec, _Recipe] = {
    # crf 16 of H.264: visually lossless for rendered pictures; the others' figures give about the same.
    "h264": _Recipe("libx264", {"crf": "16", "preset": "medium"}, _FAST_START, "yuv420p", None),
    "hevc": _Recipe(
        "libx265",
        {"crf": "18", "preset": "medium", "x265-params": "log-level=error"},
        _FAST_START,
        "yuv420p",
        None,
        "hvc1",
    ),
    "av1": _Recipe("libsvtav1", {"crf": "22", "preset": "8"}, _FAST_START, "yuv420p10le", None),
    "prores": _Recipe("prores_ks", {"profile": "hq", "vendor": "apl0"}, {}, "yuv422p10le", None, sound="pcm_s16le"),
}
_PREVIEWS: dict[Container, _Recipe] = {
    "webm": _Recipe(
        "libvpx-vp9",
        {"crf": "36", "b": "0", "deadline": "realtime", "cpu-used": "6"},
        {},
        "yuv420p",
        _PREVIEW_WIDTH,
        sound="libopus",
    ),
    "gif": _Recipe("gif", {}, {}, "rgb8", _PREVIEW_WIDTH, sound=None),
}


def encode_video(
    frames: Iterable[Path],
    target: Path,
    *,
    container: Container,
    fps: float,
    codec: VideoCodec = "h264",
    sound: Path | None = None,
    on_frame: Callable[[int], None] = lambda _count: None,
) -> PictureFacts:
    """Encode the files in order at ``fps`` frames per second; returns the film's size in pixels.

    ``webm`` and ``gif`` are the light previews, whose codec is fixed; ``codec`` is that of the others. ``sound``: a WAV
    (``pipelines.sound_format``), cut to the film's length; a gif stays silent. Refused with
    ``InvalidInput``: pictures of another size than the first, since a film has one size; a codec in a container that
    is not its own; a codec that this farm has no encoder for. An odd edge loses one pixel, since 4:2:0 needs even
    ones. The target appears only when it is whole.
    """
    recipe = _recipe(container, codec)
    partial = target.with_name(f"{target.name}.partial")
    try:
        with av.open(str(partial), "w", format=container, options=recipe.container_options) as output:
            rate = Fraction(fps).limit_denominator(1001)
            size = _write_frames(output, frames, recipe, rate, sound if recipe.sound is not None else None, on_frame)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return size


def _write_frames(
    output: av.container.OutputContainer,
    frames: Iterable[Path],
    recipe: _Recipe,
    rate: Fraction,
    sound: Path | None,
    on_frame: Callable[[int], None],
) -> PictureFacts:
    track: SoundTrack | None = None
    stream: av.VideoStream | None = None
    source: tuple[int, int] | None = None
    for count, path in enumerate(frames, start=1):
        image = Image.fromarray(read_srgb(path))
        if stream is None or source is None:
            source = image.size
            stream = _add_stream(output, recipe, rate)
            stream.width, stream.height = _film_size(source, recipe.max_width)
            stream.pix_fmt = recipe.pixel_format
            if sound is not None and recipe.sound is not None:
                track = SoundTrack(output, sound, recipe.sound)
        elif image.size != source:
            raise InvalidInput(f"{path.name} is {image.size}, the first frame is {source}; a film has one size.")
        wanted = (stream.width, stream.height)
        if recipe.max_width is not None and image.size != wanted:
            image = image.resize(wanted, Image.Resampling.BILINEAR)
        elif image.size != wanted:
            image = image.crop((0, 0, *wanted))
        output.mux(stream.encode(_encodable(np.asarray(image), recipe.pixel_format)))
        if track is not None:
            track.feed(count / rate)
        on_frame(count)
    if stream is None:
        raise InvalidInput("There is no frame to make a film of.")
    output.mux(stream.encode())
    if track is not None:
        track.finish()
    return PictureFacts(stream.width, stream.height)


def available_codecs() -> list[VideoCodec]:
    """Codecs of films that this installation has an encoder for."""
    return [codec for codec, recipe in _FILMS.items() if recipe.codec in av.codecs_available and _encodes(recipe.codec)]


def _encodes(name: str) -> bool:
    try:
        return bool(av.codec.Codec(name, "w").is_encoder)
    except ValueError:
        return False


def _recipe(container: Container, codec: VideoCodec) -> _Recipe:
    preview = _PREVIEWS.get(container)
    if preview is not None:
        return preview
    if FILM_CONTAINERS[codec] != container:
        raise InvalidInput(f"{codec} goes into {FILM_CONTAINERS[codec]}, not into {container}.")
    if not _encodes(_FILMS[codec].codec):
        raise InvalidInput(
            f"This farm has no encoder for {codec}.", remedy=f"It has: {', '.join(available_codecs()) or 'none'}."
        )
    return _FILMS[codec]


def _add_stream(output: av.container.OutputContainer, recipe: _Recipe, rate: Fraction) -> av.VideoStream:
    stream = output.add_stream(recipe.codec, rate=rate, options=dict(recipe.options))
    if not isinstance(stream, av.VideoStream):
        raise TypeError(f"{recipe.codec} is no video codec")
    if recipe.tag is not None:
        stream.codec_context.codec_tag = recipe.tag
    if recipe.pixel_format.startswith("yuv"):
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _REC709
        context.color_range = _LIMITED_RANGE
    return stream


def _encodable(pixels: npt.NDArray[np.uint8], pixel_format: str) -> av.VideoFrame:
    """(height, width, 3) sRGB in the encoder's format; FFmpeg's own choice of matrix is that of old television."""
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    if not pixel_format.startswith("yuv"):
        return frame
    return frame.reformat(format=pixel_format, dst_colorspace="ITU709", dst_color_range="MPEG")


def _film_size(size: tuple[int, int], max_width: int | None) -> tuple[int, int]:
    width, height = size
    if max_width is not None and width > max_width:
        width, height = max_width, round(height * max_width / width)
    return max(2, width - width % 2), max(2, height - height % 2)
