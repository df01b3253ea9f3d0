"""Where benches keep kernels that drivers compile for minutes; they render nobody's scenes but the farm's own."""

from __future__ import annotations

from pathlib import Path


def own_kernels() -> Path:
    """It is there."""
    folder = Path.home() / ".cache" / "rayfarm" / "bench-kernels"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
