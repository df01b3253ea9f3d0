"""Cuts a large file where its content says, so that a file saved again has most of its chunks in common with before.

FastCDC (Xia et al., USENIX ATC 2016): a cut depends on the bytes before it and not on where they are in the file, so an
insertion moves the cuts with it. The sizes are a trade between what a change sends again and how many chunks there are:
of a saved .blend 1 to 4 %, and a thousand in a gigabyte.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from rayfarm.archives import Piece

with contextlib.redirect_stdout(sys.stderr):  # without its compiled part it says so, where others may read JSON
    from fastcdc import fastcdc

CUT_FROM_BYTES = 16 << 20
"""Smaller files go whole: they are sent within seconds."""

MIN_BYTES = 256 << 10
MEAN_BYTES = 1 << 20
MAX_BYTES = 4 << 20
"""No larger than what goes in an archive. Other sizes are other cuts: the farm would know none of them."""

_READ_BYTES = 4 << 20


def cut(path: Path) -> tuple[str, tuple[Piece, ...]]:
    """SHA-256 of the whole file, and its chunks in their order, from one reading in a few MiB of memory."""
    whole = hashlib.sha256()
    pieces: list[Piece] = []
    offset = 0
    with path.open("rb") as file:
        for chunk in _chunks(file):
            whole.update(chunk)
            digest = hashlib.sha256(chunk).hexdigest()
            pieces.append(Piece(path=path, digest=digest, size_bytes=len(chunk), offset=offset))
            offset += len(chunk)
    return whole.hexdigest(), tuple(pieces)


def _chunks(file: BinaryIO) -> Iterator[memoryview]:
    """A chunk ends within ``MAX_BYTES`` of its start: with so much in memory the cut is that of the whole file."""
    held = b""
    at_end = False
    while not at_end:
        more = file.read(_READ_BYTES)
        at_end = len(more) < _READ_BYTES
        window = memoryview(held + more)
        start = 0
        for found in fastcdc(window, min_size=MIN_BYTES, avg_size=MEAN_BYTES, max_size=MAX_BYTES):
            if not at_end and found.offset + MAX_BYTES > len(window):
                break
            yield window[found.offset : found.offset + found.length]
            start = found.offset + found.length
        held = bytes(window[start:])
