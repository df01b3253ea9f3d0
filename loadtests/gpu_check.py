"""`make gpu-check`: the GPU variant of each engine on a machine that has one, against the same frame on the CPU.

Prints seconds per frame, frames per second, bytes, the difference of the pictures, and what engines hold of video
memory; exits 0 when every variant agrees, 1 when one does not, and 2 where no engine finds a GPU (so that nobody takes
silence for success).
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from examples.make_splats import write
from loadtests import gpu_residency
from loadtests.gpu_variant import Shot, Variant, compare
from loadtests.gpu_verdicts import verdict_of
from pipelines.base import ModelFiles

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
DIFFUSION_BUILDER = "tests.pipelines.build_diffusion"
BUILD_TIMEOUT_S = 300
FRAMES = (1, 9, 17)
GAUSSIANS = 100_000

CYCLES_MIN_PSNR_DB = 35.0
"""GPU and CPU kernels of Cycles round differently: the noise differs a little, the picture does not. 46 to 58 on an
H100."""
MITSUBA_MIN_PSNR_DB = 35.0
"""The same samples, met by another intersector. A guess, never run on a GPU."""
SPLATS_MIN_PSNR_DB = 45.0
"""Both draw the same gaussians in the same order; sums are rounded differently, and alpha is cut off at 1/255."""
DIFFUSION_MIN_PSNR_DB = {"fp32": 40.0, "fp16": 20.0}
"""Noise is made on the CPU for both. Guesses, never run on a GPU: another seed's picture is 12 dB away."""


def cycles(scratch: Path) -> Iterator[Variant]:
    """The sample at its own settings. ``scratch`` stays empty, as with all models that lie in examples/."""
    model = ModelFiles(digest="0" * 64, root=EXAMPLES, main="sample.blend")
    yield Variant(
        pipeline="cycles",
        name="gpu",
        gpu={"device": "gpu"},
        cpu={"device": "cpu"},
        shots=[Shot(name=f"frame {frame}", model=model, settings={}, frame=frame) for frame in (1, 12, 24)],
        min_psnr_db=CYCLES_MIN_PSNR_DB,
        never_equal=True,
    )


def mitsuba(scratch: Path) -> Iterator[Variant]:
    """The Cornell box under a camera that moves, in colours and in spectra."""
    model = ModelFiles(digest="4" * 64, root=EXAMPLES, main="cornell.xml")
    path = {"kind": "orbit", "radius": 4, "frames": 120}
    settings = {"width": 256, "height": 256, "spp": 64, "seed": 3, "camera_path": path}
    for colours in ("rgb", "spectral"):
        yield Variant(
            pipeline="mitsuba",
            name=colours,
            gpu={"variant": f"cuda_ad_{colours}"},
            cpu={"variant": f"llvm_ad_{colours}"},
            shots=[Shot(name=f"frame {frame}", model=model, settings=settings, frame=frame) for frame in FRAMES],
            min_psnr_db=MITSUBA_MIN_PSNR_DB,
            never_equal=True,
        )


def splats(scratch: Path) -> Iterator[Variant]:
    """A cloud with its path of cameras; each frame plain, filtered, and with depth before white."""
    write(scratch / "torus", count=GAUSSIANS)
    model = ModelFiles(digest="5" * 64, root=scratch / "torus", main="torus.ply")
    cameras = {"cameras": {"type": "file", "path": "path.json"}}
    options: dict[str, dict[str, Any]] = {
        "plain": {},
        "antialiased": {"antialiased": True},
        "depth": {"depth": True, "background": [1, 1, 1]},
    }
    yield Variant(
        pipeline="splats",
        name="cuda",
        gpu={"device": "cuda"},
        cpu={"device": "cpu"},
        shots=[
            Shot(name=f"{name} {frame}", model=model, settings={**cameras, **option}, frame=frame)
            for name, option in options.items()
            for frame in FRAMES
        ],
        min_psnr_db=SPLATS_MIN_PSNR_DB,
    )


def diffusion(scratch: Path) -> Iterator[Variant]:
    """Tiny models of both families: from words, from a picture, with a LoRA."""
    command = [sys.executable, "-m", DIFFUSION_BUILDER, str(scratch / "diffusion")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=BUILD_TIMEOUT_S)
    words = {"prompt": "a red fox", "seed": 5, "steps": 8}
    options = {
        "text": words,
        "image": {**words, "init_image": "pictures/plate.0001.png", "strength": 0.6},
        "lora": {**words, "loras": [{"path": "loras/diffusers.safetensors", "weight": 0.8}]},
    }
    models = {
        name: ModelFiles(digest="6" * 64, root=scratch / "diffusion" / name, main="model_index.json")
        for name in ("sd", "sdxl")
    }
    for dtype, min_psnr_db in DIFFUSION_MIN_PSNR_DB.items():
        yield Variant(
            pipeline="diffusion",
            name=dtype,
            gpu={"device": "cuda", "dtype": dtype},
            cpu={"device": "cpu", "dtype": "fp32"},
            shots=[
                Shot(name=f"{family} {name}", model=model, settings=option)
                for family, model in models.items()
                for name, option in options.items()
            ],
            min_psnr_db=min_psnr_db,
        )


MAKERS: tuple[Callable[[Path], Iterator[Variant]], ...] = (cycles, mitsuba, splats, diffusion)


def _all_of(make: Callable[[Path], Iterator[Variant]], scratch: Path) -> list[Variant]:
    return list(make(scratch))


async def compare_all(scratch: Path) -> int:
    """Every variant of every engine, one after the other."""
    print("A card for which this Blender holds no kernel (H100: sm_90) waits minutes for the driver, once.", flush=True)
    parts = []
    for make in MAKERS:
        for variant in await asyncio.to_thread(_all_of, make, scratch):
            parts.append(await compare(variant, scratch))
    return verdict_of(parts)


PARTS = (compare_all, gpu_residency.check)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="rayfarm-gpu-") as scratch:
        return verdict_of([asyncio.run(part(Path(scratch))) for part in PARTS])


if __name__ == "__main__":
    sys.exit(main())
