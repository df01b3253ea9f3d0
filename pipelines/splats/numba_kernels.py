"""Numba, told where to keep what it compiles: in a folder of this process, with what was built before copied in."""

from __future__ import annotations

import atexit
import shutil
import tempfile

import numba
from numba import njit, prange

from pipelines.splats.kernel_cache import OWN_FOLDER, built_kernels

__all__ = ["njit", "numba", "prange"]

_own = tempfile.mkdtemp(prefix=OWN_FOLDER)  # an engine's temporary folder goes with it
atexit.register(shutil.rmtree, _own, ignore_errors=True)
_built = built_kernels()
if _built.is_dir():
    shutil.copytree(_built, _own, dirs_exist_ok=True)
numba.config.CACHE_DIR = _own  # type: ignore[attr-defined]  # read when a kernel is declared
