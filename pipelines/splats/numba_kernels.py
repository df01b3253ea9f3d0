"""Numba, told where to keep what it compiles: in a folder of this process, with what was built before copied in."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import numba
from numba import njit, prange

from pipelines.splats.kernel_cache import OWN_FOLDER, built_kernels

__all__ = ["njit", "numba", "prange"]


def _copy_in(built: Path) -> None:
    """Names and contents alone: the sandbox refuses times and permissions, and Numba asks for neither."""
    for folder, _folders, files in os.walk(built):
        target = Path(_own, os.path.relpath(folder, built))
        target.mkdir(exist_ok=True)
        for name in files:
            shutil.copyfile(Path(folder, name), target / name)


_own = tempfile.mkdtemp(prefix=OWN_FOLDER)  # an engine's temporary folder goes with it
atexit.register(shutil.rmtree, _own, ignore_errors=True)
_built = built_kernels()
_copy_in(_built)
numba.config.CACHE_DIR = _own  # type: ignore[attr-defined]  # read when a kernel is declared
