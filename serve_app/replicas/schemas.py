"""What a replica looks like from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictFloat

from jobs.spec import plain_text
from jobs.states import EndReason


class Resident(BaseModel):
    """A model that a replica keeps loaded."""

    digest: str
    size_bytes: int
    """Of RAM."""
    vram_bytes: int | None = Field(None, description="Of video memory; null where the driver of its cards tells none.")


class Current(BaseModel):
    """What a replica renders now; of another project's work only that there is some."""

    job: UUID | None = None
    job_name: str | None = None
    project: str | None = Field(None, description="Slug of the project that the job is of.")
    frame: int | None = None
    part: int | None = Field(None, description="Which part of a split frame, from 0.")
    parts: int | None = None
    fraction: float | None = Field(None, description="How much of the frame, or the part, is done, 0 to 1.")
    detail: str | None = None


class Sandbox(BaseModel):
    """What guards the farm, and the other projects, from the engines of a replica."""

    level: str = Field(examples=["full"], description="full, partial or none.")
    missing: list[str] = Field([], description="The guards that are not in force.")


class ReplicaView(BaseModel):
    """One slot of the farm."""

    id: UUID
    state: str = Field(examples=["up"])
    draining: bool
    drain_reason: str | None = None
    drain_by: datetime | None = Field(None, description="When its machine goes; a frame that renders then comes back.")
    disabled: bool = Field(description="It, or its machine, was disabled: it gets no new work.")
    disabled_reason: str | None = Field(None, description="Why it was disabled; a machine has its own reason.")
    frames: int = Field(description="Frames that it has committed.")
    failures: int = Field(description="Attempts that failed on it.")
    pool: str
    node: str
    cluster: str
    device_class: str
    labels: dict[str, Any]
    engines: dict[str, Any] = Field(description="Pipeline → engine version.")
    residents: list[Resident] = Field(description="Models of this project that it keeps loaded.")
    current: Current | None
    sandbox: Sandbox | None = Field(None, description="Of its engines; null before its first one has started.")
    started_at: datetime
    beat_at: datetime


class ReplicaAttempt(BaseModel):
    """One try at a frame on this replica, however it ended."""

    job: UUID
    job_name: str
    project: str = Field(description="Slug of the project that the job is of.")
    frame: int = Field(description="Its number in the scene.")
    outcome: EndReason
    message: str | None = None
    started_at: datetime | None = None
    ended_at: datetime


class NodeView(BaseModel):
    """A machine of the farm."""

    name: str
    cluster: str
    disabled: bool = Field(description="It gets no new work.")
    reason: str | None = Field(None, description="Why it was disabled or drained.")
    replicas: list[UUID] = Field(description="Its live replicas.")
    draining: int = Field(description="How many of them leave.")
    busy: int = Field(description="How many of them render.")
    frames: int
    failures: int


class Notice(BaseModel):
    """Why workers are told something."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, AfterValidator(plain_text)] | None = Field(
        None, max_length=500, description="One line for people: shown with the worker and its frames."
    )


class DrainNotice(Notice):
    """Why workers shall leave, and by when."""

    within_s: StrictFloat | None = Field(
        None,
        ge=0,
        le=30 * 86400,
        description="Seconds until the machine goes (a spot notice: 120, or 30). What still renders shortly before is "
        "given back. Absent: the frame finishes, however long.",
    )
