"""EEVEE in an engine that also renders with Cycles, on whatever EGL has: a GPU, or Mesa's software renderer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from pipelines.base import FrameRequest
from pipelines.cycles.eevee import egl_trouble
from tests.pipelines.conftest import StartEngine, blend, frame, scenes, start_engine, workdir

__all__ = ["frame", "scenes", "start_engine", "workdir"]  # the fixtures of the engine's own room


COMPILES_FOR_S = 1800
"""EEVEE's shaders on Mesa's software renderer: 30 s on two free cores, many minutes on busy ones."""


@pytest.mark.timeout(COMPILES_FOR_S)
@pytest.mark.skipif(egl_trouble() is not None, reason=f"EEVEE has nothing to draw with here: {egl_trouble()}")
async def test_eevee_renders_and_cycles_comes_back(
    start_engine: StartEngine,
    scenes: Path,
    frame: Callable[..., FrameRequest],
) -> None:
    host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
    cycles = Image.open((await host.render(frame(1, percentage=50))).main).tobytes()
    eevee = await host.render(frame(1, engine="eevee", samples=1, percentage=50))
    assert Image.open(eevee.main).tobytes() != cycles
    assert eevee.metrics["device"].startswith("EEVEE: ")
    assert eevee.metrics["samples"] == 1
    assert Image.open((await host.render(frame(1, percentage=50))).main).tobytes() == cycles
