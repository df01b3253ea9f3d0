"""The farm itself: replicas, leaders, pools."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Computed
from sqlmodel import Field, SQLModel

from db.tables._columns import big_integer, instant, json, small_integer, uuid_list, words

_ALIKE = (
    "jsonb_hash_extended(labels, 1) # jsonb_hash_extended(engines, 2) # hashtextextended(pool, 3)"
    " # hashtextextended(device_class, 4)"
)


class ReplicaTable(SQLModel, table=True):
    """One process of one slot; a restarted one has a new id."""

    __tablename__ = "replica"

    id: UUID = Field(primary_key=True)
    cluster_id: str = words()
    pool: str = words()
    node: str = words()
    serve_id: str = words()
    labels: dict[str, Any] = json()
    engines: dict[str, Any] = json()
    """pipeline -> engine version"""
    device_class: str = words()
    residents: list[Any] = json()
    """[{digest, project_id, bytes}]: models that it keeps loaded"""
    state: str = words()
    drain: bool = False
    """It shall finish its frame and give the rest back."""
    current: dict[str, Any] | None = json(default=None)
    """What it renders, for people."""
    disabled: bool = False
    """An operator keeps work from it; it stays up."""
    disabled_reason: str | None = words(default=None)
    """Why, for people."""
    frames: int = big_integer(default=0)
    """Frames that it has committed."""
    failures: int = big_integer(default=0)
    """Attempts that failed on it, by whatever fault."""
    ray_node: str | None = words(default=None)
    """Ray's id of the node process that it lives under: what Ray's drains name."""
    drain_reason: str | None = words(default=None)
    """Why it shall leave, for people."""
    drain_by: datetime | None = instant(default=None)
    """When its machine goes; a frame that renders then is given back."""
    alike: int | None = big_integer(default=None, sa_column_args=[Computed(_ALIKE, persisted=True)])
    """Equal where all is equal that a job may ask for: pool, labels, engines, device."""
    started_at: datetime = instant()
    beat_at: datetime = instant()
    gone_at: datetime | None = instant(default=None)


class NodeTable(SQLModel, table=True):
    """A machine that somebody has said something about; a disabled one gets no work."""

    __tablename__ = "node"

    cluster_id: str = words(primary_key=True)
    name: str = words(primary_key=True)
    disabled: bool = False
    reason: str | None = words(default=None)
    updated_at: datetime = instant()
    disabled_by: str = words(default="operator")
    """operator or schedule: each takes back only what it has said."""


class WorkerScheduleTable(SQLModel, table=True):
    """When machines may render."""

    __tablename__ = "worker_schedule"

    name: str = words(primary_key=True)
    schedule: dict[str, Any] = json()
    """A ``jobs.schedules.Schedule``."""
    set_by: str = words()
    updated_at: datetime = instant()


class LicenceTable(SQLModel, table=True):
    """A counted resource that running chunks share: at most ``capacity`` of it in use on the whole farm."""

    __tablename__ = "licence"

    name: str = words(primary_key=True)
    capacity: int


class MaintenanceTable(SQLModel, table=True):
    """One row: whether the farm is read-only."""

    __tablename__ = "maintenance"

    id: bool = Field(default=True, primary_key=True)
    active: bool = False
    drain: bool = False
    """Nothing is handed out either."""
    message: str = words(default="")
    since: datetime | None = instant(default=None)
    set_by: str | None = words(default=None)


class FeatureFlagTable(SQLModel, table=True):
    """A switch that somebody has set; which there are, ``jobs.features`` says."""

    __tablename__ = "feature_flag"

    name: str = words(primary_key=True)
    enabled: bool
    projects: list[UUID] = uuid_list(default_factory=list)
    """They have it whatever ``percent`` is."""
    percent: int = small_integer(default=100)
    """Of all projects, so many have it."""
    note: str = words(default="")
    """Why, for whoever is refused."""
    changed_by: str = words()
    changed_at: datetime = instant()


class LoopHealthTable(SQLModel, table=True):
    """When a loop last ran, and how it went."""

    __tablename__ = "loop_health"

    name: str = words(primary_key=True)
    cluster_id: str = words(primary_key=True)
    every_ms: float
    """Pause between two ticks."""
    ran_at: datetime = instant()
    took_ms: float
    handled: int = big_integer(default=0)
    """Rows that it has handled in all."""
    failures: int = 0
    """Ticks that failed in a row."""
    error: str | None = words(default=None)


class EventTargetTable(SQLModel, table=True):
    """Where every event of a job is told; the rows of a cluster are what its settings say."""

    __tablename__ = "event_target"

    cluster_id: str = words(primary_key=True)
    url: str = words(primary_key=True)


class LeaderTable(SQLModel, table=True):
    """Who leads. A row and not a session lock: a stopped process would keep the lock."""

    __tablename__ = "leader"

    role: str = words(primary_key=True)
    cluster_id: str = words(primary_key=True)
    holder: UUID
    epoch: int = big_integer(unique=True)
    """Drawn from one sequence, so that it names one reign of one leader; each write of it carries it."""
    expires_at: datetime = instant()


class PoolTable(SQLModel, table=True):
    """How many replicas the planner wants; the autoscaling policy reads it."""

    __tablename__ = "pool"

    cluster_id: str = words(primary_key=True)
    name: str = words(primary_key=True)
    desired: int
    updated_at: datetime = instant()
