"""What the merge asks of the process that finishes a frame. Imports nothing heavy: both sides read it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipelines.cycles.split import FrameNotes

_Path = Annotated[str, Field(max_length=4096)]


class FinishRequest(BaseModel):
    """Merged light as RGBA OpenEXR files of 32-bit floats, and what the frame is to become."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    whole: FrameNotes
    light: _Path
    albedo: _Path | None = None
    normal: _Path | None = None
    extension: Annotated[str, Field(pattern=r"^\.[a-z]{3,4}$")]
    """Of the file to write."""
