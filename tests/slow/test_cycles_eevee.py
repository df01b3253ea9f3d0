"""EEVEE in an engine that also renders with Cycles. On a software renderer its shaders compile for minutes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from pipelines.base import FrameRequest
from tests.pipelines.conftest import StartEngine, blend, frame, scenes, start_engine, workdir

__all__ = ["frame", "scenes", "start_engine", "workdir"]  # the fixtures of the engine's own room


def _has_egl() -> bool:
    try:
        ctypes.CDLL("libEGL.so.1")
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_egl(), reason="EEVEE needs libEGL")
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
