"""Where Numba keeps the compiled rasteriser on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def kernel_cache() -> Path:
    """Parent and child find the same: both see ``XDG_CACHE_HOME`` and ``HOME``."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "rayfarm" / "splats"
