"""Files that are whole or absent, also after a power cut: the disk operations under every backend."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from jobs.errors import InvalidInput, Unavailable
from jobs.plain_files import open_plain
from storage.base import StorageFull

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
BLOB_FILE = 0o400
"""Blobs are immutable; this stops accidents, the digest check at each fetch stops the rest."""

MOVE_TRIES = 100
"""Each failure means that a delete has pruned the folder within microseconds; so many in a row mean a bug."""

BUFFER_BYTES = 1024 * 1024
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CANNOT_COPY_IN_KERNEL = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM}


@contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Say what an OSError of the disk means to the person who runs the farm."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _NO_ROOM:
            raise StorageFull(
                f"The disk under {place} takes no more data ({reason}).",
                remedy="Free space there or add some; what was being written has been removed.",
            ) from error
        raise Unavailable(
            f"The storage at {place} failed: {reason}.",
            remedy="Check that the folder is mounted, writable and owned by the user who runs the farm.",
        ) from error


def require_free(place: Path, *, wanted_bytes: int, reserve_bytes: int) -> None:
    """Raise StorageFull where a write would eat into what the disk must keep free."""
    usage = os.statvfs(place)
    free = usage.f_bavail * usage.f_frsize
    if free < wanted_bytes + reserve_bytes:
        raise StorageFull(
            f"The disk under {place} has {free} bytes free; {wanted_bytes} are wanted and {reserve_bytes} kept free.",
            remedy="Free space there, add some, or lower RAYFARM_STORAGE_MIN_FREE_BYTES.",
            free_bytes=free,
        )


def open_source(source: Path) -> BinaryIO:
    """Open a file that a renderer made, and nothing else: raises ``InvalidInput``.

    The renderer ran a stranger's scene and may still run: a symbolic link, also one in place of a folder, could point
    to the farm's own secrets, a pipe could block for ever. So no part of the path may be a link.
    """
    try:
        return open_plain(source, buffering=0)
    except OSError as error:
        raise _not_a_file(source, error.strerror or "cannot be opened") from error


def create_temporary(folder: Path, *, mode: int = PRIVATE_FILE) -> tuple[BinaryIO, Path]:
    """Create a new file of a name that no one can foresee."""
    path = folder / f".{secrets.token_hex(12)}.part"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    return os.fdopen(descriptor, "wb", buffering=0), path


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write every byte: an unbuffered write may take only some."""
    with memoryview(data) as view:
        written = 0
        while written < len(view):
            written += file.write(view[written:])


def make_folders(folder: Path, *, root: Path) -> set[Path]:
    """Make the folder and what is missing above it; return the folders that must be synced to make that last."""
    missing = []
    while folder != root and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        _make_folder(new)
    return {new.parent for new in missing}


def _make_folder(new: Path) -> None:
    """As ``mkdir(exist_ok=True)``, which takes a folder that a delete prunes while it looks for a file in its place.
    That one is ``FileNotFoundError``, as where a folder above was pruned."""
    try:
        new.mkdir(mode=PRIVATE_FOLDER)
    except FileExistsError:
        if not stat.S_ISDIR(new.lstat().st_mode):
            raise


def move_into_place(source: Path, target: Path, *, root: Path) -> set[Path]:
    """Rename to a target whose folder a concurrent delete may just have pruned; return the folders to sync."""
    changed: set[Path] = {target.parent}
    for _ in range(MOVE_TRIES):
        with suppress(FileNotFoundError):
            changed |= make_folders(target.parent, root=root)
            source.rename(target)
            return changed
        if not source.exists():
            break
    raise FileNotFoundError(errno.ENOENT, "a file or its folder vanished while it was being stored", str(target))


def sync_folders(folders: Iterable[Path]) -> None:
    """Make renames and new folders survive a power cut, deepest first."""
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        with suppress(FileNotFoundError):  # what was in it has been deleted meanwhile
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def prune_empty_folders(folder: Path, *, root: Path) -> None:
    """Remove folders that a delete has emptied, up to the root."""
    with suppress(OSError):
        while folder != root:
            folder.rmdir()
            folder = folder.parent


def copy_bytes(source: BinaryIO, target: BinaryIO, *, stop: threading.Event | None = None) -> None:
    """Copy the rest of one file in the kernel; on btrfs and XFS the copy shares its blocks and costs no space."""
    try:
        while hasattr(os, "copy_file_range") and not (stop and stop.is_set()):  # Linux has it, macOS has not
            if os.copy_file_range(source.fileno(), target.fileno(), 64 * BUFFER_BYTES) == 0:
                return
    except OSError as error:
        if error.errno not in _CANNOT_COPY_IN_KERNEL:
            raise
        # Both offsets stand where the kernel stopped.
        while not (stop and stop.is_set()) and (data := source.read(BUFFER_BYTES)):
            write_all(target, data)


def sha256_of(file: BinaryIO, *, stop: threading.Event | None = None) -> str:
    """Digest the file from its start."""
    file.seek(0)
    digest = hashlib.sha256()
    buffer = bytearray(max(1, min(BUFFER_BYTES, os.fstat(file.fileno()).st_size)))  # a frame is ~30 KB: keep it cheap
    with memoryview(buffer) as view:
        while not (stop and stop.is_set()):
            count: int = file.readinto(view)  # type: ignore[attr-defined]  # raw files have it, BinaryIO does not say
            if not count:
                break
            digest.update(view[:count])
    return digest.hexdigest()


def _not_a_file(source: Path, reason: str) -> InvalidInput:
    return InvalidInput(
        f"The output {source.name!r} cannot be stored: {reason}.",
        field="source",
        remedy="A renderer's output must be a plain file in its scratch folder, and stay it.",
    )
