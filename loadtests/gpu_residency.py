"""The part of `make gpu-check` for residency: what the driver says that each resident engine holds of video memory."""

from __future__ import annotations

import time
from pathlib import Path

from examples.make_splats import write
from loadtests.gpu_verdicts import AGREES, DIFFERS, NO_GPU
from pipelines.base import FrameRequest, ModelFiles
from pipelines.errors import EngineError
from pipelines.host import EngineHost
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings
from pipelines.video_memory import VideoMemory, open_video_memory

CLOUDS = {"small": 100_000, "large": 1_000_000}
"""Gaussians of each."""
MIB = 2**20


async def resident(name: str, video: VideoMemory, scratch: Path) -> tuple[EngineHost, int | None]:
    """An engine that has drawn a frame of its cloud on the card, and the frame's peak of video memory."""
    root, work = scratch / f"cloud-{name}", scratch / f"resident-{name}"
    write(root, count=CLOUDS[name])
    host = await EngineHost.start(
        pipeline=get_pipeline("splats"), workdir=work, models=(root,), settings=EngineSettings(), video=video
    )
    try:
        await host.load(ModelFiles(digest="7" * 64, root=root, main="torus.ply"))
        settings = {"device": "cuda", "cameras": {"type": "file", "path": "path.json"}}
        output = await host.render(FrameRequest(id=name, frame=1, settings=settings, scratch=work / "frame"))
    except BaseException:
        await host.kill()
        raise
    return host, output.metrics.get("peak_vram_bytes")


async def check(scratch: Path) -> int:
    """Prints a line for each engine; one of ``AGREES``, ``DIFFERS``, ``NO_GPU``."""
    video = open_video_memory()
    if video is None:
        print("residency: no NVIDIA card, or no nvidia-ml-py to ask its driver with")
        return NO_GPU
    hosts: dict[str, EngineHost] = {}
    try:
        for name in CLOUDS:
            hosts[name], peak = await resident(name, video, scratch)
            video.look(0)
            held = hosts[name].video_bytes()
            print(
                f"residency: the engine of {CLOUDS[name]:,} gaussians holds {held / MIB:.0f} of "
                f"{video.total_bytes / MIB:.0f} MiB of video memory (frame's peak: {(peak or 0) / MIB:.0f})"
            )
        small, large = (hosts[name].video_bytes() for name in ("small", "large"))
        await hosts["large"].kill()
        began = time.perf_counter()
        video.look(0)
        took_ms = (time.perf_counter() - began) * 1000
        left = video.held_by(hosts["large"].pid)
        print(f"residency: {left} bytes of the larger one are left after its end; one look took {took_ms:.1f} ms")
        if 0 < small < large and left == 0:
            return AGREES
        if not small and not large:
            print("residency: the driver names no engine; in a container, share the host's process ids (hostPID)")
        return DIFFERS
    except EngineError as error:
        print(f"residency: no GPU: {error}")
        return NO_GPU
    finally:
        for host in hosts.values():
            await host.kill()
