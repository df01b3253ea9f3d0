"""Is a file that an engine handed over a whole image of its format? Reads a few bytes of both ends only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from jobs.states import EndReason
from pipelines.errors import EngineError

_SIGNATURES: dict[str, tuple[bytes, bytes]] = {
    ".png": (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"),
    ".jpg": (b"\xff\xd8\xff", b"\xff\xd9"),
    ".webp": (b"RIFF", b""),
    ".exr": (b"\x76\x2f\x31\x01", b""),
}
"""Extension → first and last bytes."""


def check_contained(path: Path, real_scratch: str) -> None:
    """Refuse anything but a regular, non-empty file under the frame's scratch folder (its real path); no links."""
    try:
        facts = path.lstat()
    except OSError as error:
        raise EngineError(EndReason.BAD_OUTPUT, f"The engine named a file that is not there: {path.name}.") from error
    if stat.S_ISLNK(facts.st_mode) or not is_below(os.path.realpath(path), real_scratch):
        raise EngineError(EndReason.BAD_OUTPUT, f"The engine named a file outside the frame's folder: {path}.")
    if not stat.S_ISREG(facts.st_mode) or facts.st_size == 0:
        raise EngineError(EndReason.BAD_OUTPUT, f"The engine wrote an empty file: {path.name}.")


def is_below(real_path: str, real_folder: str) -> bool:
    """Of two real paths; as strings, because this runs for every frame and pathlib is slow."""
    return real_path.startswith(real_folder.rstrip(os.sep) + os.sep)


def check_image(path: Path) -> None:
    """Refuse a truncated or foreign file. Extensions without a known signature pass."""
    signature = _SIGNATURES.get(path.suffix.lower())
    if signature is None:
        return
    start, end = signature
    with path.open("rb") as file:
        head = file.read(len(start))
        file.seek(-min(len(end), file.seek(0, os.SEEK_END)), os.SEEK_END)
        tail = file.read()
    if head != start or not tail.endswith(end):
        raise EngineError(
            EndReason.BAD_OUTPUT,
            f"The engine wrote {path.name}, which is not a whole {path.suffix[1:].upper()} image.",
        )
