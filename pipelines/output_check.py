"""Is a file that an engine handed over a whole image of its format? Reads a few bytes of both ends only."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from jobs.plain_files import real_path
from jobs.states import EndReason
from pipelines.errors import EngineError

_SIGNATURES: dict[str, tuple[bytes, bytes]] = {
    ".png": (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"),
    ".jpg": (b"\xff\xd8\xff", b"\xff\xd9"),
    ".webp": (b"RIFF", b""),
    ".exr": (b"\x76\x2f\x31\x01", b""),
}
"""Extension → first and last bytes."""


def check_outputs(main: Path, extra: Sequence[Path], real_scratch: str) -> tuple[Path, tuple[Path, ...]]:
    """The real paths of what an engine handed over; the picture must be whole, and every file where it may be.

    Whoever opens them again holds them against these paths: the engine lives on, and may put links there.
    """
    with _opened(main, real_scratch) as file:
        _check_image(file, main)
        picture = Path(real_path(file.fileno()))
    others = []
    for path in extra:
        with _opened(path, real_scratch) as file:
            others.append(Path(real_path(file.fileno())))
    return picture, tuple(others)


def check_contained(path: Path, real_scratch: str) -> None:
    """Refuse anything but a regular, non-empty file under the frame's scratch folder (its real path); no links."""
    _opened(path, real_scratch).close()


def is_below(path: str, real_folder: str) -> bool:
    """Of two real paths; as strings, because this runs for every frame and pathlib is slow."""
    return path.startswith(real_folder.rstrip(os.sep) + os.sep)


def check_image(path: Path) -> None:
    """Refuse a truncated or foreign file. Extensions without a known signature pass."""
    with path.open("rb", buffering=0) as file:
        _check_image(file, path)


def _opened(path: Path, real_scratch: str) -> BinaryIO:
    """First opened, then looked at: what is checked by its name may be another file by the time it is opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _outside(path) from error
        raise EngineError(EndReason.BAD_OUTPUT, f"The engine named a file that is not there: {path.name}.") from error
    file = os.fdopen(descriptor, "rb", buffering=0)
    try:
        facts = os.fstat(descriptor)
        if not is_below(real_path(descriptor), real_scratch):
            raise _outside(path)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size == 0:
            raise EngineError(EndReason.BAD_OUTPUT, f"The engine wrote an empty file: {path.name}.")
    except BaseException:
        file.close()
        raise
    return file


def _check_image(file: BinaryIO, path: Path) -> None:
    signature = _SIGNATURES.get(path.suffix.lower())
    if signature is None:
        return
    start, end = signature
    head = file.read(len(start))
    file.seek(-min(len(end), file.seek(0, os.SEEK_END)), os.SEEK_END)
    tail = file.read()
    if head != start or not tail.endswith(end):
        raise EngineError(
            EndReason.BAD_OUTPUT,
            f"The engine wrote {path.name}, which is not a whole {path.suffix[1:].upper()} image.",
        )


def _outside(path: Path) -> EngineError:
    return EngineError(EndReason.BAD_OUTPUT, f"The engine named a file outside the frame's folder: {path}.")
