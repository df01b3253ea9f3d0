"""What the maintenance route takes and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator

from jobs.spec import plain_text


class MaintenanceChange(BaseModel):
    """Turn maintenance on or off."""

    model_config = ConfigDict(extra="forbid")

    active: StrictBool = Field(description="Whether the API refuses what changes something.")
    drain: StrictBool = Field(False, description="Hand out no work either. What renders finishes its frame.")
    message: Annotated[str, AfterValidator(plain_text)] = Field(
        "", max_length=500, description="For people, in the answer to each refused request: why, and until when."
    )

    @model_validator(mode="after")
    def _drains_only_while_active(self) -> Self:
        if self.drain and not self.active:
            raise ValueError("drain is part of maintenance: it needs active")
        return self


class MaintenanceNotice(BaseModel):
    """That the farm can only be read now."""

    drain: bool = Field(description="No work is handed out.")
    message: str
    since: datetime | None = None


class MaintenanceView(MaintenanceNotice):
    """Whether the farm may be changed now."""

    active: bool
    set_by: str | None = Field(None, description="Who said so last; for operators.")
