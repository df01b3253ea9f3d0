"""Scratch folders that do not outlive their process for long: who starts next beside a killed one clears up behind it.

A lock that the kernel drops with the process says whether a folder is in use; its age says nothing. A folder without
such a lock file is not ours: the scratch setting may name a place that others use too.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import structlog

_log = structlog.get_logger(__name__)

_LOCK = ".rayfarm-in-use"


class ScratchFolder:
    """A folder of this process alone, from now until ``close``."""

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self._lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def clear_leftovers(root: Path) -> int:
    """Remove the folders below ``root`` whose process is gone; how many."""
    removed = 0
    for folder in root.iterdir() if root.is_dir() else ():
        if folder.is_dir() and not folder.is_symlink() and _is_left_over(folder):
            removed += 1
    if removed:
        _log.info("scratch_cleared", root=str(root), folders=removed)
    return removed


def _is_left_over(folder: Path) -> bool:
    """Whether nobody used the folder, which is gone then."""
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:  # not ours, or just removed
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        shutil.rmtree(folder, ignore_errors=True)
        return True
    finally:
        os.close(lock)
