"""What the routes of deliveries answer."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field


class DeliveryState(StrEnum):
    QUEUED = "queued"
    DELIVERED = "delivered"
    FAILED = "failed"


class JobDeliveryView(BaseModel):
    """One file of a job for the project's bucket."""

    artifact: UUID = Field(description="The newest one; a frame that is rendered again replaces its object.")
    kind: str
    name: str
    frame: int | None = Field(description="null: of the whole job.")
    generation: int
    destination: UUID
    object: str | None = Field(description="`s3://bucket/key`; null: not tried yet, or the destination is gone.")
    size_bytes: int
    state: DeliveryState = Field(description="`failed`: given up, after a day or where trying again helps nothing.")
    attempts: int
    error: str | None = Field(description="Of the last attempt.")
    next_attempt_at: datetime | None
    created_at: datetime
    updated_at: datetime
    delivered_at: datetime | None


class DeliveriesRetried(BaseModel):
    """How many files are tried again."""

    files: int
