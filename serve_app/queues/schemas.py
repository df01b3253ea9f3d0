"""What the routes of the queue take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from jobs.spec import plain_text
from jobs.states import JobState
from serve_app.status.schemas import QueueView


class WaitView(BaseModel):
    """Jobs that wait for one reason."""

    reason: str = Field(examples=["no_capacity"])
    words: str = Field(description="The reason for people.")
    jobs: int
    oldest_at: datetime = Field(description="When the oldest of them was submitted.")


class ClassQueue(QueueView):
    """Jobs of one class that have not ended, and what they wait for."""

    waits: list[WaitView] = Field(description="The most frequent first.")


class PoolClass(BaseModel):
    """Chunks of one class at the replicas of a pool."""

    priority: str
    running: int
    staged: int = Field(description="Behind one that runs.")
    oldest_staged_s: float | None = None


class PoolQueue(BaseModel):
    """What a pool has and holds. Work that waits belongs to no pool before it is handed out."""

    name: str
    cluster: str
    desired: int | None = Field(description="Slots that the last plan could use: the depth of its queue and what runs.")
    replicas: int
    accepting: int = Field(description="Replicas that take new work.")
    busy: int
    draining: int
    disabled: int = Field(description="By themselves or by their machine.")
    classes: list[PoolClass]


class ProjectQueue(BaseModel):
    """Work of a project, and what it is owed."""

    project: str = Field(description="Slug.")
    weight: int
    share: float = Field(description="Part of the farm that its weight gives it among the projects listed, 0 to 1.")
    used: float = Field(description="Part that it has had of what these projects used lately, 0 to 1.")
    used_s: float = Field(description="Weighted slot-seconds, the older ones forgiven.")
    waiting: int
    running: int
    held: int
    frames: int = Field(description="Without an outcome, of jobs that are queued or running.")
    oldest_s: float | None = None
    chunks: int = Field(description="At replicas now.")
    stopped: str | None = Field(None, description="Why nothing of it starts: budget, credits or maintenance.")


class TaskQueue(BaseModel):
    """Work beside the replicas: probes of models, merges of split frames, films and previews."""

    kind: str = Field(examples=["probe"])
    waiting: int
    running: int
    oldest_s: float | None = None


class Queues(BaseModel):
    """The whole queue in counts."""

    classes: list[ClassQueue] = Field(description="The most urgent first.")
    pools: list[PoolQueue]
    projects: list[ProjectQueue] = Field(description="Who is owed most comes first.")
    tasks: list[TaskQueue]


class TroubledJob(BaseModel):
    """A job of some project that wants an operator's eye."""

    id: UUID
    name: str
    project: str = Field(description="Slug.")
    priority: str
    state: JobState
    reason: str | None = Field(description="What it waits for; null: it waits for nothing.")
    words: str | None = Field(description="The reason for people.")
    created_at: datetime
    total: int
    failed: int = Field(description="Frames that failed for good.")
    frames: int = Field(description="Without an outcome.")


class FarmBlock(BaseModel):
    """What one machine has cost a job of some project."""

    project: str = Field(description="Slug.")
    job: UUID
    job_name: str
    node: str
    pipeline: str
    failures: int
    blocked: bool = Field(description="The job's work no longer goes there.")
    blocked_at: datetime | None = None


class BlockReset(BaseModel):
    """Which machine is well again."""

    model_config = ConfigDict(extra="forbid")

    node: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(plain_text)]


class BlocksForgotten(BaseModel):
    """What a reset has done."""

    jobs: int = Field(description="Jobs that may use the machine again.")
    more: bool = Field(description="There are others: send it again.")
