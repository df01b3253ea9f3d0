"""Many frames on one picture, so that a person sees a whole job at a glance."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from jobs.errors import InvalidInput
from pipelines.post.display import read_srgb
from pipelines.post.pixels import PictureFacts

MAX_CELLS = 400
"""Frames on one sheet."""
MAX_SHEET_PIXELS = 100_000_000
"""300 MB while it is laid out."""

_GAP, _LABEL_HEIGHT, _FONT_PX = 4, 18, 13
_BACKGROUND, _INK = (24, 24, 24), (220, 220, 220)


@dataclass(frozen=True, slots=True)
class Sheet:
    facts: PictureFacts
    shown: int
    """Frames on it."""
    left_out: int


def spread(count: int, most: int = MAX_CELLS) -> list[int]:
    """Positions of ``min(count, most)`` of ``count``, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [round(at * (count - 1) / (most - 1)) for at in range(most)]


def write_contact_sheet(
    frames: Sequence[tuple[int, Path]],
    target: Path,
    *,
    columns: int | None = None,
    cell_width: int = 320,
    labels: bool = True,
    left_out: int = 0,
    on_frame: Callable[[int], None] = lambda _count: None,
) -> Sheet:
    """Write a PNG of (number, picture) pairs, row by row; cells have the first picture's shape.

    Raises ``InvalidInput`` for no frame, more than ``MAX_CELLS``, or a sheet above ``MAX_SHEET_PIXELS``.
    ``left_out`` is passed on: how many the caller did not choose.
    """
    if not 0 < len(frames) <= MAX_CELLS:
        raise InvalidInput(f"A contact sheet has 1 to {MAX_CELLS} frames; these are {len(frames)}.")
    across = min(columns or math.ceil(math.sqrt(len(frames))), len(frames))
    down = math.ceil(len(frames) / across)
    sheet: Image.Image | None = None
    step_x, step_y, cell = 0, 0, (0, 0)
    for at, (number, path) in enumerate(frames):
        picture = Image.fromarray(read_srgb(path))
        if sheet is None:
            cell = (cell_width, max(1, round(picture.height * cell_width / picture.width)))
            step_x, step_y = cell[0] + _GAP, cell[1] + _GAP + (_LABEL_HEIGHT if labels else 0)
            size = (across * step_x + _GAP, down * step_y + _GAP)
            if size[0] * size[1] > MAX_SHEET_PIXELS:
                raise InvalidInput(
                    f"The contact sheet would be {size[0]}x{size[1]} pixels; the most are {MAX_SHEET_PIXELS}.",
                    remedy="Ask for a smaller cell_width or fewer frames.",
                )
            sheet = Image.new("RGB", size, _BACKGROUND)
        picture.thumbnail(cell, Image.Resampling.LANCZOS, reducing_gap=3.0)
        x, y = _GAP + at % across * step_x, _GAP + at // across * step_y
        sheet.paste(picture, (x + (cell[0] - picture.width) // 2, y + (cell[1] - picture.height) // 2))
        if labels:
            font = ImageFont.load_default(_FONT_PX)
            ImageDraw.Draw(sheet).text((x + 2, y + cell[1] + 1), str(number), fill=_INK, font=font)
        on_frame(at + 1)
    if sheet is None:
        raise InvalidInput("There is no frame for a contact sheet.")
    sheet.save(target, "PNG")
    return Sheet(PictureFacts(*sheet.size), len(frames), left_out)
