"""`make gpu-check`: the GPU variant of each engine on a machine that has one, against the same frame on the CPU.

Prints seconds per frame, the difference of the pictures and what engines hold of video memory; exits 0 when every
variant agrees, 1 when one does not, and 2 where no engine finds a GPU (so that nobody takes silence for success).
"""

from __future__ import annotations

import asyncio
import math
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from loadtests import gpu_diffusion, gpu_residency, gpu_splats
from loadtests.gpu_verdicts import AGREES, DIFFERS, NO_GPU, psnr_db, verdict_of
from pipelines.base import FrameRequest, ModelFiles
from pipelines.errors import EngineError, EngineLost
from pipelines.host import EngineHost
from pipelines.post.pixels import read_srgb
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings

SCENE = Path(__file__).resolve().parents[1] / "examples" / "sample.blend"
FRAMES = (1, 12, 24)
MIN_PSNR_DB = 35.0
"""GPU and CPU kernels of Cycles round differently: the noise differs a little, the picture does not."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One frame on one device."""

    picture: Path
    seconds: float
    """The first frame's time includes the kernels' start: minutes where the driver must build them first."""
    cpu_seconds: float
    device: str
    """Backend and card, as in the frame's record."""


async def render(device: str, scratch: Path) -> list[Rendered]:
    host = await EngineHost.start(
        pipeline=get_pipeline("cycles"), workdir=scratch, models=(SCENE.parent,), settings=EngineSettings()
    )
    try:
        await host.load(ModelFiles(digest="0" * 64, root=SCENE.parent, main=SCENE.name))
        done = []
        for frame in FRAMES:
            folder = scratch / f"{device}-{frame}"
            folder.mkdir()
            began, cpu_began = time.perf_counter(), host.cpu_seconds()
            output = await host.render(
                FrameRequest(id=f"{device}-{frame}", frame=frame, settings={"device": device}, scratch=folder)
            )
            seconds, cpu_seconds = time.perf_counter() - began, host.cpu_seconds() - cpu_began
            done.append(Rendered(output.main, seconds, cpu_seconds, str(output.metrics["device"])))
        memory = "" if device == "cpu" else f", video memory in use: {video_memory()}"
        print(f"cycles on {done[0].device}: sandbox {host.sandbox}{memory}", flush=True)
        return done
    except EngineError:
        print(host.log_tail.rstrip(), flush=True)
        raise
    finally:
        await host.kill()


def video_memory() -> str:
    """Of all processes on each card, while the engine holds its scene."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "unknown"
    query = [tool, "--query-gpu=memory.used", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)
    return ", ".join(answer.stdout.split("\n")[:-1]) or "unknown"


async def check(scratch: Path) -> int:
    print("A card for which this Blender holds no kernel (H100: sm_90) waits minutes for the driver, once.", flush=True)
    try:
        on_gpu = await render("gpu", scratch)
    except EngineLost as error:
        print(f"cycles: the engine died on the GPU: {error}")
        return DIFFERS
    except EngineError as error:
        print(f"cycles: no GPU: {error}")
        return NO_GPU
    on_cpu = await render("cpu", scratch)
    verdict = AGREES
    for frame, gpu, cpu in zip(FRAMES, on_gpu, on_cpu, strict=True):
        psnr = psnr_db(read_srgb(gpu.picture), read_srgb(cpu.picture))
        if psnr < MIN_PSNR_DB or math.isinf(psnr):  # equal to the last bit: the CPU rendered both
            verdict = DIFFERS
        print(
            f"cycles frame {frame}: gpu {gpu.seconds:.2f} s ({gpu.cpu_seconds:.2f} s of CPU), cpu {cpu.seconds:.2f} s, "
            f"{psnr:.1f} dB apart, {gpu.picture.stat().st_size} bytes"
        )
    return verdict


PARTS = (check, gpu_splats.check, gpu_diffusion.check, gpu_residency.check)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="rayfarm-gpu-") as scratch:
        return verdict_of([asyncio.run(part(Path(scratch))) for part in PARTS])


if __name__ == "__main__":
    sys.exit(main())
