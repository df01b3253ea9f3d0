"""Intake from queues: messages that became jobs, and where results are published."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from db.tables._columns import instant, words


class IntakeMessageTable(SQLModel, table=True):
    """A message that became a job: one that comes again finds it."""

    __tablename__ = "intake_message"

    source: str = words(primary_key=True)
    """The queue."""
    dedup_id: str = words(primary_key=True)
    """Fingerprint of what the message is known by."""
    digest: str = words()
    """SHA-256 of what it asks for."""
    message_id: str = words()
    label: str | None = words(default=None)
    """What its sender calls it."""
    job_id: UUID | None = Field(default=None, foreign_key="job.id")
    created_at: datetime = instant()


class ResultTargetTable(SQLModel, table=True):
    """Where results may be published; the rows of a cluster are what its settings say."""

    __tablename__ = "result_target"

    cluster_id: str = words(primary_key=True)
    arn: str = words(primary_key=True)


class JobResultTargetTable(SQLModel, table=True):
    """Where the end of a job is published."""

    __tablename__ = "job_result_target"

    job_id: UUID = Field(foreign_key="job.id", primary_key=True)
    arn: str = words(primary_key=True)
