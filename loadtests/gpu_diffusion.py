"""The part of `make gpu-check` for diffusion: frames of a tiny model on CUDA against the same frames on the CPU."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from loadtests.gpu_verdicts import AGREES, DIFFERS, NO_GPU, psnr_db
from pipelines.base import FrameOutput, FrameRequest, ModelFiles
from pipelines.errors import EngineError, EngineLost
from pipelines.host import EngineHost
from pipelines.post.display import read_srgb
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings

BUILDER = Path(__file__).resolve().parents[1] / "tests" / "pipelines" / "build_diffusion.py"
BUILD_TIMEOUT_S = 300
MODELS = ("sd", "sdxl")
MIN_PSNR_DB = {"fp32": 40.0, "fp16": 20.0}
"""Noise is made on the CPU for both. Guesses, never run on a GPU: another seed's picture is 12 dB away."""
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"init_image": "pictures/plate.0001.png", "strength": 0.6},
    {"loras": [{"path": "loras/diffusers.safetensors", "weight": 0.8}]},
)
"""Settings of each frame's turn, besides device and precision."""


async def render(device: str, dtype: str, models: Path, scratch: Path) -> list[tuple[FrameOutput, float]]:
    """A frame with each of the options of each model, and its seconds; the first holds the start of the kernels."""
    work = scratch / f"{device}-{dtype}"
    host = await EngineHost.start(
        pipeline=get_pipeline("diffusion"), workdir=work, models=(models,), settings=EngineSettings()
    )
    try:
        done = []
        for model in MODELS:
            await host.load(ModelFiles(digest="6" * 64, root=models / model, main="model_index.json"))
            for number, options in enumerate(OPTIONS):
                settings = {"prompt": "a red fox", "seed": 5, "steps": 8, "device": device, "dtype": dtype, **options}
                name = f"{model}-{number}"
                began = time.perf_counter()
                output = await host.render(FrameRequest(id=name, frame=1, settings=settings, scratch=work / name))
                done.append((output, time.perf_counter() - began))
        return done
    finally:
        await host.kill()


async def check(scratch: Path) -> int:
    """Prints a line for each frame; one of ``AGREES``, ``DIFFERS``, ``NO_GPU``."""
    models = scratch / "diffusion"
    command = [sys.executable, str(BUILDER), str(models)]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, timeout=BUILD_TIMEOUT_S)
    try:
        on_gpu = {dtype: await render("cuda", dtype, models, scratch) for dtype in MIN_PSNR_DB}
    except EngineLost as error:
        print(f"diffusion: the engine died on the GPU: {error}")
        return DIFFERS
    except EngineError as error:
        print(f"diffusion: no GPU: {error}")
        return NO_GPU
    on_cpu = await render("cpu", "fp32", models, scratch)
    verdict = AGREES
    for dtype, frames in on_gpu.items():
        for (gpu, gpu_seconds), (cpu, cpu_seconds) in zip(frames, on_cpu, strict=True):
            psnr = psnr_db(read_srgb(gpu.main), read_srgb(cpu.main))
            if psnr < MIN_PSNR_DB[dtype] or not str(gpu.metrics["device"]).startswith("CUDA"):
                verdict = DIFFERS
            print(
                f"diffusion {dtype} on {gpu.metrics['device']}: gpu {gpu_seconds * 1000:.1f} ms, "
                f"cpu {cpu_seconds * 1000:.1f} ms, {psnr:.1f} dB apart, "
                f"peak video memory {gpu.metrics['peak_vram_bytes'] / 2**20:.0f} MiB, {gpu.main.stat().st_size} bytes"
            )
    return verdict
