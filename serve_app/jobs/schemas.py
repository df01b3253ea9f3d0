"""Bodies of the job routes."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from jobs.spec import JobSpec
from jobs.states import EndReason, FrameState, JobState
from jobs.suspects import Flag

JOB_EXAMPLES: dict[str, Any] = {
    "an animation": {
        "summary": "Frames 1 to 48 and a film",
        "value": {
            "name": "armillary",
            "model": "0b2f3a52-6c1e-4a0a-9b4e-3c1f7d0f2a11",
            "pipeline": "cycles",
            "settings": {"samples": 64, "denoise": True},
            "frames": "1-48",
        },
    },
    "a still, soon": {
        "summary": "One frame in 16-bit PNG, before other work",
        "value": {
            "name": "cover",
            "model": "0b2f3a52-6c1e-4a0a-9b4e-3c1f7d0f2a11",
            "frames": "24",
            "settings": {"format": "png", "color_depth": 16, "percentage": 200},
            "outputs": {"video": None},
            "priority": "interactive",
        },
    },
}


class Counts(BaseModel):
    """Frames by what became of them; the rest is queued or rendering."""

    total: int
    committed: int
    reused: int
    failed: int
    canceled: int
    skipped: int


class Wait(BaseModel):
    """Why no replica has (all of) the job's work."""

    reason: str = Field(examples=["no_capacity"])
    words: str


class Links(BaseModel):
    """Where the rest of the job is."""

    self: str
    events: str
    frames: str
    artifacts: str
    cancel: str


class JobView(BaseModel):
    """A job as the farm sees it now."""

    id: UUID
    name: str
    state: JobState
    end_reason: EndReason | None = None
    message: str | None = Field(None, description="Why it ended as it did, in words.")
    model: UUID
    pipeline: str
    frames: str = Field(examples=["1-48"])
    priority: str
    generation: int = Field(description="Raised by each retry.")
    counts: Counts
    progress: float = Field(description="Frames that have their outcome, 0 to 1.")
    eta_seconds: float | None = Field(None, description="Estimate from the pace so far; null: nothing to go by.")
    frames_per_second: float | None = Field(None, description="Rendered frames over the time since the start.")
    seconds_per_frame: float | None = Field(None, description="Mean time of a rendered frame on its replica.")
    warm: int = Field(description="Frames rendered with the model already loaded.")
    cold: int = Field(description="Frames that waited for the model to load.")
    suspects: int = Field(0, description="Frames with a flag: all black, or flickering beside their neighbours.")
    wait: Wait | None = None
    engine_version: str | None = Field(None, description="Pinned when the job starts.")
    device_class: str | None = None
    last_event: int = Field(description="Sequence number of the job's last event.")
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    links: Links


class JobDetail(JobView):
    """A job with what was asked for."""

    spec: JobSpec


class BlockView(BaseModel):
    """What one machine has cost the job."""

    node: str
    pipeline: str
    failures: int = Field(description="Attempts of the job that failed there through the scene or the machine.")
    blocked: bool = Field(description="The job's work does not go there any more.")
    blocked_at: datetime | None = None


class FrameFlag(BaseModel):
    """Why a person should look at a committed frame; it changes no state."""

    flag: Flag
    detail: str = Field(examples=["Frame 12 is all black; frames 11 and 13 beside it are not (luminance 0.4 and 0.4)."])


class FrameView(BaseModel):
    """A frame: its outcome, or where its work stands."""

    ordinal: int = Field(description="Its place in the range, from 0.")
    frame: int = Field(description="Its number in the scene.")
    state: FrameState
    end_reason: EndReason | None = None
    message: str | None = None
    replica: UUID | None = None
    render_ms: float | None = None
    warm: bool | None = None
    at: datetime | None = None
    flags: list[FrameFlag] = Field([], description="What looks odd about its picture beside its neighbours.")


class AttemptView(BaseModel):
    """One try at a frame, however it ended."""

    model_config = ConfigDict(ser_json_inf_nan="null")

    id: UUID
    frame: int
    generation: int
    outcome: EndReason
    message: str | None = None
    replica: UUID | None = None
    started_at: datetime | None = None
    ended_at: datetime
    timings_ms: dict[str, Any] = Field(examples=[{"sync": 12.1, "render": 803.0, "save": 20.4}])
    metrics: dict[str, Any]
    log: str | None = Field(None, description="The end of what the engine printed.")
