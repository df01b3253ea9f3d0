"""The planner's view of the farm, and its answer: frozen values, so that planning is a pure function.

``cluster`` reads a ``Snapshot`` from the database, ``jobs.plan.make_plan`` answers with a ``Plan``, and the
dispatcher writes it down under its epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from jobs.settings import FarmSettings
from jobs.spec import PriorityClass


class WaitReason(StrEnum):
    """Why a job has work that no replica has."""

    NO_CAPACITY = "no_capacity"
    """Every replica that fits is busy."""
    NO_REPLICA_FITS = "no_replica_fits"
    """No replica has the labels and the device, and runs the pipeline."""
    STARTING_REPLICA = "starting_replica"
    """None is up; the pool has been asked for one."""
    PAUSED = "paused"
    APPROVAL = "approval"
    DEPENDENCY = "dependency"
    QUOTA = "quota"
    """The project has as much in flight, or as many jobs running, as its quota allows."""
    BUDGET = "budget"
    """The project's budget is spent."""
    CREDITS = "credits"
    """The project pays in advance, and what it paid is used up."""
    MAINTENANCE = "maintenance"
    """The farm hands out nothing for now."""
    SHARE = "share"
    STORAGE = "storage"
    """Files cannot be stored or had; nothing is lost, and it goes on by itself."""
    LICENCE = "licence"
    """Every licence that it needs is in use."""
    CAP = "cap"
    """As many replicas render it as it asked for."""
    BLOCKED_NODES = "blocked_nodes"
    """Every node that fits has failed it too often."""
    ENGINE_VERSION = "engine_version"
    """Only replicas with another engine version are up."""

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS = {
    WaitReason.NO_CAPACITY: "The frames that are left wait for a free worker.",
    WaitReason.NO_REPLICA_FITS: "No worker fits: check the job's labels, its pipeline, and the device it is pinned to.",
    WaitReason.STARTING_REPLICA: "No worker is up yet; one has been asked for.",
    WaitReason.PAUSED: "The job is paused.",
    WaitReason.APPROVAL: "The scout frames are done and wait for approval.",
    WaitReason.DEPENDENCY: "It waits for another job.",
    WaitReason.QUOTA: "The project's quota is used up.",
    WaitReason.BUDGET: "The project's budget is spent.",
    WaitReason.CREDITS: "The project's credits are used up.",
    WaitReason.MAINTENANCE: "The farm is under maintenance and hands out nothing for now.",
    WaitReason.SHARE: "Other projects are owed their share first.",
    WaitReason.STORAGE: "Frames wait until storage gives their model's files, or takes what is rendered.",
    WaitReason.LICENCE: "Every licence that it needs is in use.",
    WaitReason.CAP: "As many workers render it as its max_replicas allows.",
    WaitReason.BLOCKED_NODES: "Every machine that fits has failed it too often; see its blocklist.",
    WaitReason.ENGINE_VERSION: "It is pinned to an engine version that no worker runs now.",
}


_NO_MAPPING: Mapping[str, Any] = MappingProxyType({})

Positive = Annotated[timedelta, Field(gt=timedelta(0))]


class PlanSettings(FarmSettings):
    """Read from ``RAYFARM_PLAN_*``."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_PLAN_", frozen=True)

    # --- chunks ---
    chunk_target: Positive = timedelta(seconds=4)
    """Aimed run time of a chunk: long against a hand-out (some ms), short against a person's patience. Also what a
    chunk is charged while no frame of its job has been timed."""
    max_chunk_frames: int = Field(250, ge=1)
    """Frames in one chunk at most; bounds the size of a row and of a commit."""
    first_chunk_frames: int = Field(1, ge=1)
    """Frames in a chunk while no frame of the job has been timed."""
    staged_chunks: int = Field(1, ge=0, le=8)
    """Chunks assigned behind the running one, so that a replica never waits for the planner."""

    # --- one tick ---
    placements_per_tick: int = Field(500, ge=1)
    """Chunks that one tick hands out, and replicas of a kind that it looks at for each use. A hand-out costs the
    database a fraction of a millisecond under lock, and an urgent frame that comes meanwhile waits for the tick."""
    preemptions_per_tick: int = Field(100, ge=0)
    """Staged chunks of lower classes that one tick takes back for higher ones, and replicas of a kind that it looks at
    for it: those with the lowest class first. The next tick goes on."""
    jobs_per_project: int = Field(200, ge=1)
    """Jobs of one project that a tick looks at, beside those with chunks in flight: the most urgent ones. It bounds
    what a tick costs when a project queues ten thousand jobs."""
    changes_from: int = Field(500, ge=1)
    """Live jobs and replicas together from which on a tick reads only what was written since the tick before. With
    fewer it costs little to read all."""
    read_whole_every: Positive = timedelta(seconds=1)
    """After so long all is read again. Meanwhile the times of jobs that nobody wrote to (how long they wait, how long
    until their deadline) stay as they were, and so does the number of replicas that nothing can be given."""

    # --- shares ---
    share_half_life: Positive = timedelta(minutes=30)
    """What a project has used counts half after so long: how soon use of an idle farm is forgiven."""
    starvation_limit: Positive = timedelta(minutes=2)
    """A project that waits with nothing in flight for so long goes first in its class, whatever it has used; and so
    does a job among those of its project."""
    deadline_part: float = Field(0.5, ge=0, le=1)
    """Part of a project's chunks in flight that its jobs behind their deadline may take before its other jobs."""

    # --- resident models ---
    residency_window: Annotated[timedelta, Field(ge=timedelta(0))] = timedelta(seconds=10)
    """How far a project may get ahead because a free replica holds its model: the time of the whole farm."""
    residency_wait: Annotated[timedelta, Field(ge=timedelta(0))] = timedelta(seconds=5)
    """Longest that a job waits for a replica that holds its model, or lets one pass that holds another's."""
    model_load: Annotated[timedelta, Field(ge=timedelta(0))] = timedelta(seconds=1)
    """What loading a model is taken to cost. A chunk goes behind the busy replica that holds its model, past an idle
    one, only where that replica is expected to be free sooner than this."""


class StagedChunk(NamedTuple):
    work_id: int
    job_id: UUID
    waited_s: float = 0.0
    """seconds since it was assigned"""


class ReplicaView(NamedTuple):
    """One live slot.

    Thousands of it and of ``JobView`` are made in each tick, and a frozen data class takes twice as long to make.
    """

    id: UUID
    pool: str
    node: str = ""
    labels: Mapping[str, str] = _NO_MAPPING
    engines: Mapping[str, str] = _NO_MAPPING
    """pipeline -> engine version"""
    device_class: str = "cpu"
    residents: frozenset[str] = frozenset()
    """digests of the models it keeps loaded"""
    busy_chunks: int = 0
    """chunks leased or rendering on it"""
    busy_job: UUID | None = None
    """whose chunk that is; any of them where they are several"""
    busy_frames: int = 0
    """frames left in those chunks"""
    staged: tuple[StagedChunk, ...] = ()
    """chunks assigned to it that it has not claimed"""
    accepts_work: bool = True
    """False: draining or disabled"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseChunk:
    """A chunk that was carved before and has no replica: a retry, a rescue, a take-back."""

    work_id: int
    frames: int
    avoid: frozenset[UUID] = frozenset()
    """replicas on which its frame failed"""


class JobView(NamedTuple):
    """One job with work to place, or with chunks in flight. What never changes comes first."""

    id: UUID
    project_id: UUID
    pipeline: str
    model_digest: str
    created_order: float = 0.0
    """seconds; the older job goes first among equals"""
    labels: Mapping[str, str] = _NO_MAPPING
    """what it asks of a replica's labels, see ``jobs.labels``"""
    licences: Mapping[str, int] = _NO_MAPPING
    """licence -> how many each of its chunks holds, staged or running"""
    split_parts: int = 1
    """parts of each frame; above 1, ``Carve`` hands out one part, whatever its ``frames``"""

    started: bool = True
    """False: not pinned to an engine yet; it waits and asks for replicas, and gets none"""
    stopped: bool = False
    """True: paused, or about to end; only what it has in flight counts"""
    priority: PriorityClass = PriorityClass.NORMAL
    weight: int = 100
    engine_version: str | None = None
    """pinned by the first attempt"""
    device_class: str | None = None
    max_replicas: int | None = None
    """chunks in flight at most"""
    blocked_nodes: frozenset[str] = frozenset()
    """nodes on which its pipeline has failed it too often"""
    uncarved: int = 0
    """frames that no chunk holds and that may be carved; where frames are split, their parts"""
    gated: bool = False
    """further frames wait for the same frames of another job"""
    loose: tuple[LooseChunk, ...] = ()
    active_chunks: int = 0
    """chunks with a replica"""
    active_frames: int = 0
    """frames left in them"""
    frame_seconds: float | None = None
    """mean measured time of a frame, or of a part"""
    waited_s: float = 0.0
    """seconds since it was last given something, or since it was submitted"""
    finish_in_s: float | None = None
    """seconds to its deadline; None: it has none"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectView:
    """A tenant's claim on the farm."""

    id: UUID
    weight: int = 100
    charged_s: float = 0.0
    """slot-seconds used, decayed until now; what is in flight comes on top"""
    stopped: WaitReason | None = None
    """why nothing more of it starts; what runs finishes"""
    slots: int | None = None
    """chunks in flight at most; None: no quota"""
    free_jobs: int | None = None
    """further jobs of it that may start; None: no quota"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdView:
    """Replicas that take work, and of which no plan could use one: they are alike, and have all that they may have."""

    pool: str
    replicas: int
    nodes: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    engines: Mapping[str, str] = field(default_factory=dict)
    device_class: str = "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    replicas: tuple[ReplicaView, ...]
    jobs: tuple[JobView, ...]
    crowds: tuple[CrowdView, ...] = ()
    """beside ``replicas``: they say what there is, and get nothing"""
    projects: tuple[ProjectView, ...] = ()
    """one that is not named has weight 100 and has used nothing"""
    licences: Mapping[str, int] = field(default_factory=dict)
    """licence -> how many there are; one that is not named does not exist, and is waited for"""
    pools: tuple[str, ...] = ("default",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carve:
    """Carve ``frames`` new frames of the job for this replica."""

    replica_id: UUID
    job_id: UUID
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign:
    """Give this replica a chunk that exists."""

    replica_id: UUID
    job_id: UUID
    work_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBack:
    """Free a staged chunk: an idle replica can start it now, or something more urgent comes first."""

    replica_id: UUID
    work_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    placements: tuple[Carve | Assign, ...] = ()
    take_backs: tuple[TakeBack, ...] = ()
    waits: Mapping[UUID, WaitReason] = field(default_factory=dict)
    """job -> why it has unplaced work"""
    backlog: Mapping[str, int] = field(default_factory=dict)
    """pool -> slots that runnable work could use, those in use counted"""
