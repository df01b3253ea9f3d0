"""Settings of engine processes: limits, priorities, timeouts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import ByteSize, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipelines.sandbox import SandboxLimits


class EngineSettings(BaseSettings):
    """How the farm runs a renderer in a child process."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_ENGINE_", frozen=True, extra="ignore")

    start_timeout: timedelta = timedelta(seconds=90)
    """Spawn to ready. Importing bpy takes 0.5 s from a warm disk cache, 1.5 s at first, 4 s when busy."""
    load_timeout: timedelta = timedelta(minutes=10)
    """Opening a model. Gigabytes over a slow disk are slow; a hostile file may never end."""
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
    message_limit_bytes: ByteSize = ByteSize(16 * 1024 * 1024)
    """Longest line of the protocol: a probe of 100,000 external files fits."""

    nice: Annotated[int, Field(ge=0, le=19)] = 5
    """Added niceness: API, dispatcher and database answer while every core renders."""
    oom_score_adj: Annotated[int, Field(ge=0, le=1000)] = 500
    """The kernel, short of memory, takes the engine before the farm's own processes."""
    max_open_files: Annotated[int, Field(ge=256)] = 4096
    """RLIMIT_NOFILE of the child (lowered to the hard limit if that is less)."""
    unshare_network: bool = True
    """Give the child an empty network namespace where the kernel permits it: scenes need no network."""
    confine_files: bool = True
    """Where the kernel has Landlock: the child writes only its own folders, and reads only these, its model and the
    system's libraries."""
    readable: tuple[Path, ...] = ()
    """More folders or files that every scene may read (a share of textures, drivers in an unusual place), JSON list."""
    extra_environment: tuple[str, ...] = ()
    """Names of more environment variables that the child may see; all others outside the built-in list are hidden."""

    def sandbox_limits(self) -> SandboxLimits:
        return SandboxLimits(
            nice=self.nice,
            oom_score_adj=self.oom_score_adj,
            max_open_files=self.max_open_files,
            unshare_network=self.unshare_network,
            confine_files=self.confine_files,
        )
