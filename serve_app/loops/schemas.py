"""What the loop route answers."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class LoopView(BaseModel):
    """One loop that a leader ticks beside planning."""

    name: str = Field(examples=["rescuer"])
    cluster: str
    ok: bool = Field(description="Its last tick went well, and the next one is not overdue.")
    overdue: bool = Field(description="It should have been ticked again by now: nobody leads, or it hangs.")
    ran_at: datetime = Field(description="When its last tick ended.")
    every_ms: float = Field(description="Pause between two ticks.")
    took_ms: float = Field(description="How long the last tick took.")
    handled: int = Field(description="Rows that it has handled in all.")
    failures: int = Field(description="Ticks that have failed in a row.")
    error: str | None = Field(None, description="Why the last tick failed.")
