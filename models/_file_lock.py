"""A lock on a file that processes of one machine share; the kernel drops it when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

_FIRST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.25
"""flock cannot be awaited, and a thread that blocks in it cannot be cancelled; so it is tried, ever more rarely."""


def lock_pauses() -> Iterator[float]:
    """Seconds between tries."""
    pause = _FIRST_PAUSE_S
    while True:
        yield pause
        pause = min(pause * 2, _LONGEST_PAUSE_S)


class FileLock:
    """A held lock. The file at the path may be removed by whoever holds it exclusively."""

    def __init__(self, *, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def try_now(cls, path: Path, *, exclusive: bool) -> Self | None:
        """The lock, or `None` if another holds it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
            except BaseException:
                os.close(descriptor)
                raise
            if _is_at(descriptor, path):
                return cls(path=path, descriptor=descriptor)
            os.close(descriptor)  # removed between open and lock: a lock on nothing

    def write(self, text: str) -> None:
        """Replace what the file says; only the exclusive holder may."""
        descriptor = self._held()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)

    def stamp_use(self) -> None:
        """Its modification time is the last use."""
        os.utime(self._held())

    def remove(self) -> None:
        """Take the file away; only the exclusive holder may. The lock itself ends with `release`."""
        self._path.unlink(missing_ok=True)

    def release(self) -> None:
        """Idempotent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _held(self) -> int:
        if self._descriptor is None:
            raise ValueError("the lock is released")
        return self._descriptor


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
