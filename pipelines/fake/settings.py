"""What a job may ask of the fake pipeline."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MAX_SIDE = 4096
"""Pixels; a fake frame is for tests, not for filling disks."""
MAX_RENDER_MS = 3_600_000


class FrameFault(BaseModel):
    """Which frame goes wrong, and how often."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frame: int
    part: Annotated[int, Field(ge=0, le=63)] | None = None
    """Only this part of a split frame; ``None`` = whichever comes to it."""
    times: Annotated[int, Field(ge=1, le=1000)] | None = None
    """``None`` = at every try. A number needs ``fault_key``."""


def _fault(value: Any) -> Any:
    return {"frame": value} if isinstance(value, int) else value


Faults = Annotated[tuple[Annotated[FrameFault, BeforeValidator(_fault)], ...], Field(fail_fast=True)]
"""A bare frame number goes wrong at every try."""


class FakeSettings(BaseModel):
    """Settings of the ``fake`` pipeline."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    render_ms: Annotated[
        float, Field(ge=0, le=MAX_RENDER_MS, description="How long a frame takes; a part, its share.")
    ] = 0
    width: Annotated[int, Field(ge=1, le=MAX_SIDE)] = 8
    height: Annotated[int, Field(ge=1, le=MAX_SIDE)] = 8
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    samples: Annotated[int, Field(ge=1, le=256, description="Each differs; the frame is their mean.")] = 1
    fail_frames: Annotated[Faults, Field(description="These end with engine_error.")] = ()
    crash_frames: Annotated[Faults, Field(description="The engine's process dies of SIGSEGV.")] = ()
    hang_frames: Annotated[Faults, Field(description="The engine never answers, says nothing, uses no CPU.")] = ()
    oom_frames: Annotated[Faults, Field(description="These end with out_of_memory.")] = ()
    bad_output_frames: Annotated[Faults, Field(description="The file is cut off half-way.")] = ()
    fault_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,80}$")] | None = None
    """Names the counter that engines on this machine share, so that a fault that kills its process is still counted."""

    @model_validator(mode="after")
    def _counted_faults_have_a_key(self) -> Self:
        every = (*self.fail_frames, *self.crash_frames, *self.hang_frames, *self.oom_frames, *self.bad_output_frames)
        if self.fault_key is None and any(fault.times is not None for fault in every):
            raise ValueError("a fault with `times` needs `fault_key`, which names its counter")
        return self
