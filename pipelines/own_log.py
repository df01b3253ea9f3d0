"""What the child has printed for one call, read back from the file behind its own stdout and stderr.

The parent sees the same file, but not where in it one frame ends: the next one may begin before it has looked.
"""

from __future__ import annotations

import os
import stat
import sys


class OwnLog:
    """``begin`` a call, then ask for its text. Empty where stdout is no file."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._begun = 0

    def begin(self) -> None:
        """What is printed from now on is of this call."""
        self._begun = self._size()

    def text(self, limit_bytes: int) -> str:
        """The end of what was printed since, ``limit_bytes`` at most.

        The parent empties the file where it grew long: then what was printed behind that is what there is.
        """
        if not self._is_file or limit_bytes <= 0:
            return ""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        size = self._size()
        begun = self._begun if self._begun <= size else 0
        start = max(begun, size - limit_bytes)
        return os.pread(self._descriptor, size - start, start).decode(errors="replace") if size > start else ""

    def _size(self) -> int:
        return os.fstat(self._descriptor).st_size if self._is_file else 0
