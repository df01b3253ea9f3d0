"""What lies in a folder, all the way down, whoever wrote it. Follows no link, and calls itself for no level."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import NamedTuple

MAX_DEPTH = 100
"""Folders inside each other. Caches of libraries have some ten; a path of a thousand can no longer be opened, and what
lies behind it would not be counted."""
_BLOCK_BYTES = 512
"""Unit of st_blocks."""


class Below(NamedTuple):
    """What is in a folder."""

    size_bytes: int = 0
    """On disk."""
    entries: int = 0
    too_deep: bool = False
    """It was not looked at to its end: folders lie too deep in each other."""


def look_below(folder: Path, *, most_entries: int | None = None) -> Below:
    """What vanishes meanwhile counts nothing. Stops where there are more than ``most_entries``."""
    size_bytes = entries = 0
    waiting = [(str(folder), 0)]
    while waiting:
        here, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return Below(size_bytes, entries, too_deep=True)
        with contextlib.suppress(OSError), os.scandir(here) as listed:
            for entry in listed:
                entries += 1
                with contextlib.suppress(OSError):
                    found = entry.stat(follow_symlinks=False)
                    size_bytes += found.st_blocks * _BLOCK_BYTES
                    if stat.S_ISDIR(found.st_mode):
                        waiting.append((entry.path, depth + 1))
                if most_entries is not None and entries > most_entries:
                    return Below(size_bytes, entries)
    return Below(size_bytes, entries)
