"""What an artifact looks like from outside."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field


class ArtifactKind(StrEnum):
    """What an output is."""

    FRAME = "frame"
    EXTRA = "extra"
    """Another file of a frame, for example of a File Output node."""
    PREVIEW = "preview"
    VIDEO = "video"
    VIDEO_PREVIEW = "video_preview"
    LOG = "log"


class ArtifactView(BaseModel):
    """One output file of a job."""

    id: UUID
    job: UUID
    kind: ArtifactKind
    name: str = Field(examples=["0005.png"])
    path: str = Field(
        description="Where it goes in a folder of outputs, by the job's naming template; safe on every file system.",
        examples=["armillary/Camera/ViewLayer.0005.png"],
    )
    ordinal: int | None = Field(None, description="Place of its frame in the range; null: of the whole job.")
    frame: int | None = None
    size_bytes: int
    sha256: str
    media_type: str = Field(examples=["image/png"])
    width: int | None = None
    height: int | None = None
    created_at: datetime
    expired_at: datetime | None = Field(
        None, description="When its file ended with the job's outputs; null: it is there."
    )
    url: str | None = Field(
        description="Download link that needs no key; takes ranges; ends after some hours. null: the file has expired."
    )
