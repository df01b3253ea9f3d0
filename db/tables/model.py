"""Models and the blobs that they are made of."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from db.tables._columns import big_integer, instant, json, words


class BlobTable(SQLModel, table=True):
    """Bytes in storage, named by their SHA-256."""

    __tablename__ = "blob"

    digest: str = words(primary_key=True)
    size_bytes: int = big_integer()
    created_at: datetime = instant()


class ProjectBlobTable(SQLModel, table=True):
    """This project uploaded this blob; another's upload is no proof that it has the bytes."""

    __tablename__ = "project_blob"

    project_id: UUID = Field(primary_key=True, foreign_key="project.id")
    digest: str = words(primary_key=True, foreign_key="blob.digest")
    created_at: datetime = instant()
    """Its bytes count from here on."""
    sent_at: datetime = instant()
    """Last; one that is not used is swept so long after it."""


class UploadTable(SQLModel, table=True):
    """A blob that a project sends in parts."""

    __tablename__ = "upload"
    __table_args__ = (UniqueConstraint("project_id", "digest"),)

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    digest: str = words()
    size_bytes: int = big_integer()
    part_bytes: int = big_integer()
    reference: str = words()
    """The storage's own name for it."""
    created_at: datetime = instant()
    expires_at: datetime = instant()
    verifying_until: datetime | None = instant(default=None)
    """A process reads the whole, and moves this on while it lives."""
    verification: UUID | None = Field(default=None)
    """Its fence: one that lost its lease meanwhile renews and ends nothing."""
    completed_at: datetime | None = instant(default=None)
    problem: dict[str, Any] | None = json(default=None)
    """Why it is refused."""


class ModelTable(SQLModel, table=True):
    """An immutable version of a scene, named by the digest of its manifest."""

    __tablename__ = "model"
    __table_args__ = (UniqueConstraint("project_id", "digest"),)

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    name: str = words()
    kind: str = words()
    digest: str = words()
    manifest: dict[str, Any] = json()
    state: str = words()
    """probing, ready, incomplete or invalid"""
    probe: dict[str, Any] | None = json(default=None)
    """What the first opening found."""
    problem: dict[str, Any] | None = json(default=None)
    """Why it is not ready."""
    keep_warm: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    """Replicas with nothing to do load it."""
    created_at: datetime = instant()
    updated_at: datetime = instant()
