"""Jobs: an immutable spec, a state, and counters that equal the results."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field, SQLModel

from db.tables._columns import big_integer, instant, json, small_integer, word_list, words


class JobDependencyTable(SQLModel, table=True):
    """``job_id`` waits for ``on_job_id``: for its success, or frame by frame for the frame of the same number."""

    __tablename__ = "job_dependency"

    job_id: UUID = Field(primary_key=True, foreign_key="job.id")
    on_job_id: UUID = Field(primary_key=True, foreign_key="job.id")
    kind: str = words()
    seen_seq: int = big_integer(default=-1)
    """The event of the other job up to which its frames have been let through; of kind frame only."""


class JobBlockTable(SQLModel, table=True):
    """A node on which this job keeps failing. Deleting the row resets it."""

    __tablename__ = "job_block"

    job_id: UUID = Field(primary_key=True, foreign_key="job.id")
    node: str = words(primary_key=True)
    pipeline: str = words(primary_key=True)
    failures: int = 0
    blocked_at: datetime | None = instant(default=None)


class JobTable(SQLModel, table=True):
    """One request. Whoever changes anything of a job locks its row first."""

    __tablename__ = "job"

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    model_id: UUID = Field(foreign_key="model.id")
    name: str = words()
    spec: dict[str, Any] = json()
    state: str = words()
    end_reason: str | None = words(default=None)
    message: str | None = words(default=None)
    priority_rank: int = small_integer()
    """0 starts first."""
    weight: int
    total: int
    committed: int = 0
    reused: int = 0
    failed: int = 0
    canceled: int = 0
    """Frames that ended with the job and have no result row: a million of them cost nothing."""
    skipped: int = 0
    generation: int = 1
    """Raised by a retry; results of earlier generations stay."""
    engine_version: str | None = words(default=None)
    """Pinned when the job starts, so that all its frames are made by one version."""
    device_class: str | None = words(default=None)
    render_key: str | None = words(default=None)
    """What the fingerprints of its frames share (``jobs.fingerprint.render_key``)."""
    wait_reason: str | None = words(default=None)
    event_seq: int = big_integer(default=0)
    """Sequence number of its last event; counted under the row's lock, so there is no gap."""
    render_ms_sum: float = 0.0
    render_count: int = 0
    warm_count: int = 0
    cold_count: int = 0
    max_replicas: int | None = None
    """Chunks of it in flight at once, at most."""
    scouts: int | None = None
    """Positions handed out before a person must approve the rest; None: no approval."""
    approved_at: datetime | None = instant(default=None)
    start_before: datetime | None = instant(default=None)
    finish_before: datetime | None = instant(default=None)
    split_parts: int = 1
    """Replicas that share one frame."""
    cloned_from: UUID | None = None
    reuse_next: int = 0
    """Ordinals below it have been looked up for reuse."""
    charged_ms: float = 0.0
    """How much of ``render_ms_sum`` has been added to the project's charge."""
    suspects: int = 0
    """Frames with a flag."""
    expires_at: datetime | None = instant(default=None)
    """When its outputs end; None: never, or not decided yet."""
    expires_by_farm: bool = False
    """The farm's retention gave it, and not a person."""
    expiry_told_for: datetime | None = instant(default=None)
    """The ``expires_at`` that was told of."""
    outputs_expired_at: datetime | None = instant(default=None)
    """When its outputs ended."""
    given_at: datetime | None = instant(default=None)
    """When a replica was last given work of it."""
    running_since: datetime | None = instant(default=None)
    """When it last began to run, also after a pause, an approval or a retry; ``started_at`` is the first time."""
    renders_before: int = 0
    """``render_count`` at that time: the pace counts from there."""
    idempotency_key: str | None = words(default=None)
    traceparent: str | None = words(default=None)
    """W3C trace context of the request that made it; None: it is in no trace."""
    tags: list[str] = word_list(default_factory=list)
    """Without repeats; as they are now, like show and shot: the spec says what was asked for."""
    show: str | None = words(default=None)
    shot: str | None = words(default=None)
    submitted_by: str | None = words(default=None)
    """A person's e-mail address, or ``key`` and its name; None: the farm itself, or before it was kept."""
    destination_id: UUID | None = None
    """Where its files are delivered; it may be gone by now."""
    delivery_open: bool = False
    """Files of it were queued for delivery since the end of its delivery was told."""
    created_at: datetime = instant()
    started_at: datetime | None = instant(default=None)
    ended_at: datetime | None = instant(default=None)
