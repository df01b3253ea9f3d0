"""Bodies of the routes of uploads in parts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from serve_app.blobs.schemas import Digest

_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class UploadState(StrEnum):
    """Where an upload stands."""

    OPEN = "open"
    VERIFYING = "verifying"
    """All parts are here, and the farm reads them."""
    COMPLETE = "complete"
    """It is a blob of the project."""
    REFUSED = "refused"
    """The bytes are not those that were announced; nothing of it is kept."""


class NewUpload(BaseModel):
    """A blob that is to be sent in parts."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"digest": _DIGEST, "size_bytes": 34359738368}]}
    )

    digest: Digest
    size_bytes: StrictInt = Field(ge=0, description="Of the whole.")


class UploadPart(BaseModel):
    """One part; parts may be sent in any order, side by side, and again."""

    number: int = Field(description="From 1 on.")
    size_bytes: int
    is_there: bool = Field(description="It has come whole.")
    url: str | None = Field(
        None,
        description="Takes its bytes by PUT, without a key. None where it is there, and beyond the first 100 that lack "
        "(`RAYFARM_API_UPLOAD_LINKS`): read the upload again once those are sent.",
    )


class UploadView(BaseModel):
    """An upload in parts."""

    id: UUID
    digest: Digest
    size_bytes: int
    part_bytes: int = Field(description="Of each part but the last.")
    state: UploadState
    expires_at: datetime = Field(description="What is not complete by then is dropped.")
    parts: list[UploadPart] = Field(default_factory=list, description="While it is open.")
    problem: dict[str, Any] | None = Field(None, description="Why it is refused: code, detail, remedy.")
