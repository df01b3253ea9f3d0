"""What the routes of feature flags take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field, StrictBool, StrictInt

from jobs.features import Feature
from jobs.spec import plain_text

Note = Annotated[str, Field(max_length=500), AfterValidator(plain_text)]


class FlagChange(BaseModel):
    """What a flag shall be."""

    model_config = ConfigDict(extra="forbid")

    enabled: StrictBool = Field(description="false: off for every project, whatever else stands here.")
    projects: Annotated[list[Annotated[str, Field(max_length=63)]], FailFast()] = Field(
        [], max_length=1000, description="Slugs of projects that have it whatever `percent` is."
    )
    percent: StrictInt | None = Field(
        None,
        ge=0,
        le=100,
        description="Of all projects, so many have it, the same ones each time. null: 0 where projects are named, "
        "else 100.",
    )
    note: Note = Field("", description="Why, for whoever is refused by it.")


class FlagView(BaseModel):
    """A feature flag as it is now."""

    name: Feature
    turns: str = Field(description="What it turns on and off.")
    default: bool = Field(description="What holds while nobody has set it.")
    enabled: bool
    projects: list[str] = Field(description="Slugs of projects that have it whatever `percent` is.")
    percent: int = Field(description="Of all projects, so many have it.")
    note: str
    changed_by: str | None = Field(description="null: nobody has set it.")
    changed_at: datetime | None
