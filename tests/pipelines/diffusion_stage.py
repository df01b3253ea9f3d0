"""A diffusion engine in its sandbox that the tests of a module share: its libraries take seconds to import."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pipelines.base import FrameOutput, FrameRequest, ModelFiles, ProgressCallback
from pipelines.host import EngineHost
from pipelines.settings import EngineSettings

DIGEST = "d" * 64
STEPS = 3
"""Enough that each kind of scheduler takes its different steps."""
SLOW_MACHINE = EngineSettings(start_timeout=timedelta(seconds=280), threads=1)
"""The import costs 7 s of CPU, and the cores may be anybody's; pictures so small are drawn no faster by two."""
BUILD_TIMEOUT_S = 600
SETUP_TIMEOUT_S = 1200
"""Of a test that may be the first: torch is imported twice, to build the models and to run them."""


def build_models(target: Path, *names: str) -> Path:
    """`sd/` and `sdxl/`, or those named, below the target."""
    command = [sys.executable, "-m", "tests.pipelines.build_diffusion", str(target), *names]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def model_of(root: Path) -> ModelFiles:
    return ModelFiles(digest=DIGEST, root=root, main="model_index.json")


@dataclass(slots=True)
class Stage:
    """One engine and the tiny models."""

    host: EngineHost
    models: Path
    work: Path
    _loaded: Path | None = None
    _made: int = field(default=0)

    async def load(self, root: Path) -> None:
        self._loaded = None
        await self.host.load(model_of(root))
        self._loaded = root

    async def render(
        self,
        *,
        model: str = "sd",
        frame: int = 1,
        on_progress: ProgressCallback | None = None,
        preview_every_s: float | None = None,
        **settings: Any,
    ) -> FrameOutput:
        """With a few steps, a seed and a prompt, where the caller names none."""
        if self._loaded != self.models / model:
            await self.load(self.models / model)
        wish = {"steps": STEPS, "seed": 5, "seed_mode": "fixed"} | settings
        if "keyframes" not in wish:
            wish.setdefault("prompt", "a red fox")
        self._made += 1
        scratch = self.work / f"frame-{self._made}"
        request = FrameRequest(
            id=scratch.name, frame=frame, settings=wish, scratch=scratch, preview_every_s=preview_every_s
        )
        return await self.host.render(request, on_progress)

    async def picture(self, **wish: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
        return pixels((await self.render(**wish)).main)


def pixels(path: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))
