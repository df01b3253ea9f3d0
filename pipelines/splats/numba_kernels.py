"""Numba, told where to keep what it compiles; all kernels take it from here."""

from __future__ import annotations

import numba
from numba import njit, prange

from pipelines.splats.kernel_cache import kernel_cache

__all__ = ["njit", "numba", "prange"]

numba.config.CACHE_DIR = str(kernel_cache())  # read when a kernel is declared
