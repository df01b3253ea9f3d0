"""The queue: few mutable rows, each guarded by a fence."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Computed
from sqlmodel import Field, SQLModel

from db.tables._columns import big_integer, instant, integer_list, json, small_integer, uuid_list, words


class WorkTable(SQLModel, table=True):
    """A range of a job, a chunk carved from it, or a task. A frame without result is held by exactly one live row."""

    __tablename__ = "work"

    id: int | None = big_integer(default=None, primary_key=True)
    job_id: UUID | None = Field(default=None, foreign_key="job.id")
    model_id: UUID | None = Field(default=None, foreign_key="model.id")
    project_id: UUID | None = None
    """Of a task that is live: the project of its job or model, set by a trigger; tasks are handed out in turn by it."""
    kind: str = words()
    generation: int = 1
    """Of a range: a frame of it that has a result of this generation or a later one needs no more rendering."""
    task: str | None = words(default=None)
    """Of a post row: preview, video, contact_sheet, or step (one that a person asked for)."""
    first: int = 0
    """Of a range: its first position in the order of hand-out (``jobs.order``)."""
    count: int = 0
    """Of a range: how many positions; of a chunk: how many frames it was carved with."""
    ordinals: list[int] | None = integer_list(default=None)
    """Of a chunk: the frames that it still holds; a result takes its frame out."""
    part: int | None = None
    """Of a part row: which slice of the frame, from 0."""
    parts: int | None = None
    """Of a part or merge row: into how many slices its frame is split."""
    gated: bool = False
    """Of a range: its frames wait for the same frames of another job, and are not carved before."""
    beyond: int | None = Field(default=None, sa_column_args=[Computed("first + count", persisted=True)])
    """Of a range: the position behind its last, which stays where it is while the range is carved."""
    state: str = words(default="queued")
    fence: int = 0
    """Raised by each change of owner; a write that names an older one is dropped."""
    assigned_to: UUID | None = None
    """The replica that shall claim it."""
    replica_id: UUID | None = None
    """The replica (of a task: the leader) that claimed it."""
    cluster_id: str | None = words(default=None)
    leased_until: datetime | None = instant(default=None)
    """By the database's clock; its passing only entitles the rescuer to raise the fence."""
    tries: int = 0
    """Attempts that failed through the scene or its settings."""
    worker_failures: int = 0
    resource_failures: int = 0
    """Of a task: outages that it met in a row; they lengthen its pause and spend nothing."""
    avoid: list[UUID] = uuid_list()
    """Replicas on which its frame failed."""
    not_before: datetime = instant()
    priority_rank: int = small_integer(default=1)
    data: dict[str, Any] | None = json(default=None)
    error: str | None = words(default=None)
    traceparent: str | None = words(default=None)
    """W3C trace context of what put it here (a hand-out, a request), where that is not its job's."""
    created_at: datetime = instant()
    updated_at: datetime = instant()
