"""A farm in memory with a clock of its own: replicas take, load and render what the *real* planner hands them."""

from __future__ import annotations

import math
import random
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from uuid import UUID

from jobs.planning import (
    Assign,
    CrowdView,
    JobView,
    LooseChunk,
    Plan,
    PlanSettings,
    ProjectView,
    ReplicaView,
    Snapshot,
    StagedChunk,
)
from jobs.spec import PriorityClass

MODELS_PER_REPLICA = 4
"""Scenes that a replica keeps loaded; the least recently used one goes first."""


@dataclass(slots=True, eq=False)
class SimChunk:
    work_id: int
    job: SimJob
    frames: int
    given_at: float = 0.0
    seconds: float = 0.0
    """What it takes once it is started, the load of the model not counted."""


@dataclass(slots=True, eq=False)
class SimJob:
    """What a user submitted, and how far it is."""

    id: UUID
    project_id: UUID
    model: str
    frames: int
    mean_s: float
    """True mean time of a frame, which the farm learns by measuring."""
    spread: float = 0.0
    """Sigma of the log-normal around it."""
    submitted_at: float = 0.0
    load_s: float = 0.0
    """Time to load its model."""
    extra: dict[str, object] = field(default_factory=dict)
    """Fields of its ``JobView`` (labels, licences, max_replicas, priority …)."""
    uncarved: int = field(init=False)
    loose: list[SimChunk] = field(default_factory=list)
    active: dict[int, SimChunk] = field(default_factory=dict)
    done: int = 0
    rendered_s: float = 0.0
    given_at: float | None = None
    first_frame_at: float | None = None
    ended_at: float | None = None

    def __post_init__(self) -> None:
        self.uncarved = self.frames

    @property
    def priority(self) -> PriorityClass:
        return PriorityClass(str(self.extra.get("priority", PriorityClass.NORMAL)))

    def view(self, now: float) -> JobView:
        values = {key: value for key, value in self.extra.items() if key != "finish_before"}
        due = self.extra.get("finish_before")
        return JobView(
            id=self.id,
            project_id=self.project_id,
            pipeline="fake",
            model_digest=self.model,
            created_order=self.submitted_at,
            uncarved=self.uncarved,
            loose=tuple(LooseChunk(work_id=chunk.work_id, frames=chunk.frames) for chunk in self.loose),
            active_chunks=len(self.active),
            active_frames=sum(chunk.frames for chunk in self.active.values()),
            frame_seconds=self.rendered_s / self.done if self.done else None,
            waited_s=now - (self.submitted_at if self.given_at is None else self.given_at),
            finish_in_s=float(str(due)) - now if due is not None else None,
            **values,  # type: ignore[arg-type]
        )


@dataclass(slots=True, eq=False)
class SimReplica:
    """One slot."""

    id: UUID
    node: str
    labels: Mapping[str, str]
    residents: OrderedDict[str, None] = field(default_factory=OrderedDict)
    running: SimChunk | None = None
    staged: list[SimChunk] = field(default_factory=list)

    @property
    def load(self) -> int:
        return len(self.staged) + (self.running is not None)

    def view(self, now: float) -> ReplicaView:
        running = self.running
        return ReplicaView(
            id=self.id,
            pool="default",
            node=self.node,
            labels=self.labels,
            engines=_ENGINES,
            residents=frozenset(self.residents),
            busy_chunks=int(running is not None),
            busy_job=running.job.id if running else None,
            busy_frames=running.frames if running else 0,
            staged=tuple(
                StagedChunk(work_id=chunk.work_id, job_id=chunk.job.id, waited_s=now - chunk.given_at)
                for chunk in self.staged
            ),
        )


_ENGINES = {"fake": "fake 1"}


class SimFarm:
    """``snapshot`` → ``make_plan`` → ``apply`` → ``advance``; nothing is random but by ``seed``."""

    def __init__(self, replicas: Iterable[SimReplica], *, seed: int = 0, settings: PlanSettings | None = None) -> None:
        self.settings = settings or PlanSettings()
        self.now = 0.0
        self.replicas = {replica.id: replica for replica in replicas}
        self.jobs: dict[UUID, SimJob] = {}
        self.weights: dict[UUID, int] = {}
        self.licences: dict[str, int] = {}
        self.warm = self.cold = 0
        self.used_s: dict[UUID, float] = defaultdict(float)
        """Slot-seconds by project, not decayed."""
        self.ended: list[SimJob] = []
        self.starts: list[tuple[float, SimJob]] = []
        self._charged: dict[UUID, tuple[float, float]] = {}
        self._events: list[tuple[float, int, SimReplica, SimChunk]] = []
        self._numbers = count(1)
        self._random = random.Random(seed)

    def submit(self, job: SimJob) -> SimJob:
        job.submitted_at = self.now
        self.jobs[job.id] = job
        return job

    @property
    def busy(self) -> int:
        return sum(replica.running is not None for replica in self.replicas.values())

    def snapshot(self) -> Snapshot:
        """As the database's reader makes it: replicas that no plan could use are only counted."""
        waiting = [job for job in self.jobs.values() if job.uncarved or job.loose]
        most_urgent = min((job.priority.rank for job in waiting), default=len(PriorityClass))
        room = self.settings.staged_chunks
        idle = any(not replica.load for replica in self.replicas.values())
        listed: list[SimReplica] = []
        crowds: dict[tuple[tuple[str, str], ...], list[SimReplica]] = defaultdict(list)
        for replica in self.replicas.values():
            usable = replica.load <= room or any(
                idle or chunk.job.priority.rank > most_urgent for chunk in replica.staged
            )
            if usable:
                listed.append(replica)
            else:
                crowds[tuple(sorted(replica.labels.items()))].append(replica)
        return Snapshot(
            replicas=tuple(replica.view(self.now) for replica in listed),
            crowds=tuple(
                CrowdView(pool="default", replicas=len(alike), labels=alike[0].labels, engines=_ENGINES)
                for alike in crowds.values()
            ),
            jobs=tuple(job.view(self.now) for job in self.jobs.values()),
            projects=tuple(
                ProjectView(id=project, weight=self.weights.get(project, 100), charged_s=self._decayed(project))
                for project in {*self._charged, *self.weights}
            ),
            licences=dict(self.licences),
        )

    def apply(self, plan: Plan) -> None:
        """Write the plan down; idle replicas start at once."""
        for back in plan.take_backs:
            replica = self.replicas[back.replica_id]
            [chunk] = [chunk for chunk in replica.staged if chunk.work_id == back.work_id]
            replica.staged.remove(chunk)
            del chunk.job.active[chunk.work_id]
            chunk.job.loose.append(chunk)
        for placement in plan.placements:
            job, replica = self.jobs[placement.job_id], self.replicas[placement.replica_id]
            if isinstance(placement, Assign):
                [chunk] = [chunk for chunk in job.loose if chunk.work_id == placement.work_id]
                job.loose.remove(chunk)
            else:
                chunk = SimChunk(next(self._numbers), job, min(placement.frames, job.uncarved))
                assert chunk.frames > 0, "the planner carved more than there is"
                job.uncarved -= chunk.frames
            chunk.given_at = job.given_at = self.now
            job.active[chunk.work_id] = chunk
            replica.staged.append(chunk)
            replica.staged.sort(key=lambda each: (each.job.priority.rank, each.work_id))
            if replica.running is None:
                self._start(replica)

    def advance(self, until: float) -> list[tuple[SimJob, int]]:
        """Let time pass; what was finished meanwhile, as (job, frames)."""
        finished: list[tuple[SimJob, int]] = []
        while self._events and self._events[0][0] <= until:
            self.now, _, replica, chunk = heappop(self._events)
            finished.append((chunk.job, chunk.frames))
            self._finish(replica, chunk)
        self.now = max(self.now, until)
        return finished

    def next_event(self) -> float | None:
        """When the next chunk ends."""
        return self._events[0][0] if self._events else None

    def charged(self, project: UUID) -> float:
        """Decayed slot-seconds of a project, what it has in flight not counted."""
        return self._decayed(project)

    def _start(self, replica: SimReplica) -> None:
        chunk = replica.staged.pop(0)
        job = chunk.job
        is_warm = job.model in replica.residents
        self.warm += chunk.frames if is_warm else chunk.frames - 1
        self.cold += 0 if is_warm else 1
        replica.residents[job.model] = None
        replica.residents.move_to_end(job.model)
        while len(replica.residents) > MODELS_PER_REPLICA:
            replica.residents.popitem(last=False)
        self.starts.append((self.now, job))
        chunk.seconds = sum(self._frame_s(job) for _ in range(chunk.frames))
        replica.running = chunk
        ends_at = self.now + chunk.seconds + (0.0 if is_warm else job.load_s)
        heappush(self._events, (ends_at, next(self._numbers), replica, chunk))

    def _frame_s(self, job: SimJob) -> float:
        return job.mean_s * (math.exp(self._random.gauss(0.0, job.spread)) if job.spread else 1.0)

    def _finish(self, replica: SimReplica, chunk: SimChunk) -> None:
        job = chunk.job
        del job.active[chunk.work_id]
        job.done += chunk.frames
        job.rendered_s += chunk.seconds
        self._charge(job.project_id, chunk.seconds)
        if job.first_frame_at is None:
            job.first_frame_at = self.now
        replica.running = None
        if replica.staged:
            self._start(replica)
        if job.done == job.frames:
            job.ended_at = self.now
            self.ended.append(self.jobs.pop(job.id))

    def _charge(self, project: UUID, seconds: float) -> None:
        self.used_s[project] += seconds
        self._charged[project] = (self._decayed(project) + seconds, self.now)

    def _decayed(self, project: UUID) -> float:
        charged, at = self._charged.get(project, (0.0, self.now))
        return charged * math.pow(0.5, (self.now - at) / self.settings.share_half_life.total_seconds())
