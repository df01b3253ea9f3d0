"""Bodies of the blob routes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, FailFast, Field, StringConstraints

Digest = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{64}$"),
    Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]),
]
"""Lowercase hexadecimal SHA-256."""


class LackingQuestion(BaseModel):
    """Digests of the files that a client could upload."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"digests": ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]}]
        },
    )

    digests: Annotated[list[Digest], FailFast()]


class LackingAnswer(BaseModel):
    """Those of them that this project has not uploaded, in the order of the question."""

    lacking: list[Digest]


class BlobView(BaseModel):
    """A blob of this project."""

    digest: Digest
    size_bytes: int
