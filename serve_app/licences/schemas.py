"""What the licence routes take and answer."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, StrictInt


class LicenceChange(BaseModel):
    """How many there are of a licence."""

    model_config = ConfigDict(extra="forbid")

    capacity: StrictInt = Field(
        ge=0, le=1_000_000, description="Chunks that may hold it at once, on the whole farm; 0: none for now."
    )


class LicenceView(BaseModel):
    """A counted licence of the farm."""

    name: str = Field(examples=["nuke"])
    capacity: int = Field(description="Chunks that may hold it at once, on the whole farm.")
