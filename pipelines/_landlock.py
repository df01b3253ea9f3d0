"""Landlock: an unprivileged process gives up files outside a list of folders (Linux 5.13+). Stdlib only."""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET = 444
_ADD_RULE = 445
_RESTRICT_SELF = 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1

_WRITE_FILE = 1 << 1
_READ_FILE = 1 << 2
_READ_DIR = 1 << 3
_REMOVE_DIR = 1 << 4
_REMOVE_FILE = 1 << 5
_MAKE = 0b1111111 << 6
"""MAKE_CHAR, DIR, REG, SOCK, FIFO, BLOCK, SYM."""
_REFER = 1 << 13
"""Rename and link between folders; since ABI 2."""
_TRUNCATE = 1 << 14
"""Since ABI 3."""

_DEVICES = tuple(Path("/dev") / name for name in ("null", "zero", "full", "random", "urandom"))
_GPU_DEVICES = ("nvidia*", "kfd", "dri")
"""Not the whole of /dev: disks are in it."""
_KERNEL = Path("/proc")
"""To be read. Other processes' memory and environment need the right to trace them, which Landlock takes away, unless
the process has CAP_PERFMON. Not to be written: root needs no right to do so, and a word in sysrq-trigger reboots."""
_OWN_PROCESS = Path("/proc/self")
"""Drivers write thread names there."""
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the path is the kernel's, nothing is created by us
"""GPU drivers create segments here, so it is for machines that have one: what lies there is memory that nobody counts,
and outlives its maker. Without the right to list it: frames of other engines may lie there too, in folders whose names
cannot be guessed."""

_SCOPE_SIGNAL = 1 << 1
_SCOPE_ABSTRACT_SOCKET = 1 << 0
"""Since ABI 6: neither signals nor abstract sockets reach out of the confined process."""


class _RulesetAttributes(ctypes.Structure):
    _fields_ = [("access_fs", ctypes.c_uint64), ("access_net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def confine_files(libc: ctypes.CDLL, *, writable: Iterable[Path], readable: Iterable[Path]) -> bool:
    """Deny writes outside ``writable`` and reads outside both lists, device files apart. Absent paths are passed over.

    False where the kernel cannot. Needs no_new_privs, and binds threads that start later only. An open file stays open;
    that a path exists can still be seen.
    """
    abi = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _CREATE_RULESET_VERSION)
    if abi < 1:
        return False
    reading = _READ_FILE | _READ_DIR
    existing = reading | _WRITE_FILE | (_TRUNCATE if abi >= 3 else 0)
    everything = existing | _REMOVE_DIR | _REMOVE_FILE | _MAKE | (_REFER if abi >= 2 else 0)
    attributes = _RulesetAttributes(access_fs=everything)
    size = ctypes.sizeof(ctypes.c_uint64)  # all that an older kernel knows of
    if abi >= 6:
        attributes.scoped = _SCOPE_SIGNAL | _SCOPE_ABSTRACT_SOCKET
        size = ctypes.sizeof(attributes)
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return False
    try:
        allowed = [(path, everything) for path in writable]
        cards = [path for pattern in _GPU_DEVICES for path in Path("/dev").glob(pattern)]
        allowed += [(path, existing) for path in (*_DEVICES, *cards, _OWN_PROCESS)]
        allowed += [(path, reading) for path in (*readable, _KERNEL)]
        if cards:
            allowed.append((_SHARED_MEMORY, everything & ~_READ_DIR))
        for path, access in allowed:
            _allow(libc, ruleset, path, access)
        return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, access: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # what is absent needs no rule
        return
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):  # the kernel refuses rights that only folders have
            access &= _READ_FILE | _WRITE_FILE | _TRUNCATE
        rule = _PathBeneath(allowed_access=access, parent_fd=opened)
        if libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0) != 0:
            raise OSError(ctypes.get_errno(), f"landlock refused a rule for {path}")
    finally:
        os.close(opened)
