"""A small copy of a cloud that viewers in a browser load: a `.splat` of the gaussians that matter most."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipelines.splats.cloud import SH_C0, GaussianCloud


def write_web_copy(cloud: GaussianCloud, target: Path, *, most: int) -> int:
    """Write at most ``most`` gaussians, those of the largest opacity times volume, largest first; returns how many.

    Such viewers draw while they load, hence the order. Colour is the constant harmonic alone, in 8 bits.
    """
    weight = np.log(np.maximum(cloud.opacities, 1e-9)) + np.log(np.maximum(cloud.scales, 1e-12)).sum(axis=1)
    order = np.argsort(-weight, kind="stable")[:most]
    records = np.zeros(len(order), np.dtype([("f", "<f4", 6), ("rgba", "u1", 4), ("quat", "u1", 4)]))
    records["f"][:, :3] = cloud.means[order]
    records["f"][:, 3:] = cloud.scales[order]
    colour = cloud.sh[order, 0] * SH_C0 + 0.5
    rgba = np.concatenate([colour, cloud.opacities[order][:, None]], axis=1)
    records["rgba"] = np.rint(np.clip(rgba, 0, 1) * 255).astype(np.uint8)
    records["quat"] = np.clip(np.rint(cloud.quats[order] * 128 + 128), 0, 255).astype(np.uint8)
    target.write_bytes(records.tobytes())
    return len(order)
