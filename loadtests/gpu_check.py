"""`make gpu-check`: the GPU variant of each engine on a machine that has one, against the same frame on the CPU.

Prints seconds per frame and the difference of the pictures; exits 0 when every variant agrees, 1 when one does not, and
2 where no engine finds a GPU (so that nobody takes silence for success).
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from pipelines.base import FrameRequest, ModelFiles
from pipelines.errors import EngineError
from pipelines.host import EngineHost
from pipelines.post.pixels import read_srgb
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings

SCENE = Path(__file__).resolve().parents[1] / "examples" / "sample.blend"
FRAMES = (1, 12, 24)
MIN_PSNR_DB = 35.0
"""GPU and CPU kernels of Cycles round differently: the noise differs a little, the picture does not."""

AGREES, DIFFERS, NO_GPU = 0, 1, 2


async def render(device: str, scratch: Path) -> list[tuple[Path, float]]:
    """(picture, seconds) of each frame on one device; the first frame's time includes the kernels' start."""
    host = await EngineHost.start(
        pipeline=get_pipeline("cycles"), workdir=scratch, models=(SCENE.parent,), settings=EngineSettings()
    )
    try:
        await host.load(ModelFiles(digest="0" * 64, root=SCENE.parent, main=SCENE.name))
        done = []
        for frame in FRAMES:
            folder = scratch / f"{device}-{frame}"
            folder.mkdir()
            began = time.perf_counter()
            output = await host.render(
                FrameRequest(id=f"{device}-{frame}", frame=frame, settings={"device": device}, scratch=folder)
            )
            done.append((output.main, time.perf_counter() - began))
        return done
    finally:
        await host.kill()


def psnr_db(first: Path, second: Path) -> float:
    """Peak signal-to-noise ratio of two 8-bit pictures, decibels; infinite when they are equal."""
    error = np.mean((read_srgb(first).astype(np.float64) - read_srgb(second).astype(np.float64)) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255.0**2 / error))


async def check(scratch: Path) -> int:
    try:
        on_gpu = await render("gpu", scratch)
    except EngineError as error:
        print(f"cycles: no GPU: {error}")
        return NO_GPU
    on_cpu = await render("cpu", scratch)
    verdict = AGREES
    for frame, (gpu, gpu_s), (cpu, cpu_s) in zip(FRAMES, on_gpu, on_cpu, strict=True):
        psnr = psnr_db(gpu, cpu)
        verdict = verdict if psnr >= MIN_PSNR_DB else DIFFERS
        size = gpu.stat().st_size
        print(f"cycles frame {frame}: gpu {gpu_s:.2f} s, cpu {cpu_s:.2f} s, {psnr:.1f} dB apart, {size} bytes")
    return verdict


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="rayfarm-gpu-") as scratch:
        return asyncio.run(check(Path(scratch)))


if __name__ == "__main__":
    sys.exit(main())
