"""Bodies of the archive routes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from serve_app.openapi import problems


class ArchiveLink(BaseModel):
    """Where the archive is for whoever has no key."""

    url: str = Field(description="Needs no key: whoever has it reads the files until then.")
    expires_at: datetime


ARCHIVE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A ZIP, stored and not deflated, of the length that Content-Length says.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    },
    **problems(404, 413, 429),
}
