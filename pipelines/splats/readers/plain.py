"""Readers of the uncompressed formats, `.ply` and `.splat`: a stretch of records at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.errors import ModelInvalid
from models.formats.splats import SPLAT_RECORD_BYTES, SplatSummary
from pipelines.splats.cloud import SH_C0, GaussianCloud, coefficients, sigmoid

_STRETCH = 1 << 16
"""Records read at a time: 16 MB of a .ply."""


def empty_cloud(count: int, sh_degree: int, *, antialiased: bool = False) -> GaussianCloud:
    """Room for a cloud, not filled."""
    return GaussianCloud(
        means=np.empty((count, 3), np.float32),
        quats=np.empty((count, 4), np.float32),
        scales=np.empty((count, 3), np.float32),
        opacities=np.empty(count, np.float32),
        sh=np.empty((count, coefficients(sh_degree), 3), np.float32),
        antialiased=antialiased,
    )


def read_ply(path: Path, summary: SplatSummary) -> GaussianCloud:
    """INRIA's attributes: logits of opacity, logarithms of scale, quaternions w x y z, `f_rest_*` by channel."""
    layout = np.dtype([(name, kind) for name, kind in summary.properties])
    cloud = empty_cloud(summary.count, summary.sh_degree)
    rest = coefficients(summary.sh_degree) - 1
    for at, records in _stretches(path, layout, summary):
        to = slice(at, at + len(records))
        for axis, name in enumerate("xyz"):
            cloud.means[to, axis] = records[name]
        for axis in range(3):
            cloud.scales[to, axis] = records[f"scale_{axis}"]
            cloud.sh[to, 0, axis] = records[f"f_dc_{axis}"]
            for number in range(rest):
                cloud.sh[to, 1 + number, axis] = records[f"f_rest_{axis * rest + number}"]
        for axis in range(4):
            cloud.quats[to, axis] = records[f"rot_{axis}"]
        cloud.opacities[to] = sigmoid(records["opacity"])
        with np.errstate(over="ignore"):
            np.exp(cloud.scales[to], out=cloud.scales[to])
    return cloud


_SPLAT = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("quat", "u1", 4)])


def read_splat(path: Path, summary: SplatSummary) -> GaussianCloud:
    """antimatter15's records: scales as they are, colour and opacity in 8 bits, quaternion w x y z around 128."""
    assert _SPLAT.itemsize == SPLAT_RECORD_BYTES
    cloud = empty_cloud(summary.count, 0)
    for at, records in _stretches(path, _SPLAT, summary):
        to = slice(at, at + len(records))
        cloud.means[to] = records["mean"]
        cloud.scales[to] = records["scale"]
        cloud.sh[to, 0] = (records["rgba"][:, :3].astype(np.float32) / 255 - 0.5) / SH_C0
        cloud.opacities[to] = records["rgba"][:, 3].astype(np.float32) / 255
        cloud.quats[to] = (records["quat"].astype(np.float32) - 128) / 128
    return cloud


def _stretches(
    path: Path, layout: np.dtype[np.void], summary: SplatSummary
) -> Iterator[tuple[int, npt.NDArray[np.void]]]:
    with path.open("rb") as file:
        file.seek(summary.data_offset)
        for at in range(0, summary.count, _STRETCH):
            wanted = min(_STRETCH, summary.count - at)
            data = file.read(wanted * layout.itemsize)
            if len(data) < wanted * layout.itemsize:
                raise ModelInvalid(f"{path.name} became shorter while it was read.")
            yield at, np.frombuffer(data, dtype=layout)
