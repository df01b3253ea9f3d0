"""Bodies of the job routes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Header
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from jobs.frame_actions import FrameAction
from jobs.spec import Deadline, Group, JobSpec, PriorityClass, Tags
from jobs.states import EndReason, FrameState, JobState
from jobs.suspects import Flag

LOCATION = {"Location": {"description": "Where the job is.", "schema": {"type": "string"}}}
"""Header of an answer that made a job."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text of yours: a repeated request with it answers with the same job.",
    ),
]

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


class Retried(BaseModel):
    """Tries at frames that have no picture yet, all of which ended without one."""

    tries: int = Field(description="How many; of the 500 frames that were tried last.")
    reason: EndReason = Field(description="How the newest ended.")
    message: str = Field(description="The same in words.")


class Links(BaseModel):
    """Where the rest of the job is."""

    self: str
    events: str
    frames: str
    artifacts: str
    cancel: str
    commands: dict[str, str] = Field(description="What a person may ask of the job in its state, and where.")


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
    priority: str = Field(description="As it is now; the spec says what was asked for.")
    weight: int
    max_replicas: int | None = None
    start_before: datetime | None = None
    finish_before: datetime | None = None
    expires_at: datetime | None = Field(None, description="When its files end; null: never, or not decided yet.")
    outputs_expired_at: datetime | None = Field(None, description="When its files ended; null: they are there.")
    approval: int | None = Field(None, description="Scout frames that a person must approve; null: none, or done.")
    cloned_from: UUID | None = None
    tags: list[str] = Field([], description="As they are now; the spec says what was asked for.")
    show: str | None = None
    shot: str | None = None
    destination: UUID | None = Field(
        description="Whose bucket its files go to, as settled when it was submitted; null: none."
    )
    submitted_by: str | None = Field(
        None, description="E-mail address of a person, or `key` and the name of an API key; null: not kept."
    )
    generation: int = Field(description="Raised by each retry or requeue.")
    counts: Counts
    progress: float = Field(description="Frames that have their outcome, 0 to 1.")
    eta_seconds: float | None = Field(
        None,
        description="Frames left times `seconds_per_frame`, over the replicas that render now; null: nothing to go by.",
    )
    frames_per_second: float | None = Field(
        None, description="Rendered frames over the time since it last began to run."
    )
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

    retried: Retried | None = Field(None, description="What goes wrong while it runs; null: no open frame was retried.")
    spec: JobSpec


class JobChanges(BaseModel):
    """What may be changed of a job that exists; a field that is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    priority: PriorityClass = PriorityClass.NORMAL
    weight: StrictInt = Field(100, ge=1, le=1000, description="Share among jobs of one class.")
    max_replicas: StrictInt | None = Field(None, ge=1, le=100_000, description="null: as many as there are.")
    start_before: Deadline | None = Field(None, description="With a time zone; null: no deadline.")
    finish_before: Deadline | None = Field(None, description="With a time zone; null: no deadline.")
    tags: Tags = Field((), description="All that it shall have; [] takes every one away.")
    show: Group | None = Field(None, description="null: none, and then no shot either.")
    shot: Group | None = Field(None, description="Of the show; null: none.")
    expires_at: Deadline | None = Field(
        None, description="When its files end, with a time zone; null: as the farm keeps outputs."
    )


class RetryRequest(BaseModel):
    """Which frames to try again."""

    model_config = ConfigDict(extra="forbid")

    frames: str | None = Field(
        None, max_length=65_536, description="5,10-20 …; null: all that failed or were canceled.", examples=["5,10-20"]
    )


class FrameActionRequest(BaseModel):
    """What to do to some frames of a job: to all of them, or to none if one refuses."""

    model_config = ConfigDict(extra="forbid")

    action: FrameAction = Field(
        description="`skip`: not rendered. `requeue`: rendered (again), also where there is a picture, which stays "
        "until the new one is there. `retry`: rendered where it failed or was canceled."
    )
    frames: str = Field(max_length=65_536, description="Frames of the job.", examples=["5,10-20"])


class FramesChangedView(BaseModel):
    """What an action did."""

    changed: int = Field(description="Frames that were something else before.")
    job: JobDetail


class EstimateView(BaseModel):
    """What a job would cost. null: not known; `unknown` says why."""

    frames: int
    reused: int | None = Field(description="Frames that the project has rendered from the same inputs already.")
    to_render: int | None
    seconds_per_frame: float | None = Field(description="Mean time of a rendered frame on its replica.")
    seconds_per_frame_source: Literal["same_inputs", "same_model"] | None = Field(
        description="`same_inputs`: frames of this very scene, settings and engine. `same_model`: frames of this "
        "scene with other settings, so take it as a hint."
    )
    measured_frames: int = Field(description="Frames behind seconds_per_frame.")
    slot_seconds: float | None = Field(description="Time that replicas spend on it, all together.")
    replicas: int = Field(description="Replicas up now that fit the job.")
    expected_seconds: float | None = Field(
        description="From the first frame to the last, were those replicas free for it and the model loaded."
    )
    cost: str | None = Field(
        description="Of the frames to render, by the prices valid now, on the kind of replica that would get the job; "
        "an exact decimal. Merges, films and storage come on top.",
        examples=["1.28"],
    )
    currency: str | None = Field(description="ISO 4217.")
    unknown: dict[str, str] = Field(description="Figure -> why it is null.")


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


class FrameProgress(BaseModel):
    """Where a frame that renders stood when its replica last told."""

    fraction: float = Field(description="0 to 1.")
    done: int | None = Field(None, description="What the engine has counted; null: nothing.")
    total: int | None = None
    unit: str | None = Field(None, examples=["samples"])
    eta_seconds: float | None = Field(None, description="Estimate from its pace so far; null: too early to tell.")
    detail: str | None = Field(None, description="The engine's own line.")
    preview: int | None = Field(
        None, description="Rises with each new picture at `…/frames/{frame}/preview`; null: there is none (yet)."
    )


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
    parts: int | None = Field(None, description="Parts of a split frame that is under way; null: not split, or done.")
    parts_done: int | None = Field(None, description="How many of them are rendered.")
    progress: FrameProgress | None = Field(
        None, description="While it renders; of a split frame the mean over its parts. null: not told of (yet)."
    )
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
