"""What the routes of schedules answer."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from jobs.schedules import Schedule


class ScheduleView(Schedule):
    """When the machines that it is for may render."""

    name: str
    set_by: str
    updated_at: datetime
    open: bool = Field(description="Its hours allow rendering now; whether somebody uses a machine is not in it.")
