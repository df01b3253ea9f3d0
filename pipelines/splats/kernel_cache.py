"""Where this machine keeps the compiled rasteriser. Stdlib only: parent, builder and engine all ask here.

Compiled code is code, and Numba's index of it is a pickle: whoever writes it runs in every engine that reads it. So a
process that never sees a scene builds it (``pipelines.splats.build_kernels``), and engines copy it into their own
folder; what they compile themselves, where it is not there yet, nobody else reads.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

OWN_FOLDER = "splat-kernels-"
"""Begins the name of a process's own folder of kernels."""
KERNEL_MODULES = ("numba_kernels.py", "projection.py", "raster.py")
"""Files of this folder in which kernels stand."""
_PACKAGES = ("numba", "llvmlite", "numpy")


def kernel_cache() -> Path:
    """Of all builds; parent and child find the same: both see ``XDG_CACHE_HOME`` and ``HOME``."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "rayfarm" / "splat-kernels"


def built_kernels() -> Path:
    """Those of this code on this kind of machine; it is there once they are whole."""
    marks: list[object] = [sys.version, platform.machine(), _cpu()]
    for name in _PACKAGES:
        try:
            marks.append(version(name))
        except PackageNotFoundError:
            marks.append(None)
    for name in KERNEL_MODULES:  # Numba takes a kernel by its file's path, size and time of change
        path = Path(__file__).with_name(name)
        found = path.stat()
        marks.append((str(path), found.st_size, found.st_mtime_ns))
    return kernel_cache() / hashlib.sha256(repr(marks).encode()).hexdigest()[:16]


def _cpu() -> str:
    """Model and features: a home folder may be shared by machines that differ."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    wanted = ("model name", "flags", "Features", "CPU part")
    return "\n".join(dict.fromkeys(line for line in lines if line.split("\t")[0].split(":")[0].strip() in wanted))
