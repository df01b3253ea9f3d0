"""Build a small splat cloud, a torus of coloured gaussians over a disc, and a camera path around it:

    python examples/make_splats.py /tmp/torus      # writes torus.ply and path.json there

Numpy alone; 24 frames, a closed loop.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np

FRAMES = 24
"""Length of the loop."""
RING, TUBE = 1.0, 0.38
"""Radii, scene units."""
NAMES = (
    *("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2"),
    *("rot_0", "rot_1", "rot_2", "rot_3"),
)


def torus(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(N, 14) attributes in the order of ``NAMES``; y points down."""
    random = np.random.default_rng(7)
    around, across = random.uniform(0, 2 * math.pi, (2, count))
    reach = RING + TUBE * np.cos(across)
    places = np.stack([reach * np.cos(around), -TUBE * np.sin(across), reach * np.sin(around)], axis=1)
    phases = 2 * across + around
    colours = 0.5 + 0.45 * np.stack([np.cos(phases), np.cos(phases - 2.1), np.cos(phases + 2.1)], axis=1)
    floor = random.random(count) < 0.3
    angle, far = random.uniform(0, 2 * math.pi, count), 1.9 * np.sqrt(random.random(count))
    places[floor] = np.stack([far * np.cos(angle), np.full(count, TUBE + 0.03), far * np.sin(angle)], axis=1)[floor]
    colours[floor] = (0.30 + 0.12 * ((np.floor(far * 4) % 2) == 0))[floor, None]
    harmonic = (colours - 0.5) / math.sqrt(1 / (4 * math.pi))
    scales = np.full((count, 3), math.log(0.022)) + random.normal(0, 0.25, (count, 3))
    turns = random.normal(size=(count, 4))
    return np.concatenate([places, harmonic, np.full((count, 1), 2.5), scales, turns], axis=1)


def path() -> dict[str, object]:
    """A nerfstudio camera path: cameras look along -z, their y axis up; up in this world is -y."""
    cameras = []
    for frame in range(FRAMES):
        angle = 2 * math.pi * frame / FRAMES
        out = np.array([math.cos(angle), -0.55, math.sin(angle)]) / math.hypot(1, 0.55)
        right = np.cross([0.0, -1.0, 0.0], out)
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = right, np.cross(out, right), out, 4.2 * out
        cameras.append({"camera_to_world": pose.reshape(-1).tolist(), "fov": 45, "aspect": 16 / 9})
    size = {"render_width": 640, "render_height": 360}
    return {"camera_type": "perspective", **size, "fps": 12, "seconds": FRAMES / 12, "camera_path": cameras}


def write(folder: Path, *, count: int) -> None:
    """``torus.ply`` and ``path.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {count}"]
    header += [f"property float {name}" for name in NAMES]
    data = "\n".join([*header, "end_header\n"]).encode() + torus(count).astype("<f4").tobytes()
    (folder / "torus.ply").write_bytes(data)
    (folder / "path.json").write_text(json.dumps(path()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=20_000, help="gaussians")
    options = parser.parse_args()
    write(options.folder, count=options.count)
