"""What the route of the farm's pace answers."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class Minute(BaseModel):
    """What was rendered in one minute."""

    at: datetime = Field(description="Its beginning.")
    frames: int
    cost: str = Field(description="Exact decimal of the currency's main unit; 0 where the farm has no prices.")


class PaceView(BaseModel):
    """The last minutes of the whole farm, from its ledger."""

    minutes: list[Minute] = Field(description="The oldest first, without a gap; the last one still runs.")
    frames: int
    warm: float | None = Field(description="Part of the frames whose scene was loaded already, 0 to 1; null: no frame.")
    attempts: int = Field(description="Of replicas that are up, however they ended.")
    failed: int = Field(description="Attempts that ended without a picture.")
    cost: str
    currency: str | None = Field(description="Null: the farm has no price list.")
