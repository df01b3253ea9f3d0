"""Watches what an engine takes of the machine, and says when it is too much. Used by the parent.

Looks from outside, so it holds where the kernel lets nobody set a limit: an address-space limit breaks CUDA, a limit on
processes exempts root, and a quota needs a file system of its own. What an engine takes between two looks comes on top.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.states import EndReason
from pipelines._holdings import Nameless
from pipelines._process import ChildProcess, Priority
from pipelines.folder_look import MAX_DEPTH, Below, look_below
from pipelines.machine import machine_memory_bytes
from pipelines.video_memory import LOOK_AGE_S, VideoMemory

LOOK_EVERY_S = 0.1
"""Seconds between two looks at memory and threads, 0.1 ms each. Memory is filled at some GB/s at most."""
MEASURE_EVERY_S = 0.25
"""Seconds between two looks at files; longer where one takes long (``_MEASURE_SHARE``)."""
NAMELESS_EVERY_S = 0.25
"""Seconds between two looks at what no folder shows: 1.4 ms in an engine of Blender, with its 600 mappings."""
VIDEO_EVERY_S = LOOK_AGE_S
"""Seconds between two looks at video memory, where there is a card; all engines of a replica share one look."""
_MEASURE_SHARE = 0.05
"""Of the time that may go into looking at files: a fluid's cache can be ten thousand of them."""
_MACHINE_SHARE = 0.8
"""Of the memory that the farm may use, for one engine, when no figure is set."""
_DISK_SHARE = 0.5
"""Of the space that is free when the engine starts, when no figure is set."""
_FLOOR_SHARE = 0.05
"""Of that space: with less left, an engine goes whose files cannot all be measured."""


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
        max_files: int,
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
        self._max_files = max_files
        self._real_folders = [os.path.realpath(folder) for folder in folders]
        self._free_before = [_free_bytes(folder) for folder in folders]
        self._before = [look_below(folder) for folder in folders]
        """What other engines have left in folders that they share."""
        self._nameless = Nameless(file_bytes=0, memory_bytes=0, files_guessed=False)
        self._priority: Priority | None = None
        """None until the engine has given up what it was to give up."""

    def hold_priority(self) -> None:
        """Call it when the engine is ready and has opened no scene yet: from now on it may not raise its priority."""
        self._priority = self._child.priority()

    async def run(self) -> Breach:
        loop = asyncio.get_running_loop()
        measure_at = nameless_at = video_at = loop.time()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._child.log.trim()
            if self._child.main_thread_ended():
                self._child.kill()  # changes nothing for one that was ending anyway
            if (breach := self._memory() or self._threads() or self._privilege()) is not None:
                return breach
            if self._video is not None and loop.time() >= video_at:
                await asyncio.to_thread(self._video.look)
                if (breach := self._video_memory()) is not None:
                    return breach
                video_at = loop.time() + VIDEO_EVERY_S
            if loop.time() >= nameless_at:
                self._nameless = await asyncio.to_thread(self._child.nameless, self._real_folders)
                nameless_at = loop.time() + NAMELESS_EVERY_S
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
        if self._nameless.memory_bytes:
            held += max(0, self._nameless.memory_bytes - self._child.mapped_memory_files_bytes())
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

    def _privilege(self) -> Breach | None:
        before = self._priority
        if before is None or (now := self._child.priority()) is None:
            return None
        if now.oom_score_adj >= before.oom_score_adj and (now.session_nice or 0) >= (before.session_nice or 0):
            return None
        return Breach(
            reason=EndReason.ENGINE_ERROR,
            message="The engine raised its own priority over the farm's: "
            f"oom_score_adj from {before.oom_score_adj} to {now.oom_score_adj}, "
            f"its session's niceness from {before.session_nice} to {now.session_nice}.",
            remedy="No renderer does that by itself: look at the scene, and at who sent it.",
        )

    def _files(self) -> Breach | None:
        found = [
            look_below(folder, most_entries=before.entries + self._max_files)
            for folder, before in zip(self._folders, self._before, strict=True)
        ]
        if any(each.too_deep for each in found):
            return Breach(
                reason=EndReason.ENGINE_ERROR,
                message=f"The engine made more than {MAX_DEPTH} folders inside each other.",
                remedy="Write fewer folders inside each other; no scene of Blender's or Mitsuba's own needs so many.",
            )
        # Folder by folder: whoever deletes in one what lay there before may write no more in another.
        more = [
            Below(max(0, now.size_bytes - before.size_bytes), max(0, now.entries - before.entries))
            for now, before in zip(found, self._before, strict=True)
        ]
        if sum(each.entries for each in more) > self._max_files:
            return Breach(
                reason=EndReason.ENGINE_ERROR,
                message=f"The engine made more than {self._max_files} files, folders and links.",
                remedy="Write fewer files for each frame, or let the farm's operator raise RAYFARM_ENGINE_MAX_FILES.",
            )
        held = sum(each.size_bytes for each in more) + self._nameless.file_bytes
        if held > self._scratch_bytes:
            return Breach(
                reason=EndReason.ENGINE_ERROR,
                message=f"The engine wrote {_size(held)} of files; it may hold {_size(self._scratch_bytes)} at once.",
                remedy="Write fewer or smaller files for each frame, or let the farm's operator raise "
                "RAYFARM_ENGINE_SCRATCH_BYTES.",
            )
        if self._nameless.files_guessed and self._disk_short():
            return Breach(
                reason=EndReason.ENGINE_ERROR,
                message="The disk is nearly full, and the engine may hold files of which the kernel does not tell the "
                "farm's user how long they are: deleted ones, mapped.",
                remedy="Free space where engines write, or let the farm's user have CAP_CHECKPOINT_RESTORE: it is told "
                "then.",
            )
        return None

    def _disk_short(self) -> bool:
        free = zip(self._folders, self._free_before, strict=True)
        return any(_free_bytes(folder) < before * _FLOOR_SHARE for folder, before in free)


def memory_cap(wanted: int | None) -> int:
    """Bytes that one engine may hold: what is set, else a share of what this machine or container has."""
    return wanted if wanted is not None else int(machine_memory_bytes() * _MACHINE_SHARE)


def scratch_cap(wanted: int | None, workdir: Path) -> int:
    """Bytes of files that one engine may hold: what is set, else a share of what is free where it writes."""
    if wanted is not None:
        return wanted
    return int(_free_bytes(workdir) * _DISK_SHARE)


def _free_bytes(folder: Path) -> int:
    free = os.statvfs(folder)
    return free.f_bavail * free.f_frsize


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
