"""What a process holds that no folder shows: deleted files that it has open or mapped, and memory that is a file."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_BLOCK_BYTES = 512
"""Unit of st_blocks."""
_DELETED = " (deleted)"
"""Ends the name of such a file in proc(5)'s maps."""
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - nothing is created there

_Identity = tuple[int, int]
"""Device and inode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nameless:
    """Bytes that are freed when the process ends, and not before it lets go of them."""

    file_bytes: int
    """Of files on disks."""
    memory_bytes: int
    """Of what memfd_create made, shared memory without a name, and deleted files of /dev/shm: all of it, whether it is
    in the resident set or not."""
    files_guessed: bool
    """Of a deleted file on disk only the mapped part is counted, or nothing at all: this user may not ask for more."""


def find_nameless(pid: int, *, ours: _Identity, folders: Sequence[str]) -> Nameless:
    """``ours``: a nameless file that the farm gave it. ``folders``: where it may make files, as real paths; a library
    that was replaced since it was loaded is not its doing.

    Whether the length of a mapped file can be asked is the kernel's to say: it takes CAP_SYS_ADMIN or
    CAP_CHECKPOINT_RESTORE. Without, the mapped part counts.
    """
    try:
        os.scandir(f"/proc/{pid}/fd").close()
    except PermissionError:
        return Nameless(file_bytes=0, memory_bytes=0, files_guessed=True)
    except OSError:  # it is gone
        return Nameless(file_bytes=0, memory_bytes=0, files_guessed=False)
    memory = _memory_devices()
    found: dict[_Identity, int] = {ours: 0}
    for status in _opened(pid):
        if stat.S_ISREG(status.st_mode) and status.st_nlink == 0:
            found.setdefault((status.st_dev, status.st_ino), status.st_blocks * _BLOCK_BYTES)
    guesses: dict[_Identity, int] = {}
    for mapping in _deleted_mappings(pid):
        if mapping.identity in found:
            continue
        if mapping.identity[0] not in memory and not any(mapping.path.startswith(f"{each}/") for each in folders):
            continue
        try:
            status = Path(f"/proc/{pid}/map_files/{mapping.range}").stat()
        except PermissionError:
            guesses[mapping.identity] = guesses.get(mapping.identity, 0) + mapping.size_bytes
        except OSError:  # unmapped since
            continue
        else:  # some file systems tell maps another device than stat: what is open there was counted by stat's
            found.setdefault((status.st_dev, status.st_ino), status.st_blocks * _BLOCK_BYTES)
    return Nameless(
        file_bytes=sum(size for (device, _), size in [*found.items(), *guesses.items()] if device not in memory),
        memory_bytes=sum(size for (device, _), size in [*found.items(), *guesses.items()] if device in memory),
        files_guessed=any(device not in memory for device, _ in guesses),
    )


@dataclass(frozen=True, slots=True)
class _Mapping:
    range: str
    """Its name in proc(5)'s map_files."""
    path: str
    identity: _Identity

    @property
    def size_bytes(self) -> int:
        begin, end = self.range.split("-")
        return int(end, 16) - int(begin, 16)


def _opened(pid: int) -> Iterator[os.stat_result]:
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # this one was just closed; the others count all the same
                yield entry.stat()


def _deleted_mappings(pid: int) -> Iterator[_Mapping]:
    try:
        lines = Path(f"/proc/{pid}/maps").read_bytes().decode(errors="surrogateescape").split("\n")
    except OSError:
        return
    for line in lines:
        if line.endswith(_DELETED):
            where, _, _, device, inode, path = line.split(maxsplit=5)
            major, minor = device.split(":")
            identity = (os.makedev(int(major, 16), int(minor, 16)), int(inode))
            yield _Mapping(where, path.removesuffix(_DELETED), identity)


def _memory_devices() -> frozenset[int]:
    """The kernel's own, on which memfd_create and shared memory without a name lie, and /dev/shm."""
    descriptor = os.memfd_create("rayfarm")
    try:
        devices = {os.fstat(descriptor).st_dev}
    finally:
        os.close(descriptor)
    with contextlib.suppress(OSError):
        devices.add(_SHARED_MEMORY.stat().st_dev)
    return frozenset(devices)
