"""`ffmpeg -framerate 24 -i FRAMES FILM`, read as the film of the job that it stands for (ffmpeg's documentation).

It must take the very files that the step before it writes: a film of anything else is not the job's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

from pydantic import ValidationError

from jobs.frames import FrameRange
from jobs.openjd.blender_command import EXTENSIONS, BlenderCommand, Refuse, file_pattern
from jobs.openjd.scope import Scope
from jobs.post_steps import VideoCodec
from jobs.spec import VideoOutput

_CODECS: Mapping[str, VideoCodec] = {
    "libx264": "h264",
    "libx265": "hevc",
    "libsvtav1": "av1",
    "libaom-av1": "av1",
    "prores": "prores",
    "prores_ks": "prores",
}
_LAYOUTS: Mapping[VideoCodec, str] = {
    "h264": "yuv420p",
    "hevc": "yuv420p",
    "av1": "yuv420p10le",
    "prores": "yuv422p10le",
}
"""Pixels of the farm's films (``pipelines.post.video``)."""
_ALIASES = {"-vcodec": "-c:v", "-codec:v": "-c:v", "-r": "-framerate"}
_TAKES_VALUE = frozenset({"-framerate", "-start_number", "-i", "-c:v", "-pix_fmt"})
_BEFORE_INPUT = frozenset({"-framerate", "-start_number"})
_ALONE = frozenset({"-y", "-an"})
"""A film is written anew each time, and one of still pictures is silent."""

_FFMPEG_FPS = 25.0
"""Of a sequence of pictures whose rate is not told (its demuxer image2)."""


def read_film(
    args: list[object], *, scope: Scope, refuse: Refuse, render: BlenderCommand, frames: FrameRange
) -> VideoOutput | None:
    """Read the arguments behind ``ffmpeg``. What is not supported goes to ``refuse`` with its place in ``args``."""
    found: dict[str, tuple[str, int]] = {}
    film: tuple[str, int] | None = None
    at = 0
    while at < len(args):
        here, at = at, at + 1
        try:
            word = scope.resolve(args[here])
            option = _ALIASES.get(word, word)
            if option in _ALONE:
                continue
            if not option.startswith("-"):
                if at < len(args) or "-i" not in found:
                    refuse(here, f"{word[:100]!r}: the film's name comes last, behind -i")
                film = (word, here)
                continue
            if option not in _TAKES_VALUE:
                refuse(here, f"{word[:100]}: this option is not imported")
                return None
            if at == len(args):
                refuse(here, f"{word} lacks its value")
                return None
            value_at, at = at, at + 1
            if option in found:
                refuse(here, f"{word} stands twice")
            if (option in _BEFORE_INPUT) == ("-i" in found) and option != "-i":
                refuse(here, f"{word} stands {'before' if option in _BEFORE_INPUT else 'behind'} -i")
            found[option] = (scope.resolve(args[value_at]), value_at)
        except LookupError as error:
            refuse(here, f"{error.args[0]} is no parameter of the job")
            return None
    if "-i" not in found or film is None:
        refuse(-1, "the command names the frames behind -i, and a film")
        return None
    _check_input(found, render, frames, refuse)
    codec = _codec_of(found, film, refuse)
    fps = _rate_of(found, refuse)
    if codec is None or fps is None:
        return None
    try:
        return VideoOutput(fps=fps, codec=codec, audio="none")
    except ValidationError:
        refuse(found["-framerate"][1], "the rate is 0.01 to 240 frames per second")
        return None


def _check_input(
    found: Mapping[str, tuple[str, int]], render: BlenderCommand, frames: FrameRange, refuse: Refuse
) -> None:
    given, at = found["-i"]
    wanted = _written_by(render)
    if wanted is None:
        refuse(at, "the step before it names no output (-o) that this could read")
    elif given.replace("\\", "/") not in wanted:
        refuse(at, f"{given[:200]!r} is not what the step before it writes, {wanted[0][:200]!r}")
    start, start_at = found.get("-start_number", (str(frames[0]), -1))
    if start != str(frames[0]):
        refuse(start_at, f"the first frame is {frames[0]}; a film of fewer frames is not imported")


def _written_by(render: BlenderCommand) -> tuple[str, ...] | None:
    """Names, in ffmpeg's pattern, under which the frames lie."""
    if render.output is None:
        return None
    output = render.output.replace("\\", "/")
    folder = output[: output.rfind("/") + 1]
    pattern = re.sub("#+", lambda hashes: f"%0{len(hashes[0])}d", file_pattern(output))
    extensions = EXTENSIONS[str(render.settings.get("format", "png"))]
    if pattern.lower().endswith(extensions):
        return (folder + pattern,)
    return tuple(f"{folder}{pattern}{extension}" for extension in extensions[:1])


def _codec_of(found: Mapping[str, tuple[str, int]], film: tuple[str, int], refuse: Refuse) -> VideoCodec | None:
    name, at = found.get("-c:v", ("libx264", -1))
    codec = _CODECS.get(name)
    if codec is None:
        refuse(at, f"the codec {name[:50]!r} is not here; there are {', '.join(_CODECS)}")
        return None
    layout, layout_at = found.get("-pix_fmt", (_LAYOUTS[codec], -1))
    if layout != _LAYOUTS[codec]:
        refuse(layout_at, f"a film in {codec} has the pixels {_LAYOUTS[codec]} on this farm")
    ending = ".mov" if codec == "prores" else ".mp4"
    if not film[0].lower().endswith(ending):
        refuse(film[1], f"a film in {codec} ends with {ending} on this farm")
    return codec


def _rate_of(found: Mapping[str, tuple[str, int]], refuse: Refuse) -> float | None:
    if "-framerate" not in found:
        return _FFMPEG_FPS
    text, at = found["-framerate"]
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9}|/[1-9][0-9]{0,8})?", text) is None:
        refuse(at, f"{text[:50]!r} is no rate; write it like 24 or 24000/1001")
        return None
    return float(Fraction(text))
