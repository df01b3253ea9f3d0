"""Opening files that a process wrote which may have been taken over, and may still run.

A check of a path counts for nothing once it is done: a folder on the way may become a link to the farm's own secrets,
and a file a pipe that nobody ever writes to. So the file is opened first, and what was opened is checked.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

if sys.platform == "darwin":
    import fcntl

    _LONGEST_PATH = 1024
    """Bytes; what F_GETPATH fills."""


def open_plain(path: Path, *, buffering: int = -1) -> BinaryIO:
    """A regular file of this very path, to read: no part of the path is a link. Never blocks.

    ``path`` is therefore the real one. Raises ``OSError``: ELOOP for a link on the way, EINVAL for what is no regular
    file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", str(path))
        if real_path(descriptor) != os.path.abspath(path):  # noqa: PTH100 - Path.resolve would follow the link
            raise OSError(errno.ELOOP, "lies behind a symbolic link, or is gone", str(path))
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb", buffering=buffering)


def real_path(descriptor: int) -> str:
    """Where an open file lies now, by the kernel's word."""
    if sys.platform == "darwin":
        return os.fsdecode(fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(_LONGEST_PATH)).rstrip(b"\0"))
    return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - for every frame, and pathlib is slow
