"""One GPU variant of an engine against its CPU variant: the frames of both, compared and timed, and a verdict."""

from __future__ import annotations

import math
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.states import EndReason
from loadtests.gpu_verdicts import AGREES, DIFFERS, NO_GPU
from loadtests.own_kernels import own_kernels
from pipelines.base import FrameOutput, FrameRequest, ModelFiles
from pipelines.errors import EngineError, EngineLost
from pipelines.host import EngineHost
from pipelines.post.compare import psnr
from pipelines.post.display import read_srgb
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings

CPU = "CPU"
"""What a frame's record names where no GPU made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A frame that both devices make."""

    name: str
    model: ModelFiles
    settings: Mapping[str, Any]
    """Beside those of the device."""
    frame: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A way to compute on a GPU, and what it is held against."""

    pipeline: str
    name: str
    gpu: Mapping[str, Any]
    cpu: Mapping[str, Any]
    shots: Sequence[Shot]
    min_psnr_db: float
    never_equal: bool = False
    """The two round so differently that pictures equal to the last bit were both the CPU's."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One shot on one device."""

    output: FrameOutput
    seconds: float
    """The first frame's time includes the kernels' start: minutes where the driver must build them first."""
    cpu_seconds: float

    @property
    def device(self) -> str:
        """Backend and card, as in the frame's record."""
        return str(self.output.metrics["device"])


async def compare(variant: Variant, scratch: Path) -> int:
    """Print a line for each frame, and frames per second; one of ``AGREES``, ``DIFFERS``, ``NO_GPU``."""
    title = f"{variant.pipeline} {variant.name}"
    try:
        on_gpu = await _render(variant, "gpu", scratch)
    except EngineLost as error:
        print(f"{title}: the engine died on the GPU: {error}")
        return DIFFERS
    except EngineError as error:
        if error.reason is not EndReason.MODEL_INVALID:  # that of every refusal of a device that is not there
            print(f"{title}: the engine failed on the GPU: {error}")
            return DIFFERS
        print(f"{title}: no GPU: {error}")
        return NO_GPU
    on_cpu = await _render(variant, "cpu", scratch)
    verdict = AGREES
    for shot, gpu, cpu in zip(variant.shots, on_gpu, on_cpu, strict=True):
        psnr_db = _psnr_of(gpu.output, cpu.output)
        if not agrees(variant, device=gpu.device, psnr_db=psnr_db):
            verdict = DIFFERS
        peak = gpu.output.metrics.get("peak_vram_bytes")
        print(
            f"{title} {shot.name} on {gpu.device}: gpu {gpu.seconds * 1000:.1f} ms ({gpu.cpu_seconds:.2f} s of CPU), "
            f"cpu {cpu.seconds * 1000:.1f} ms, {psnr_db:.1f} dB apart (at least {variant.min_psnr_db:g}), "
            f"{'' if peak is None else f'peak video memory {peak / 2**20:.0f} MiB, '}"
            f"{gpu.output.main.stat().st_size} bytes"
        )
    print(f"{title}: {frames_per_second(on_gpu):.2f} frames/s on the GPU, {frames_per_second(on_cpu):.2f} on the CPU")
    return verdict


def agrees(variant: Variant, *, device: str, psnr_db: float) -> bool:
    """Whether a GPU made the frame, and the picture is the CPU's but for rounding."""
    if device == CPU or (variant.never_equal and psnr_db == math.inf):
        return False
    return psnr_db >= variant.min_psnr_db


def frames_per_second(frames: Sequence[Rendered]) -> float:
    """Of all frames but the first, which starts the kernels."""
    warm = frames[1:] or frames
    return len(warm) / sum(each.seconds for each in warm)


async def _render(variant: Variant, side: str, scratch: Path) -> list[Rendered]:
    """The variant's shots in one engine, which is warm from the second on."""
    work = scratch / f"{variant.pipeline}-{variant.name}-{side}".replace(" ", "-")
    work.mkdir(parents=True)
    roots = tuple({shot.model.root for shot in variant.shots})
    host = await EngineHost.start(
        pipeline=get_pipeline(variant.pipeline),
        workdir=work,
        models=roots,
        settings=EngineSettings(),
        kernels=own_kernels(),
    )
    try:
        done: list[Rendered] = []
        loaded: ModelFiles | None = None
        for number, shot in enumerate(variant.shots):
            if shot.model != loaded:
                await host.load(shot.model)
                loaded = shot.model
            settings = {**shot.settings, **(variant.gpu if side == "gpu" else variant.cpu)}
            folder = work / str(number)
            folder.mkdir()
            began, cpu_began = time.perf_counter(), host.cpu_seconds()
            output = await host.render(
                FrameRequest(id=f"{side}-{number}", frame=shot.frame, settings=settings, scratch=folder)
            )
            done.append(Rendered(output, time.perf_counter() - began, host.cpu_seconds() - cpu_began))
        memory = "" if side == "cpu" else f", video memory in use: {_video_memory()}"
        print(f"{variant.pipeline} on {done[0].device}: sandbox {host.sandbox}{memory}", flush=True)
        return done
    except EngineError:
        print(host.log_tail.rstrip(), flush=True)
        raise
    finally:
        await host.kill()


def _psnr_of(gpu: FrameOutput, cpu: FrameOutput) -> float:
    """Of the worst file: the frame's own, or one beside it."""
    files = zip((gpu.main, *gpu.extra), (cpu.main, *cpu.extra), strict=True)
    return min(psnr(read_srgb(one), read_srgb(other)) for one, other in files)


def _video_memory() -> str:
    """Of all processes on each card, while the engine holds its model."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "unknown"
    query = [tool, "--query-gpu=memory.used", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)
    return ", ".join(answer.stdout.split("\n")[:-1]) or "unknown"
