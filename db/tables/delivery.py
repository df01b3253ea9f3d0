"""Where projects have their files delivered, and each file on its way."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from db.tables._columns import big_integer, instant, words


class DestinationTable(SQLModel, table=True):
    """A bucket of a project's own, and the key for it."""

    __tablename__ = "destination"

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    name: str = words()
    bucket: str = words()
    prefix: str = words(default="")
    """Empty, or ending in a slash."""
    region: str = words()
    endpoint_url: str | None = words(default=None)
    """None: AWS."""
    access_key_id: str = words()
    secret: bytes
    """Sealed (``jobs.sealed``)."""
    key_id: str = words()
    """Of the farm's key that it was sealed under."""
    is_default: bool = False
    """Jobs that name no destination have this one."""
    revision: int = 1
    """Raised by each change: a copier that has an older one opens its client anew."""
    failures: int = 0
    failing_since: datetime | None = instant(default=None)
    """First failure since the last file that was taken."""
    rests_until: datetime | None = instant(default=None)
    error: str | None = words(default=None)
    created_by: str = words()
    created_at: datetime = instant()
    updated_at: datetime = instant()


class DeliveryTable(SQLModel, table=True):
    """One file of a job for one bucket; a later generation of the file takes the row over."""

    __tablename__ = "delivery"

    id: int | None = big_integer(default=None, primary_key=True)
    project_id: UUID
    job_id: UUID = Field(foreign_key="job.id")
    destination_id: UUID
    kind: str = words()
    ordinal: int | None = None
    name: str = words()
    generation: int
    artifact_id: UUID
    size_bytes: int = big_integer()
    path: str | None = words(default=None)
    """Below the destination's prefix; given with the first attempt, and kept."""
    state: str = words(default="queued")
    copying: bool = False
    """Somebody may be copying it until ``not_before``."""
    attempts: int = 0
    """The fence: who ends an attempt names it."""
    failures: int = 0
    """In a row."""
    error: str | None = words(default=None)
    not_before: datetime = instant()
    queued_at: datetime = instant()
    """From then on the time counts after which it is given up."""
    created_at: datetime = instant()
    updated_at: datetime = instant()
    delivered_at: datetime | None = instant(default=None)
