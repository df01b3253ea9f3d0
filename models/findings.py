"""One thing that a look at a model found: what, how bad, and what to do about it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Severity(StrEnum):
    """What a finding means for a job."""

    ERROR = "error"
    """Frames cannot be rendered, or would be wrong."""
    WARNING = "warning"
    """Frames may differ from the artist's own."""


class Finding(BaseModel):
    """A problem with its remedy; `code` is stable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    severity: Severity
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}"
