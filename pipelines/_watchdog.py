"""Watches what an engine takes of the machine, and says when it is too much. Used by the parent.

Looks from outside, so it holds where the kernel lets nobody set a limit: an address-space limit breaks CUDA, a limit on
processes exempts root, and a quota needs a file system of its own. What an engine takes between two looks comes on top.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.states import EndReason
from pipelines._process import ChildProcess
from pipelines.machine import machine_memory_bytes
from pipelines.video_memory import LOOK_AGE_S, VideoMemory

LOOK_EVERY_S = 0.1
"""Seconds between two looks at memory and threads, 0.1 ms each. Memory is filled at some GB/s at most."""
MEASURE_EVERY_S = 0.25
"""Seconds between two looks at files; longer where one takes long (``_MEASURE_SHARE``)."""
VIDEO_EVERY_S = LOOK_AGE_S
"""Seconds between two looks at video memory, where there is a card; all engines of a replica share one look."""
_MEASURE_SHARE = 0.05
"""Of the time that may go into looking at files: a fluid's cache can be ten thousand of them."""
_MAX_DEPTH = 100
"""Folders inside each other. Caches of libraries have some ten; a path of a thousand can no longer be opened, and what
lies behind it would not be counted."""
_BLOCK_BYTES = 512
"""Unit of st_blocks."""
_MACHINE_SHARE = 0.8
"""Of the memory that the farm may use, for one engine, when no figure is set."""
_DISK_SHARE = 0.5
"""Of the space that is free when the engine starts, when no figure is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """Which limit was passed, for people; the engine is killed for it."""

    reason: EndReason
    message: str
    remedy: str


class Watchdog:
    """``run`` returns when the engine has passed a limit; cancel it when the engine is gone."""

    def __init__(
        self,
        *,
        child: ChildProcess,
        folders: Sequence[Path],
        memory_bytes: int,
        scratch_bytes: int,
        max_threads: int,
        video: VideoMemory | None = None,
        video_bytes: int | None = None,
    ) -> None:
        """``video_bytes``: of video memory that it may hold; None: as much as the card gives."""
        self._child = child
        self._folders = folders
        self._memory_bytes = memory_bytes
        self._scratch_bytes = scratch_bytes
        self._max_threads = max_threads
        self._video = video
        self._video_bytes = video_bytes
        self._video_peak = 0
        self._before = sum(_bytes_below(folder) or 0 for folder in folders)
        """What other engines have left in folders that they share."""

    async def run(self) -> Breach:
        loop = asyncio.get_running_loop()
        measure_at = video_at = loop.time()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._child.log.trim()
            if (breach := self._memory() or self._threads()) is not None:
                return breach
            if self._video is not None and loop.time() >= video_at:
                await asyncio.to_thread(self._video.look)
                if (breach := self._video_memory()) is not None:
                    return breach
                video_at = loop.time() + VIDEO_EVERY_S
            if loop.time() >= measure_at:
                began = loop.time()
                if (breach := await asyncio.to_thread(self._files)) is not None:
                    return breach
                measure_at = loop.time() + max(MEASURE_EVERY_S, (loop.time() - began) / _MEASURE_SHARE)

    def video_bytes(self) -> int:
        """Video memory that it held when the cards were last looked at; 0 where that is unknown."""
        return 0 if self._video is None else self._video.held_by(self._child.pid)

    def take_video_peak(self) -> int:
        """The most that was seen since the last call; 0 where that is unknown. A spike between two looks is missed."""
        peak, self._video_peak = max(self._video_peak, self.video_bytes()), 0
        return peak

    def _video_memory(self) -> Breach | None:
        held = self.video_bytes()
        self._video_peak = max(self._video_peak, held)
        if self._video_bytes is None or held <= self._video_bytes:
            return None
        return Breach(
            reason=EndReason.OUT_OF_MEMORY,
            message=f"The engine held {_size(held)} of video memory; it may hold {_size(self._video_bytes)}.",
            remedy="Make the scene lighter (smaller textures, fewer pixels at once), or let the farm's operator raise "
            "RAYFARM_ENGINE_VRAM_BYTES.",
        )

    def _memory(self) -> Breach | None:
        held = self._child.memory_bytes()
        if held <= self._memory_bytes:
            return None
        return Breach(
            reason=EndReason.OUT_OF_MEMORY,
            message=f"The engine held {_size(held)} of memory; it may hold {_size(self._memory_bytes)}.",
            remedy="Make the scene lighter (smaller textures, fewer subdivisions), or let the farm's operator raise "
            "RAYFARM_ENGINE_MEMORY_BYTES.",
        )

    def _threads(self) -> Breach | None:
        running = self._child.threads()
        if running <= self._max_threads:
            return None
        return Breach(
            reason=EndReason.ENGINE_ERROR,
            message=f"The engine ran {running} threads; it may run {self._max_threads}.",
            remedy="If the scene is sound, let the farm's operator raise RAYFARM_ENGINE_MAX_THREADS.",
        )

    def _files(self) -> Breach | None:
        found = [_bytes_below(folder) for folder in self._folders]
        if None in found:
            return Breach(
                reason=EndReason.ENGINE_ERROR,
                message=f"The engine made more than {_MAX_DEPTH} folders inside each other.",
                remedy="Write fewer folders inside each other; no scene of Blender's or Mitsuba's own needs so many.",
            )
        held = sum(count or 0 for count in found) - self._before + self._child.nameless_bytes()
        if held <= self._scratch_bytes:
            return None
        return Breach(
            reason=EndReason.ENGINE_ERROR,
            message=f"The engine wrote {_size(held)} of files; it may hold {_size(self._scratch_bytes)} at once.",
            remedy="Write fewer or smaller files for each frame, or let the farm's operator raise "
            "RAYFARM_ENGINE_SCRATCH_BYTES.",
        )


def memory_cap(wanted: int | None) -> int:
    """Bytes that one engine may hold: what is set, else a share of what this machine or container has."""
    return wanted if wanted is not None else int(machine_memory_bytes() * _MACHINE_SHARE)


def scratch_cap(wanted: int | None, workdir: Path) -> int:
    """Bytes of files that one engine may hold: what is set, else a share of what is free where it writes."""
    if wanted is not None:
        return wanted
    free = os.statvfs(workdir)
    return int(free.f_bavail * free.f_frsize * _DISK_SHARE)


def _bytes_below(folder: Path) -> int | None:
    """On disk; what vanishes meanwhile counts nothing. None: it lies too deep to be counted."""
    total = 0
    waiting = [(str(folder), 0)]
    while waiting:
        here, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            return None
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):
                        found = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(found.st_mode):
                            total += found.st_blocks * _BLOCK_BYTES
                        elif stat.S_ISDIR(found.st_mode):
                            waiting.append((entry.path, depth + 1))
        except OSError:
            continue
    return total


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
