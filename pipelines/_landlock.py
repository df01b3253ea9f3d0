"""Landlock: an unprivileged process gives up writing outside a list of folders (Linux 5.13+). Stdlib only."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET = 444
_ADD_RULE = 445
_RESTRICT_SELF = 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1

_WRITE_FILE = 1 << 1
_REMOVE_DIR = 1 << 4
_REMOVE_FILE = 1 << 5
_MAKE = 0b1111111 << 6
"""MAKE_CHAR, DIR, REG, SOCK, FIFO, BLOCK, SYM."""
_REFER = 1 << 13
"""Rename and link between folders; since ABI 2."""
_TRUNCATE = 1 << 14
"""Since ABI 3."""

_DEVICES = (Path("/dev"), Path("/proc"))
"""Existing files only: /dev/null and GPU nodes are opened for writing, drivers write thread names to /proc."""
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the path is the kernel's, nothing is created by us
"""GPU drivers create segments here."""


class _RulesetAttributes(ctypes.Structure):
    _fields_ = [("handled_access_fs", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def confine_writes(libc: ctypes.CDLL, writable: Iterable[Path]) -> bool:
    """Deny writes outside ``writable`` and device files. False where the kernel cannot. Needs no_new_privs."""
    abi = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _CREATE_RULESET_VERSION)
    if abi < 1:
        return False
    existing = _WRITE_FILE | (_TRUNCATE if abi >= 3 else 0)
    everything = existing | _REMOVE_DIR | _REMOVE_FILE | _MAKE | (_REFER if abi >= 2 else 0)
    attributes = _RulesetAttributes(handled_access_fs=everything)
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(ctypes.sizeof(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        allowed = [(path, everything) for path in (*writable, _SHARED_MEMORY)]
        allowed += [(path, existing) for path in _DEVICES]
        for path, access in allowed:
            _allow(libc, ruleset, path, access)
        return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, access: int) -> None:
    try:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # absent folders need no rule
        return
    try:
        rule = _PathBeneath(allowed_access=access, parent_fd=folder)
        if libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0) != 0:
            raise OSError(ctypes.get_errno(), f"landlock refused a rule for {path}")
    finally:
        os.close(folder)
