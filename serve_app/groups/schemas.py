"""What groups of jobs look like from outside."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class GroupView(BaseModel):
    """Jobs that have a show, a shot or a tag in common."""

    name: str
    jobs: int = Field(description="All of them.")
    live: int = Field(description="Of them, those that have not ended.")
    failed: int = Field(description="Of them, those that failed.")
    last_created_at: datetime = Field(description="When the newest was submitted.")


class ShowView(GroupView):
    """A show: the jobs that name it."""

    shots: int = Field(description="Different shots among its jobs.")
