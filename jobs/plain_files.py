"""Opening files that a process wrote which may have been taken over, and may still run.

A check of a path counts for nothing once it is done: a folder on the way may become a link to the farm's own secrets,
and a file a pipe that nobody ever writes to. So the file is opened first, and what was opened is checked.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
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


def remove_tree(folder: Path) -> None:
    """Remove a folder and all that is in it, however deep; what cannot be removed stays, and nothing is raised.

    ``shutil.rmtree`` calls itself for each level, and folders inside each other are made faster than it allows for.
    """
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        with contextlib.suppress(OSError):
            _lift_and_remove(folder)


def _lift_and_remove(folder: Path) -> None:
    """Level by level: what lies in a folder is moved to the top, and the empty folder removed. Follows no link."""
    names = itertools.count()
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        while inside := os.listdir(top):  # noqa: PTH208 - pathlib knows no descriptors
            for name in inside:
                try:
                    below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
                except OSError:  # no folder
                    os.unlink(name, dir_fd=top)
                    continue
                try:
                    for child in os.listdir(below):  # noqa: PTH208
                        lifted = f".lifted-{os.urandom(8).hex()}-{next(names)}"
                        os.rename(child, lifted, src_dir_fd=below, dst_dir_fd=top)
                finally:
                    os.close(below)
                os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)
    folder.rmdir()


def real_path(descriptor: int) -> str:
    """Where an open file lies now, by the kernel's word."""
    if sys.platform == "darwin":
        return os.fsdecode(fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(_LONGEST_PATH)).rstrip(b"\0"))
    return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - for every frame, and pathlib is slow
