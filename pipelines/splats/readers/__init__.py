"""Full readers of the four formats of splat clouds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from models.formats.splats import SplatSummary, inspect_splats
from pipelines.splats.cloud import GaussianCloud
from pipelines.splats.readers.plain import read_ply, read_splat
from pipelines.splats.readers.sog import read_sog
from pipelines.splats.readers.spz import read_spz

_READERS: dict[str, Callable[[Path, SplatSummary], GaussianCloud]] = {
    "ply": read_ply,
    "splat": read_splat,
    "spz": read_spz,
    "sog": read_sog,
}


def read_cloud(path: Path) -> tuple[GaussianCloud, SplatSummary]:
    """The cloud as stored, broken gaussians and all. Raises ``ModelInvalid``."""
    summary = inspect_splats(path)
    return _READERS[summary.format](path, summary), summary
