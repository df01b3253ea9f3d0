"""What the render bench renders, how often, and from which scene."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from loadtests.blender import __file__ as blender_package

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "examples" / "sample.blend"
OUT = ROOT / "build" / "bench"
"""Where runs leave their figures and what they make."""

Settings = Mapping[str, int | str]

_TINY: Settings = {"resolution_x": 160, "resolution_y": 90, "samples": 4, "denoise": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One kind of frame. A round of it: ``cold_frames`` fresh processes, half a block of the loop, one job of the farm,
    the other half."""

    name: str
    says: str
    scene: str
    """``sample`` or ``heavy``."""
    settings: Settings
    rounds: int
    block: int
    """Frames in one block of the loop, and in one job of the farm; at least 2. Two seconds of film, so that the
    tenth of a second from submit to the first frame counts as it does for users."""
    cold_frames: int = 1
    """Frames of a round that are rendered by a fresh process each."""
    openjd_tasks: int = 2
    """The same as tasks of one session."""

    @property
    def frames(self) -> list[int]:
        return list(range(1, self.block + 1))

    def quicker(self) -> Case:
        """Fewer frames: shows that the bench works, says little about the farm."""
        return replace(self, rounds=min(2, self.rounds), block=max(2, self.block // 3))


CASES = (
    Case(
        name="tiny",
        says="sample scene, 160x90, 4 samples, no denoise",
        scene="sample",
        settings=_TINY,
        rounds=9,
        block=48,
    ),
    Case(
        name="tiny+denoise",
        says="the same, denoised",
        scene="sample",
        settings={**_TINY, "denoise": True},
        rounds=9,
        block=48,
    ),
    Case(
        name="heavy",
        says="2 million triangles, four packed 2k textures, 160x90, 4 samples, no denoise",
        scene="heavy",
        settings=_TINY,
        rounds=7,
        block=48,
    ),
    Case(
        name="sample",
        says="sample scene at its own settings, 640x360",
        scene="sample",
        settings={},
        rounds=4,
        block=4,
        openjd_tasks=1,
    ),
)


def scene_file(scene: str, folder: Path) -> Path:
    """The .blend of a scene; the heavy one is made at the first use, by about ten seconds of Blender."""
    if scene == "sample":
        return SAMPLE
    maker = Path(blender_package).with_name("make_heavy.py")
    blend = folder / f"heavy-{hashlib.sha256(maker.read_bytes()).hexdigest()[:8]}.blend"
    if not blend.exists():
        part = blend.with_suffix(".part.blend")
        subprocess.run(
            [sys.executable, "-m", "loadtests.blender.make_heavy", str(part)],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        part.rename(blend)
    return blend
