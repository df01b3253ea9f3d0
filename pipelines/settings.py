"""Settings of engine processes: limits, priorities, timeouts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import ByteSize, Field
from pydantic_settings import SettingsConfigDict

from jobs.settings import FarmSettings
from pipelines.sandbox import SandboxLevel, SandboxLimits


class EngineSettings(FarmSettings):
    """How the farm runs a renderer in a child process."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_ENGINE_", frozen=True, extra="ignore")

    start_timeout: timedelta = timedelta(minutes=3)
    """Spawn to ready. Importing bpy takes 0.5 s from a warm disk cache, 1.5 s at first, 4 s when busy; torch and
    diffusers 3 s, and a minute on a machine that is very busy."""
    load_timeout: timedelta = timedelta(minutes=10)
    """Opening a model. Gigabytes over a slow disk are slow; a hostile file may never end."""
    probe_timeout: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(minutes=5)
    """Opening a model for the first time, which renders nothing: 14 MB and 2 M triangles take 2 s, so minutes mean a
    file that never ends, or gigabytes of weights on a slow disk. Tried three times before the model is invalid."""
    close_timeout: timedelta = timedelta(seconds=2)
    """A child asked to end gets this long before SIGKILL; it only calls ``os._exit``."""
    kill_timeout: timedelta = timedelta(seconds=10)
    """SIGKILL to reaped. Measured 10-70 ms with small scenes; longer only in an uninterruptible disk or driver wait."""

    outstanding_renders: Annotated[int, Field(ge=1, le=8)] = 2
    """One rendering, one waiting in the child, so that no round trip separates two frames."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Render threads. None = every core this process may use. Does not change pixels."""
    log_tail_bytes: ByteSize = ByteSize(64 * 1024)
    """How much of the child's stdout and stderr is kept for error reports."""
    frame_log_bytes: ByteSize = ByteSize(16 * 1024)
    """How much of it is kept with each frame that was rendered; Blender prints about 100 bytes a frame, a scene that
    complains much more. 0 keeps nothing."""
    message_limit_bytes: ByteSize = ByteSize(16 * 1024 * 1024)
    """Longest line of the protocol: a probe of 100,000 external files fits."""

    nice: Annotated[int, Field(ge=0, le=19)] = 5
    """Added niceness, of the engine and of its session (sched(7), autogroup): API, dispatcher and database answer while
    every core renders."""
    oom_score_adj: Annotated[int, Field(ge=0, le=1000)] = 500
    """The kernel, short of memory, takes the engine before the farm's own processes. One that takes its figure back is
    killed."""
    max_open_files: Annotated[int, Field(ge=256)] = 4096
    """RLIMIT_NOFILE of the child (lowered to the hard limit if that is less)."""
    max_threads: Annotated[int, Field(ge=64)] = 1024
    """Threads that an engine may run; over it, it is killed. A renderer runs a few for each core."""
    memory_bytes: ByteSize | None = None
    """Memory that one engine may hold, resident or in files without a name (memfd, shared memory); over it, it is
    killed and its frame ends as out_of_memory. None = 80 % of what this machine, or its container, has. (A limit on
    address space would break CUDA.)"""
    vram_bytes: ByteSize | None = None
    """Video memory that one engine may hold, where the driver tells it (NVIDIA, with `nvidia-ml-py`); over it, it is
    killed and its frame ends as out_of_memory. None = as much as the card gives."""
    scratch_bytes: ByteSize | None = None
    """Bytes of files that one engine may hold at once (frames before upload, simulation caches); over it, it is killed.
    None = half of what is free at its start where it writes."""
    max_files: Annotated[int, Field(ge=1000)] = 100_000
    """Files, folders and links that one engine may hold at once; over it, it is killed. A fluid's cache can be ten
    thousand. Counting as many as this takes 0.6 to 1.5 s (two cores, ext4): longer looks are taken more rarely."""
    recycle_frames: Annotated[int, Field(ge=1)] | None = None
    """An engine is replaced after this many frames. None = never for that."""
    recycle_growth_bytes: ByteSize | None = None
    """An engine is replaced when it holds this much more memory after a frame than after its first. None = never for
    that; memory_bytes holds anyway."""
    require_sandbox: SandboxLevel = SandboxLevel.NONE
    """No engine starts where less of the sandbox is in force: `full` in production where several people's scenes are
    rendered, `partial`, or `none`. `rayfarm workers` and each frame's metrics show the level."""
    unshare_network: bool = True
    """Give the child an empty network namespace where the kernel permits it, and no sockets: scenes need no network."""
    confine_files: bool = True
    """Where the kernel has Landlock: the child writes only its own folders, and reads only these, its model and the
    system's libraries."""
    filter_calls: bool = True
    """Where the kernel has seccomp: the child may start, signal, trace, limit or slow no process, change no file's
    permissions, owner, times or attributes, and make no use of mounts, modules, keys, BPF and io_uring."""
    readable: tuple[Path, ...] = ()
    """More folders or files that every scene may read (a share of textures, drivers in an unusual place), JSON list."""
    extra_environment: tuple[str, ...] = ()
    """Names of more environment variables that the child may see; all others outside the built-in list are hidden."""

    def sandbox_limits(self, scratch_bytes: int) -> SandboxLimits:
        """``scratch_bytes``: what the engine may write in all, and so in one file."""
        return SandboxLimits(
            nice=self.nice,
            oom_score_adj=self.oom_score_adj,
            max_open_files=self.max_open_files,
            max_threads=self.max_threads,
            max_file_bytes=scratch_bytes,
            unshare_network=self.unshare_network,
            confine_files=self.confine_files,
            filter_calls=self.filter_calls,
        )
