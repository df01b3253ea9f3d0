"""The farm's engine without the farm: shows which part of what Rayfarm adds comes from the engine and its host."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from loadtests.cases import Settings
from loadtests.own_kernels import own_kernels
from pipelines.base import FrameRequest, ModelFiles
from pipelines.host import EngineHost
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings


class HostedEngine:
    """Holds one scene in one engine host until it is closed."""

    def __init__(self, *, blend: Path, workdir: Path) -> None:
        self._blend = blend
        self._workdir = workdir
        self._runner = asyncio.Runner()
        self._settings = EngineSettings()
        self._blocks = 0

    def __enter__(self) -> Self:
        self._host = self._runner.run(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._host.close())
        self._runner.close()
        shutil.rmtree(self._workdir, ignore_errors=True)

    def render(self, settings: Settings, frames: Sequence[int]) -> float:
        """Seconds per frame of this block; as many frames are outstanding as a replica has."""
        self._blocks += 1
        begun = time.perf_counter()
        self._runner.run(self._render(settings, frames))
        return (time.perf_counter() - begun) / len(frames)

    async def _open(self) -> EngineHost:
        host = await EngineHost.start(
            pipeline=get_pipeline("cycles"),
            workdir=self._workdir / "engine",
            models=(self._blend.parent,),
            settings=self._settings,
            kernels=own_kernels(),
        )
        await host.load(ModelFiles(digest="0" * 64, root=self._blend.parent, main=self._blend.name))
        return host

    async def _render(self, settings: Settings, frames: Sequence[int]) -> None:
        window = asyncio.Semaphore(self._settings.outstanding_renders)

        async def one(frame: int) -> None:
            name = f"{self._blocks}-{frame}"
            async with window:
                await self._host.render(
                    FrameRequest(id=name, frame=frame, settings=dict(settings), scratch=self._workdir / "engine" / name)
                )

        async with asyncio.TaskGroup() as group:
            for frame in frames:
                group.create_task(one(frame), name=f"frame-{frame}")
