"""Scratch folders that outlive no process: each is locked by its owner, and one that nobody locks is swept.

``TemporaryDirectory`` and ``finally`` clean up after a process that ends; a killed one cleans up nothing.
A folder without such a lock is not ours: the scratch setting may name a place that others use too.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from jobs.plain_files import remove_tree

_LOCK = ".rayfarm-in-use"
_SWEEP = ".rayfarm-sweep"


class Scratch:
    """A folder of this process alone, until ``close`` or the process's end."""

    def __init__(self, root: Path, name: str) -> None:
        """Make ``root/name``, and remove the folders below ``root`` whose processes are gone. ``path`` is real."""
        root.mkdir(parents=True, exist_ok=True)
        root = root.resolve()
        self.path = root / name
        with _sweeping(root):
            _remove_abandoned(root)
            self.path.mkdir(exist_ok=True)
            self._lock = os.open(self.path / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        """Remove the folder and all that is in it."""
        remove_tree(self.path)
        os.close(self._lock)


@contextlib.contextmanager
def _sweeping(root: Path) -> Iterator[None]:
    """One process at a time: a folder that is being made has no lock yet."""
    descriptor = os.open(root / _SWEEP, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_abandoned(root: Path) -> None:
    for folder in root.iterdir():
        if folder.is_dir() and not folder.is_symlink() and not _is_held(folder):
            remove_tree(folder)


def _is_held(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:  # not ours
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
