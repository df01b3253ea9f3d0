"""Bodies of the blob routes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, FailFast, Field, StringConstraints

Digest = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{64}$"),
    Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]),
]
"""Lowercase hexadecimal SHA-256."""


MOST_DIGESTS = 100_000
"""Digests in one question, whatever a farm allows."""


class LackingQuestion(BaseModel):
    """Digests of the files that a client could upload."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"digests": ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]}]
        },
    )

    digests: Annotated[list[Digest], FailFast(), Field(max_length=MOST_DIGESTS)]


class Accepts(BaseModel):
    """What else than one request for each file this farm takes; a client keeps to these limits."""

    batch_files: int = Field(description="Files in one archive for POST /v1/blobs:batch.")
    batch_file_bytes: int = Field(description="Bytes of one file in it.")
    batch_bytes: int = Field(description="Bytes of the archive.")
    part_bytes: int | None = Field(description="Bytes of a part of POST /v1/uploads; null: it takes none in parts.")
    chunks: int = Field(description="Chunks of all files of a model's manifest; a farm that does not say takes none.")
    chunk_bytes: int = Field(description="Bytes of one of them.")


class LackingAnswer(BaseModel):
    """Those of them that this project has not uploaded, in the order of the question."""

    lacking: list[Digest]
    accepts: Accepts


class BatchItemState(StrEnum):
    """What became of a file of an archive."""

    STORED = "stored"
    KNOWN = "known"
    """The project had it already; the bytes were checked all the same."""
    REFUSED = "refused"


class BatchProblem(BaseModel):
    """Why a file of an archive was refused."""

    code: str = Field(description="As of a problem of a request.", examples=["digest-mismatch"])
    detail: str
    remedy: str | None = None


class BatchItem(BaseModel):
    """One file of an archive."""

    digest: Digest = Field(description="As the archive names it.")
    size_bytes: int
    state: BatchItemState
    problem: BatchProblem | None = None


class BatchAnswer(BaseModel):
    """The files of an archive, in its order."""

    items: list[BatchItem]
    refused: int = Field(description="How many of them were refused.")


class BlobView(BaseModel):
    """A blob of this project."""

    digest: Digest
    size_bytes: int
