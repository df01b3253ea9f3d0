"""Insert-only history: results, attempts, artifacts, events."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from db.tables._columns import big_integer, instant, json, transaction_number, words


class FrameResultTable(SQLModel, table=True):
    """The final outcome of a frame; there is one per generation and it never changes."""

    __tablename__ = "frame_result"

    job_id: UUID = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    generation: int = Field(primary_key=True)
    frame: int
    state: str = words()
    end_reason: str = words()
    message: str | None = words(default=None)
    attempt_id: UUID | None = None
    """The attempt that won."""
    replica_id: UUID | None = None
    render_ms: float | None = None
    warm: bool | None = None
    at: datetime = instant()


class PartResultTable(SQLModel, table=True):
    """One part of a split frame; the frame has its result when the parts are merged."""

    __tablename__ = "part_result"

    job_id: UUID = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    generation: int = Field(primary_key=True)
    part: int = Field(primary_key=True)
    parts: int
    attempt_id: UUID
    replica_id: UUID | None = None
    storage_key: str = words()
    size_bytes: int = big_integer()
    sha256: str = words()
    media_type: str = words()
    render_ms: float | None = None
    warm: bool | None = None
    at: datetime = instant()


class FrameFlagTable(SQLModel, table=True):
    """Something odd about a committed frame beside its neighbours; for people, it changes no state."""

    __tablename__ = "frame_flag"

    job_id: UUID = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    generation: int = Field(primary_key=True)
    flag: str = words(primary_key=True)
    detail: str = words()
    at: datetime = instant()


class FrameLookTable(SQLModel, table=True):
    """Luminance of a committed frame's small picture (0 to 1, sRGB), to judge it beside its neighbours."""

    __tablename__ = "frame_look"

    job_id: UUID = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    generation: int = Field(primary_key=True)
    frame: int
    mean: float
    brightest: float


class AttemptTable(SQLModel, table=True):
    """One try of one frame, however it ended."""

    __tablename__ = "attempt"

    id: UUID = Field(primary_key=True)
    job_id: UUID
    ordinal: int
    generation: int
    work_id: int = big_integer()
    fence: int
    replica_id: UUID | None = None
    started_at: datetime | None = instant(default=None)
    ended_at: datetime = instant()
    outcome: str = words()
    message: str | None = words(default=None)
    timings: dict[str, Any] = json()
    metrics: dict[str, Any] = json()
    log: str | None = words(default=None)
    """The end of what the engine printed."""


class ArtifactTable(SQLModel, table=True):
    """A file in storage that belongs to a job. Reused frames share the storage key of the first."""

    __tablename__ = "artifact"

    id: UUID = Field(primary_key=True)
    project_id: UUID
    job_id: UUID
    ordinal: int | None = None
    generation: int
    kind: str = words()
    name: str = words()
    storage_key: str = words()
    size_bytes: int = big_integer()
    sha256: str = words()
    media_type: str = words()
    width: int | None = None
    height: int | None = None
    created_at: datetime = instant()
    deleted_at: datetime | None = instant(default=None)
    """When it expired: the row stays, the collector takes the file."""


class OutboxTable(SQLModel, table=True):
    """An event that has to be told to somebody outside, until it is."""

    __tablename__ = "outbox"
    __table_args__ = (UniqueConstraint("event_id", "target"),)

    id: int | None = big_integer(default=None, primary_key=True)
    event_id: int | None = big_integer(default=None)
    """None: a webhook's ping."""
    stream_id: UUID
    """The job, model or project whose events go out one behind the other; a row told again is its own stream."""
    target: str = words()
    state: str = words(default="queued")
    attempts: int = 0
    not_before: datetime = instant()
    error: str | None = words(default=None)
    created_at: datetime = instant()
    updated_at: datetime = instant()
    webhook_id: UUID | None = None
    public_id: UUID = Field(unique=True)
    """The name that a project sees: the row's number would tell it how much others do."""
    spared: int = 0
    """Attempts that do not count any more, since somebody asked for it to be told again."""


class WebhookAttemptTable(SQLModel, table=True):
    """One post to a webhook, and what came back."""

    __tablename__ = "webhook_attempt"

    outbox_id: int = Field(sa_type=BigInteger, primary_key=True, foreign_key="outbox.id", ondelete="CASCADE")
    attempt: int = Field(primary_key=True)
    at: datetime = instant()
    duration_ms: float
    status: int | None = None
    answer: str = words(default="")
    """The beginning of the answer's body."""
    error: str | None = words(default=None)


class EventTable(SQLModel, table=True):
    """What happened, written by the transaction that made it true."""

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("job_id", "seq"),)

    id: int | None = big_integer(default=None, primary_key=True)
    project_id: UUID
    job_id: UUID | None = None
    model_id: UUID | None = None
    seq: int = big_integer()
    """Per job, from 1, without a gap; 0 for a model's."""
    kind: str = words()
    data: dict[str, Any] = json()
    at: datetime = instant()
    xid: str = transaction_number()
    """Of the transaction that wrote it: the order of feeds over many jobs."""
