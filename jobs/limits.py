"""Ceilings that the farm puts on every request and every attempt; each is a setting with a unit."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from jobs.frames import MAX_FRAMES
from jobs.settings import FarmSettings
from jobs.states import Fault


class FarmLimits(FarmSettings):
    """Read from ``RAYFARM_LIMITS_*``."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_LIMITS_", frozen=True)

    max_frames_per_job: int = MAX_FRAMES
    """Frames in one job."""

    max_models_per_project: Annotated[int, Field(ge=1)] = 100_000
    """Models that a project may have, each version of a scene counted; nothing removes one by itself. A studio that
    sends a hundred versions a day meets it after almost three years."""

    max_frame_timeout: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(hours=4)
    """Most that a job's ``limits.frame_timeout_s`` may ask for. A replica that stops lets its frame end, so
    ``RAYFARM_CLUSTER_DRAIN_TIMEOUT`` has to stay above this by an upload."""

    worker_failures_per_frame: int = 5
    """Attempts of one frame that may be lost to crashes and lost workers; they spend none of the job's tries."""

    resource_failures_per_frame: int = 3
    """Attempts of one frame that may end for want of memory or a licence."""

    failures_before_block: Annotated[int, Field(ge=1)] = 3
    """Failures of one job on one machine, of whatever frames, before that machine gets no more of its work. The last
    machine that could render the job is never blocked."""

    stall_timeout: Annotated[timedelta, Field(gt=timedelta(0))] | None = None
    """Longest time without any progress of a frame, where its job names no ``limits.stall_timeout_s``; None: no limit.
    Cycles on a CPU is silent from its first sample to its last, so only a farm that knows its scenes can set one."""

    lease: timedelta = timedelta(seconds=30)
    """A replica's right to an attempt, by the database's clock; three missed beats."""

    beat: timedelta = timedelta(seconds=10)
    """How often a replica renews the leases that it works on, in one statement."""

    def ceiling(self, fault: Fault, tries: int) -> int | None:
        """Attempts that may end by ``fault`` before the frame fails; None: no ceiling."""
        match fault:
            case Fault.TASK:
                return tries
            case Fault.WORKER:
                return self.worker_failures_per_frame
            case Fault.RESOURCE:
                return self.resource_failures_per_frame
            case _:
                return None
