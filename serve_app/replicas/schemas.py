"""What a replica looks like from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field


class Resident(BaseModel):
    """A model that a replica keeps loaded."""

    digest: str
    size_bytes: int


class Current(BaseModel):
    """What a replica renders now; of another project's work only that there is some."""

    job: UUID | None = None
    frame: int | None = None
    part: int | None = Field(None, description="Which part of a split frame, from 0.")
    parts: int | None = None
    fraction: float | None = Field(None, description="How much of the frame, or the part, is done, 0 to 1.")
    detail: str | None = None


class ReplicaView(BaseModel):
    """One slot of the farm."""

    id: UUID
    state: str = Field(examples=["up"])
    draining: bool
    pool: str
    node: str
    cluster: str
    device_class: str
    labels: dict[str, Any]
    engines: dict[str, Any] = Field(description="Pipeline → engine version.")
    residents: list[Resident] = Field(description="Models of this project that it keeps loaded.")
    current: Current | None
    started_at: datetime
    beat_at: datetime
