"""What the status route answers."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, Field

from serve_app.health.schemas import Check
from serve_app.maintenance.schemas import MaintenanceNotice


class FarmState(StrEnum):
    """The farm in one word."""

    UP = "up"
    DEGRADED = "degraded"
    """It takes requests, and something does not work."""
    DOWN = "down"
    """It takes no requests: the database or the storage is away."""


class LeaderView(BaseModel):
    """Who leads one role of one cluster."""

    role: str = Field(examples=["dispatcher"])
    cluster: str
    leads: bool = Field(description="Somebody leads now.")


class QueueView(BaseModel):
    """Jobs of one class that have not ended."""

    priority: str = Field(examples=["normal"])
    waiting: int = Field(description="Jobs that are queued or blocked by another job.")
    running: int = Field(description="Jobs of which something was given out.")
    held: int = Field(description="Jobs that are paused or wait for a person.")
    frames: int = Field(description="Frames without an outcome, of jobs that are queued or running.")
    oldest_s: float | None = Field(None, description="Seconds that the oldest queued job waits; null: none is queued.")


class StatusLinks(BaseModel):
    """Other tools that show the farm."""

    dashboard: str | None = Field(None, description="Ray's dashboard; null: not set.")
    grafana: str | None = None


class FarmStatus(BaseModel):
    """What is up, by dependency; the rest for who has a credential."""

    status: FarmState
    version: str
    age_s: float = Field(description="How old this answer is, in seconds.")
    checks: list[Check]
    maintenance: MaintenanceNotice | None = Field(None, description="Null: the farm can be changed.")
    leaders: list[LeaderView] | None = Field(None, description="Null for who has no credential, as what follows.")
    replicas: dict[str, int] | None = Field(None, description="Live replicas by state.", examples=[{"up": 4}])
    queue: list[QueueView] | None = Field(None, description="By class, the most urgent first.")
    links: StatusLinks | None = Field(None, description="Null for who does not run the farm.")
