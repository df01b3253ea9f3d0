"""The part of `make gpu-check` for splats: frames of a cloud on CUDA against the same frames on the CPU."""

from __future__ import annotations

import time
from pathlib import Path

from examples.make_splats import write
from loadtests.gpu_verdicts import AGREES, DIFFERS, NO_GPU, psnr_db
from pipelines.base import FrameOutput, FrameRequest, ModelFiles
from pipelines.errors import EngineError, EngineLost
from pipelines.host import EngineHost
from pipelines.post.display import read_srgb
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings

GAUSSIANS = 100_000
FRAMES = (1, 9, 17)
MIN_PSNR_DB = 45.0
"""Both draw the same gaussians in the same order; sums are rounded differently, and alpha is cut off at 1/255."""
OPTIONS = ({}, {"antialiased": True}, {"depth": True, "background": [1.0, 1.0, 1.0]})
"""Settings of each frame's turn, besides device and cameras."""


async def render(device: str, scratch: Path) -> list[tuple[FrameOutput, float]]:
    """Each frame with each of the options, and its seconds."""
    root = scratch / "torus"
    host = await EngineHost.start(
        pipeline=get_pipeline("splats"), workdir=scratch / device, models=(root,), settings=EngineSettings()
    )
    try:
        await host.load(ModelFiles(digest="5" * 64, root=root, main="torus.ply"))
        done = []
        for number, options in enumerate(OPTIONS):
            for frame in FRAMES:
                settings = {"device": device, "cameras": {"type": "file", "path": "path.json"}, **options}
                folder = scratch / device / f"{number}-{frame}"
                began = time.perf_counter()
                output = await host.render(
                    FrameRequest(id=f"{device}-{number}-{frame}", frame=frame, settings=settings, scratch=folder)
                )
                done.append((output, time.perf_counter() - began))
        return done
    finally:
        await host.kill()


async def check(scratch: Path) -> int:
    """Prints a line for each frame; one of ``AGREES``, ``DIFFERS``, ``NO_GPU``."""
    write(scratch / "torus", count=GAUSSIANS)
    try:
        on_gpu = await render("cuda", scratch)
    except EngineLost as error:
        print(f"splats: the engine died on the GPU: {error}")
        return DIFFERS
    except EngineError as error:
        print(f"splats: no GPU: {error}")
        return NO_GPU
    on_cpu = await render("cpu", scratch)
    verdict = AGREES
    for (gpu, gpu_seconds), (cpu, cpu_seconds) in zip(on_gpu, on_cpu, strict=True):
        psnr = psnr_db(read_srgb(gpu.main), read_srgb(cpu.main))
        if psnr < MIN_PSNR_DB or not str(gpu.metrics["device"]).startswith("CUDA"):
            verdict = DIFFERS
        if gpu.extra:
            psnr = min(psnr, psnr_db(read_srgb(gpu.extra[0]), read_srgb(cpu.extra[0])))
        print(
            f"splats on {gpu.metrics['device']}: gpu {gpu_seconds * 1000:.1f} ms, cpu {cpu_seconds * 1000:.1f} ms, "
            f"{psnr:.1f} dB apart, peak video memory {gpu.metrics['peak_vram_bytes'] / 2**20:.0f} MiB, "
            f"{gpu.main.stat().st_size} bytes"
        )
    return verdict
