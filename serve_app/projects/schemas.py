"""What the project routes take and answer."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class ProjectChange(BaseModel):
    """What may be changed of a project."""

    model_config = ConfigDict(extra="forbid")

    weight: int = Field(ge=1, le=10_000, description="Share of the farm beside other projects; 200 gets twice of 100.")


class ProjectView(BaseModel):
    """A tenant of the farm."""

    id: UUID
    slug: str = Field(description="Its name in `X-Rayfarm-Project`.")
    name: str
    weight: int = Field(description="Share of the farm beside other projects.")
    created_at: datetime
