"""What an engine that has been taken over does to hold memory and disk where the farm does not look."""

from __future__ import annotations

import array
import ctypes
import errno
import mmap
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mmap.restype = ctypes.c_void_p
_MIB = 2**20
_LOOKS = 3.0
"""Seconds to hold what was taken: the farm looks some times in them."""


def fill_memory_file(mib: int) -> int:
    """memfd_create and write: never in the resident set."""
    _write(os.memfd_create("hoard"), mib)
    return _hold()


def map_memory_file(mib: int) -> int:
    """What libraries do: all of it is in the resident set too."""
    file = os.memfd_create("buffer")
    _write(file, mib)
    start = _map(mib * _MIB, mmap.PROT_READ, mmap.MAP_SHARED, file)
    for offset in range(0, mib * _MIB, mmap.PAGESIZE):
        ctypes.string_at(start + offset, 1)
    return _hold()


def fill_shared_memory(count: int, mib: int) -> int:
    """Shared memory without a name, unmapped but for one page: the rest stays, and is in nobody's resident set."""
    for _ in range(count):
        start = _map(mib * _MIB, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS, -1)
        ctypes.memset(start, 1, mib * _MIB)
        _LIBC.munmap(ctypes.c_void_p(start + mmap.PAGESIZE), ctypes.c_size_t(mib * _MIB - mmap.PAGESIZE))
    return _hold()


def hide_files_behind_mappings(folder: str, count: int, mib: int, pages: int | None = None) -> int:
    """Written, mapped (``pages`` of it, or all), deleted and closed: no descriptor and no name is left."""
    for number in range(count):
        path = Path(folder) / f"mapped-{number}"
        file = os.open(path, os.O_RDWR | os.O_CREAT)
        _write(file, mib)
        _map(mib * _MIB if pages is None else pages * mmap.PAGESIZE, mmap.PROT_READ, mmap.MAP_SHARED, file)
        path.unlink()
        os.close(file)
    return _hold()


def hide_files_in_a_thread(folder: str, count: int, mib: int) -> int:
    """In a thread that has taken descriptors of its own (close_range with CLOSE_RANGE_UNSHARE)."""
    outcome: list[OSError | None] = []
    done = threading.Event()

    def hide() -> None:
        refused = None
        if _LIBC.syscall(436, 1_000_000, 1_000_001, 2) != 0:
            refused = OSError(ctypes.get_errno(), "close_range")
        else:
            _held.extend(_write_nameless(folder, count, mib))
        outcome.append(refused)
        done.set()
        _hold()

    threading.Thread(target=hide, daemon=True).start()
    done.wait()
    if outcome[0] is not None:
        raise outcome[0]
    return _hold()


def start_a_thread_without_shared_files() -> int:
    """clone with CLONE_VM, CLONE_SIGHAND and CLONE_THREAD alone. Where it is let, the process crashes: two threads are
    on one stack."""
    number = 220 if os.uname().machine == "aarch64" else 56
    if _LIBC.syscall(number, 0x10900, 0, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "clone")
    return 0


def send_itself_a_file() -> int:
    """And close it: it is on its way for ever."""
    one, two = socket.socketpair()
    file = os.memfd_create("hoard")
    one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))])
    os.close(file)
    return len(two.recv(1))


def become_unreadable() -> int:
    """PR_SET_DUMPABLE: the files of /proc/<pid> become root's."""
    if _LIBC.prctl(4, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    return 0


def open_and_close_beside_a_hoard(folder: str, count: int, mib: int) -> int:
    """Whoever counts meets descriptors that are gone before those that stay."""
    low = [os.open("/dev/null", os.O_RDONLY) for _ in range(50)]
    _held.extend(_write_nameless(folder, count, mib))

    def churn() -> None:
        while True:
            for descriptor in low:
                os.close(descriptor)
            for _ in low:
                os.open("/dev/null", os.O_RDONLY)

    threading.Thread(target=churn, daemon=True).start()
    return _hold()


def end_the_main_thread(mib: int) -> int:
    """The process goes on in another thread, and the kernel tells no memory of it any more."""

    def allocate() -> None:
        _held.extend(b"\x01" * _MIB for _ in range(mib))
        _hold()

    threading.Thread(target=allocate).start()
    _LIBC.syscall(93 if os.uname().machine == "aarch64" else 60, 0)
    return 0


def make_entries(folder: str, count: int, kind: str) -> int:
    """Empty files, folders, or links of which each takes a block."""
    for number in range(count):
        path = Path(folder) / f"{kind}-{number}"
        match kind:
            case "file":
                path.touch()
            case "folder":
                path.mkdir()
            case "link":
                path.symlink_to("x" * 1000)
    return _hold()


def trade_files(old: str, folder: str, count: int, mib: int) -> int:
    """Delete what lay in a shared folder before, and write as much more elsewhere."""
    Path(old).unlink()
    for number in range(count):
        (Path(folder) / f"traded-{number}").write_bytes(b"\x01" * (mib * _MIB))
    return _hold()


def wait() -> int:
    return _hold()


def take_priority(which: str, value: int) -> int:
    """``oom_score_adj`` or ``autogroup`` of its own."""
    for _ in range(100):
        try:
            Path(f"/proc/self/{which}").write_text(str(value))
            return _hold()
        except BlockingIOError:  # another process just changed its session's
            time.sleep(0.05)
    raise OSError(errno.EAGAIN, "write")


_held: list[Any] = []


def _write_nameless(folder: str, count: int, mib: int) -> list[int]:
    files = []
    for number in range(count):
        path = Path(folder) / f"nameless-{number}"
        files.append(os.open(path, os.O_RDWR | os.O_CREAT))
        path.unlink()
        _write(files[-1], mib)
    return files


def _write(file: int, mib: int) -> None:
    for _ in range(mib):
        os.write(file, b"\x01" * _MIB)


def _map(size: int, protection: int, flags: int, file: int) -> int:
    start = _LIBC.mmap(None, ctypes.c_size_t(size), protection, flags, file, ctypes.c_long(0))
    if start is None or start == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno() or errno.ENOMEM, "mmap")
    return int(start)


def _hold() -> int:
    """Long enough to be looked at."""
    threading.Event().wait(_LOOKS)
    return 0


HOARDS: tuple[Callable[..., Any], ...] = (
    *(fill_memory_file, fill_shared_memory, hide_files_behind_mappings, hide_files_in_a_thread, send_itself_a_file),
    *(become_unreadable, open_and_close_beside_a_hoard, end_the_main_thread, make_entries, take_priority),
    *(map_memory_file, start_a_thread_without_shared_files, wait, trade_files),
)
