"""Who is next in line: what projects have used, and the order of jobs within a priority class.

A project's *share* is what it has used within a decaying window, plus what it has in flight by estimate, over its
weight; the project with the least goes first. Within a project the job with the fewest chunks in flight for its weight
goes first, then the older one; a job that would miss its deadline goes before both, within bounds.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush

from jobs.fitting import Fitting, JobKind
from jobs.planning import JobView, LooseChunk, PlanSettings, ProjectView, WaitReason

_FULL_WEIGHT = 100.0
_USABLE = 0.8
"""Part of the time to a deadline that is planned with; the rest is for frames that take longer than the mean."""
_TIGHT = 0.5
"""Part of the time to its deadline that one replica needs for a job, above which the deadline counts."""


@dataclass(slots=True, eq=False)
class Account:
    """What a project has used and has in flight while the plan is made; slot-seconds."""

    project: ProjectView
    used_s: float = 0.0
    in_flight: int = 0
    hurried: int = 0
    """Chunks of it that jobs behind their deadline have in flight."""
    waited_s: float = math.inf
    """Since any of its jobs was given something."""
    oldest: float = math.inf
    """When its oldest job was submitted; decides between equals."""

    @property
    def share(self) -> float:
        return self.used_s * _FULL_WEIGHT / self.project.weight

    @property
    def at_quota(self) -> bool:
        slots = self.project.slots
        return slots is not None and self.in_flight >= slots

    def starves(self, settings: PlanSettings) -> bool:
        return self.in_flight == 0 and self.waited_s >= settings.starvation_limit.total_seconds()


@dataclass(slots=True, eq=False)
class Demand:
    """What a job still wants while the plan is made."""

    view: JobView
    account: Account
    kind: JobKind
    loose: list[LooseChunk]
    uncarved: int
    in_flight: int
    needed: int = 0
    """Chunks that it must have in flight to meet its deadline."""
    served: bool = False
    """Whether this plan gave it something."""

    @property
    def waits(self) -> bool:
        return bool(self.loose) or self.uncarved > 0

    @property
    def at_cap(self) -> bool:
        cap = self.view.max_replicas
        return cap is not None and self.in_flight >= cap

    @property
    def wants(self) -> bool:
        """Whether it may be given something now: what an unpinned job got would be dropped, and starve the others."""
        view = self.view
        return (
            (self.uncarved > 0 or bool(self.loose))
            and view.started
            and not view.stopped
            and self.account.project.stopped is None
            and not self.account.at_quota
            and (view.max_replicas is None or self.in_flight < view.max_replicas)
        )

    @property
    def withheld(self) -> WaitReason | None:
        """What keeps it from starting or going on, whoever is free; None: nothing."""
        project = self.account.project
        if project.stopped is not None:
            return project.stopped
        if not self.view.started and project.free_jobs is not None and project.free_jobs <= 0:
            return WaitReason.QUOTA
        return None

    @property
    def late(self) -> bool:
        """Whether it has less in flight than its deadline asks for."""
        return self.in_flight < self.needed

    def charge(self, frames: int, settings: PlanSettings) -> None:
        """A chunk of ``frames`` frames is handed out."""
        self.account.hurried += self.late
        self.account.used_s += chunk_seconds(self.view, frames, settings)
        self.account.in_flight += 1
        self.in_flight += 1
        self.served = True


def chunk_seconds(job: JobView, frames: int, settings: PlanSettings) -> float:
    """What a chunk is expected to take; the target run time while no frame of the job has been timed."""
    if job.frame_seconds is None:
        return settings.chunk_target.total_seconds()
    return frames * job.frame_seconds


def needed_for_deadline(job: JobView, settings: PlanSettings) -> int:
    """Chunks in flight from now on that meet the job's deadline, those that are staged counted; 0 while there is time
    to spare: one replica would do it twice."""
    if job.finish_in_s is None:
        return 0
    frames = job.uncarved + sum(chunk.frames for chunk in job.loose) + job.active_frames
    seconds = frames * (job.frame_seconds or settings.chunk_target.total_seconds())
    places = 1 + settings.staged_chunks
    queueing_s = settings.chunk_target.total_seconds() * places  # what it gets waits behind a running chunk
    parallel = seconds / max(job.finish_in_s * _USABLE - queueing_s, 1e-3)
    return min(frames, math.ceil(parallel * places)) if parallel > _TIGHT else 0


def open_accounts(
    jobs: Iterable[JobView], projects: Iterable[ProjectView], fitting: Fitting, settings: PlanSettings
) -> list[Demand]:
    """Demands of the jobs, in a fixed order, charged with what they have in flight."""
    # by number: the hash of a UUID is computed anew, in Python, whenever it is looked up
    accounts = {project.id.int: Account(project, used_s=project.charged_s) for project in projects}
    demands: list[Demand] = []
    kind_of = fitting.of
    for job in sorted(jobs, key=_age):
        account = accounts.get(job.project_id.int)
        if account is None:
            account = accounts[job.project_id.int] = Account(ProjectView(id=job.project_id))
        active = job.active_chunks
        demand = Demand(job, account, kind_of(job), [*job.loose], job.uncarved, active)
        if job.finish_in_s is not None:
            demand.needed = needed_for_deadline(job, settings)
            account.hurried += min(active, demand.needed)
        if active:
            account.in_flight += active
            account.used_s += chunk_seconds(job, job.active_frames, settings)
        if job.waited_s < account.waited_s:
            account.waited_s = job.waited_s
        if job.created_order < account.oldest:
            account.oldest = job.created_order
        demands.append(demand)
    return demands


def _age(job: JobView) -> tuple[float, int]:
    return job.created_order, job.id.int


class Line:
    """Demands of one priority class, the next one first. Whoever is served or sent away changes the order.

    Keys only grow while a plan is made (shares, chunks in flight), so an entry that has become stale is noticed when
    it comes up, and put back where it belongs now.
    """

    def __init__(self, demands: Iterable[Demand], settings: PlanSettings) -> None:
        self._settings = settings
        self._away: list[Demand] = []
        self._jobs: dict[Account, _JobsOfProject] = {}
        self._demands = list(demands)
        by_account: dict[Account, list[Demand]] = defaultdict(list)
        for demand in self._demands:
            by_account[demand.account].append(demand)
        for account, theirs in by_account.items():
            self._jobs[account] = _JobsOfProject(theirs, settings)
        self._heap: list[tuple[tuple[bool, float, float], int, Account]] = []
        self.form_again()

    @cached_property
    def by_model(self) -> Mapping[str, list[Demand]]:
        """Those that ask for the same model."""
        found: dict[str, list[Demand]] = defaultdict(list)
        for demand in self._demands:
            found[demand.view.model_digest].append(demand)
        return found

    def form_again(self) -> None:
        """Those that were sent away come back, for the next round."""
        for demand in self._away:
            self._jobs[demand.account].add(demand)
        self._away = []
        self._heap = [(self._key(account), account.project.id.int, account) for account in self._jobs]
        heapify(self._heap)

    def first(self) -> Demand | None:
        """Who is next; stays in the line until sent away."""
        while self._heap:
            key, number, account = self._heap[0]
            demand = self._jobs[account].first()
            if demand is None:
                heappop(self._heap)
            elif key != (now := self._key(account)):
                heappop(self._heap)
                heappush(self._heap, (now, number, account))
            else:
                return demand
        return None

    def send_away(self, demand: Demand) -> None:
        """It gets nothing more in this round: nobody that is free fits it."""
        self._away.append(demand)
        self._jobs[demand.account].remove(demand)

    def _key(self, account: Account) -> tuple[bool, float, float]:
        return (not account.starves(self._settings), account.share, account.oldest)


class _JobsOfProject:
    """The jobs of one project within one class."""

    def __init__(self, demands: Sequence[Demand], settings: PlanSettings) -> None:
        self._starvation_s = settings.starvation_limit.total_seconds()
        self._deadline_part = settings.deadline_part
        self._away: set[Demand] = set()
        self._late = [self._slack(demand) for demand in demands if demand.late]
        self._heap = [self._entry(demand) for demand in demands]
        heapify(self._late)
        heapify(self._heap)

    def add(self, demand: Demand) -> None:
        self._away.discard(demand)
        if demand.late:
            heappush(self._late, self._slack(demand))
        heappush(self._heap, self._entry(demand))

    def remove(self, demand: Demand) -> None:
        self._away.add(demand)

    def first(self) -> Demand | None:
        while self._late and (self._gone(self._late[0][3]) or not self._late[0][3].late):
            heappop(self._late)
        if self._late and self._may_hurry(self._late[0][3].account):
            return self._late[0][3]
        while self._heap:
            demand = self._heap[0][3]
            if self._gone(demand):
                heappop(self._heap)
            elif self._heap[0] != (entry := self._entry(demand)):
                heappop(self._heap)
                heappush(self._heap, entry)
            else:
                return demand
        return None

    def _may_hurry(self, account: Account) -> bool:
        return account.hurried < self._deadline_part * (account.in_flight + 1)

    def _gone(self, demand: Demand) -> bool:
        return demand in self._away or not demand.wants

    @staticmethod
    def _slack(demand: Demand) -> tuple[float, float, int, Demand]:
        """The least slack first."""
        return (demand.view.finish_in_s or 0.0, demand.view.created_order, demand.view.id.int, demand)

    def _entry(self, demand: Demand) -> tuple[tuple[float, float], float, int, Demand]:
        """Who starves, the longest first; then who has least in flight for its weight, what it would get included."""
        job = demand.view
        if demand.in_flight == 0 and job.waited_s >= self._starvation_s:
            return ((-job.waited_s, 0.0), job.created_order, job.id.int, demand)
        return ((0.0, (demand.in_flight + 1) / job.weight), job.created_order, job.id.int, demand)


class Licences:
    """What is left of each counted licence while the plan is made."""

    def __init__(self, capacity: Mapping[str, int], jobs: Iterable[JobView]) -> None:
        self._free = dict(capacity)
        for job in jobs:
            for name, count in job.licences.items():
                self._free[name] = self._free.get(name, 0) - count * job.active_chunks

    def chunks(self, job: JobView, *, at_most: int) -> int:
        """Chunks of the job that the free licences allow, up to ``at_most``."""
        if not job.licences:
            return at_most
        return min(
            at_most, *(max(self._free.get(name, 0), 0) // count for name, count in job.licences.items()), at_most
        )

    def allow(self, job: JobView) -> bool:
        return not job.licences or self.chunks(job, at_most=1) > 0

    def take(self, job: JobView, chunks: int = 1) -> None:
        for name, count in job.licences.items():
            self._free[name] = self._free.get(name, 0) - count * chunks
