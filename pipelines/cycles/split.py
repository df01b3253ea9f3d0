"""One frame in parts: who renders which samples or rows, which scenes cannot be split, what a part says of itself.

Both sides need this, so it imports neither Blender nor ``OpenEXR``. Measured on 5.0.1: sample subsets, weighed by their
lengths, make the whole frame to 3e-7 of its brightest value; bands of an uncropped border are its rows bit for bit.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jobs.errors import InvalidInput
from jobs.spec import SplitMode
from pipelines.cycles.settings import MAX_SAMPLES, MAX_SIDE_PX, CyclesSettings, Denoiser

PART_EXTENSION = ".exr"
"""A part is a multilayer OpenEXR of 32-bit floats, whatever the frame will be."""

_MAGIC = b"RAYFPART"
_TAIL = struct.Struct("<Q8s")
_MAX_NOTES_BYTES = 64 * 1024
"""They are some hundred bytes; a longer text is damage."""
_EDGE = 0.25
"""Pixels by which a border lies inside of the row that it opens. On the row itself the float of row/height may fall to
the row below (tried: 25/37 and 13/37 did)."""

Word = Annotated[str, Field(max_length=255)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


def share(total: int, part: int, parts: int) -> range:
    """Which of ``total`` rows or samples this part has; all parts together have each of them once."""
    return range(total * part // parts, total * (part + 1) // parts)


def border_of(rows: range, height: int) -> tuple[float, float]:
    """Lower and upper edge of a band of rows (counted from the bottom) as Blender takes them: fractions of height."""
    low = 0.0 if rows.start == 0 else (rows.start + _EDGE) / height
    high = 1.0 if rows.stop == height else (rows.stop + _EDGE) / height
    return low, high


@dataclass(frozen=True, slots=True)
class Blocker:
    """Something in a scene that keeps its frames in one piece."""

    message: str
    remedy: str
    modes: frozenset[SplitMode] = frozenset({SplitMode.SAMPLES, SplitMode.BORDERS})

    def lifted_by(self, code: str, settings: CyclesSettings) -> bool:
        """Whether the job's settings take it away."""
        match code:
            case "adaptive_sampling":
                return settings.adaptive_sampling is False
            case "layer_samples":  # the job's win over them
                return settings.samples is not None
            case "optix_denoiser":
                return settings.denoise is False or settings.denoiser is Denoiser.OPENIMAGEDENOISE
            case _:
                return False


_SAMPLES = frozenset({SplitMode.SAMPLES})
_BORDERS = frozenset({SplitMode.BORDERS})
_WHOLE = "leave split out"

BLOCKERS: Mapping[str, Blocker] = {
    # A subset lacks the samples by which a pixel stops (37 dB off); a band lacks the neighbours by which it goes on (9
    # of 9,600 pixels off, all beside a cut).
    "adaptive_sampling": Blocker(
        "Adaptive sampling decides by all samples of a pixel and by its neighbours, which no part has all of",
        "Set adaptive_sampling to false",
    ),
    "layer_samples": Blocker(
        "A view layer has a number of samples of its own",
        "Set it to 0 in View Layer Properties > Override, or split by borders",
        _SAMPLES,
    ),
    "border": Blocker(
        "The frame has a render region already", "Split by samples, or turn the region off (Ctrl+Alt+B)", _BORDERS
    ),
    "crop": Blocker(
        "The frame is cropped to its render region",
        "Turn off Crop to Render Region, or set border.crop to false",
        _SAMPLES,
    ),
    "compositing": Blocker(
        "The scene's compositor works on whole frames and is not run on parts",
        f"Turn off Output Properties > Post Processing > Compositing, or {_WHOLE}",
    ),
    "sequencer": Blocker(
        "The video sequencer makes the picture",
        f"Turn off Output Properties > Post Processing > Sequencer, or {_WHOLE}",
    ),
    "freestyle": Blocker(
        "Freestyle draws its lines over whole frames", f"Turn off Render Properties > Freestyle, or {_WHOLE}"
    ),
    "stamp": Blocker(
        "Metadata are burned into the picture", f"Turn off Output Properties > Metadata > Burn Into Image, or {_WHOLE}"
    ),
    "time_limit": Blocker(
        "The scene limits the time of a frame, so its samples depend on the machine",
        "Set Sampling > Time Limit to 0",
    ),
    "path_guiding": Blocker(
        "Path guiding learns from the samples before, which other parts have",
        f"Turn off Sampling > Path Guiding, or {_WHOLE}",
    ),
    "sample_subset": Blocker(
        "The scene renders a subset of its samples already", "Turn off Sampling > Advanced > Sample Subset"
    ),
    "view_curves": Blocker(
        "The scene's colour management has curves", f"Turn off Color Management > Use Curves, or {_WHOLE}"
    ),
    "working_space": Blocker(
        "The scene's working space is not Linear Rec.709", f"Set it in Scene Properties, or {_WHOLE}"
    ),
    "optix_denoiser": Blocker(
        "The OptiX denoiser is not there where parts are put together", "Set denoiser to openimagedenoise"
    ),
}
"""By the word that a probe reports (``split_blockers`` of its details)."""


def refuse_blocked(codes: Iterable[str], mode: SplitMode, settings: CyclesSettings) -> None:
    """Raise ``InvalidInput`` for the first of the blockers found that the settings do not lift."""
    found = set(codes)
    for code, blocker in BLOCKERS.items():
        if code in found and mode in blocker.modes and not blocker.lifted_by(code, settings):
            raise InvalidInput(
                f"The frames of this scene cannot be split by {mode}. {blocker.message}.",
                field="split.mode",
                remedy=f"{blocker.remedy}.",
                blocker=code,
            )


class _Notes(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DenoiseNotes(_Notes):
    """How the scene would have denoised the frame (the words are Blender's)."""

    albedo: bool
    normal: bool
    prefilter: Word
    quality: Word


class ColourNotes(_Notes):
    """From linear light to what is shown."""

    display_device: Word
    view_transform: Word
    look: Word
    exposure: Finite
    gamma: Finite
    use_white_balance: bool
    white_balance_temperature: Finite
    white_balance_tint: Finite
    dither_intensity: Finite


class FileNotes(_Notes):
    """The picture file that the job asks for."""

    file_format: Word
    color_mode: Word
    color_depth: Word
    quality: Annotated[int, Field(ge=0, le=100)]
    compression: Annotated[int, Field(ge=0, le=100)]
    exr_codec: Word
    linear_space: Word | None


class FrameNotes(_Notes):
    """What all parts of a frame agree on."""

    frame: int
    parts: Annotated[int, Field(ge=2, le=64)]
    mode: SplitMode
    samples: Annotated[int, Field(ge=1, le=MAX_SAMPLES)]
    """Of the whole frame."""
    size: tuple[Annotated[int, Field(ge=1, le=MAX_SIDE_PX * 10)], Annotated[int, Field(ge=1, le=MAX_SIDE_PX * 10)]]
    """Width and height in pixels of each part and of the frame."""
    layer: Annotated[str, Field(max_length=1024)]
    """View layer whose light makes a picture of one layer."""
    denoise: DenoiseNotes | None
    colour: ColourNotes
    file: FileNotes
    multilayer: bool = False
    """The frame keeps all layers and passes of its parts."""


class PartNotes(_Notes):
    """What a part says of itself."""

    whole: FrameNotes
    number: Annotated[int, Field(ge=0, lt=64)]

    @property
    def samples(self) -> range:
        """Which samples of each pixel are in it."""
        whole = self.whole
        if whole.mode is SplitMode.BORDERS:
            return range(whole.samples)
        return share(whole.samples, self.number, whole.parts)

    @property
    def rows(self) -> range:
        """Which rows of the frame are in it, counted from the bottom."""
        whole = self.whole
        if whole.mode is SplitMode.SAMPLES:
            return range(whole.size[1])
        return share(whole.size[1], self.number, whole.parts)


def append_notes(part: Path, notes: PartNotes) -> None:
    """Write them behind the picture: an EXR reader goes by its offset table and never looks there.

    Blender's own place for such words (the stamp's note) ends after 768 bytes.
    """
    text = notes.model_dump_json().encode()
    with part.open("ab") as file:
        file.write(text + _TAIL.pack(len(text), _MAGIC))


def read_notes(part: Path) -> PartNotes:
    """Raises ``InvalidInput`` for a file that is no part."""
    with part.open("rb") as file:
        size = part.stat().st_size
        if size >= _TAIL.size:
            file.seek(size - _TAIL.size)
            length, magic = _TAIL.unpack(file.read(_TAIL.size))
            if magic == _MAGIC and length <= min(_MAX_NOTES_BYTES, size - _TAIL.size):
                file.seek(size - _TAIL.size - length)
                return _parsed(part, file.read(length))
    raise InvalidInput(f"{part.name} is no part of a frame.", remedy="Render the frame again.")


def _parsed(part: Path, text: bytes) -> PartNotes:
    try:
        data: Any = json.loads(text)
        return PartNotes.model_validate(data)
    except (ValueError, ValidationError) as error:
        raise InvalidInput(
            f"{part.name} does not say which part of which frame it is.",
            remedy="All replicas of the farm must run the same release; render the frame again.",
        ) from error
