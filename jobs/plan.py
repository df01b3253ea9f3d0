"""The planner: from what the farm looks like to who renders what next. Pure and deterministic.

Classes are strict. Within a class the project that has used the least goes first (``jobs.fairness``), within a project
the job with the least in flight. A resident model decides between replicas that are equally free; it may also decide
between jobs, within a window of fairness and a limit of waiting. What fits whom is looked up by kind
(``jobs.fitting``), so that a plan costs what it hands out and not replicas times jobs.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cached_property
from uuid import UUID

from jobs.fairness import Demand, Licences, Line, open_accounts
from jobs.fitting import Fitting, ReplicaKind, fits
from jobs.planning import Assign, Carve, JobView, Plan, PlanSettings, Snapshot, StagedChunk, TakeBack
from jobs.slots import FreeSlots, Slot, Staged, open_slots
from jobs.waiting import backlog_of, chunk_frames, waits_of

__all__ = ["chunk_frames", "fits", "make_plan"]


def make_plan(snapshot: Snapshot, settings: PlanSettings) -> Plan:
    """Fill idle replicas first, then one chunk behind each busy one; take back what an idle replica could start now,
    and what stands in the way of a higher class. Also says why each waiting job waits, and how many slots the work
    could use. The same snapshot makes the same plan, in whatever order it lists replicas and jobs.
    """
    return _Planner(snapshot, settings).run()


class _Planner:
    def __init__(self, snapshot: Snapshot, settings: PlanSettings) -> None:
        self._settings = settings
        self._snapshot = snapshot
        self._fitting = Fitting(snapshot)
        self._slots = open_slots(self._fitting)
        self._demands = open_accounts(snapshot.jobs, snapshot.projects, self._fitting, settings)
        self._licences = Licences(snapshot.licences, snapshot.jobs)
        self._lines = self._by_class()
        self._staged = Staged(self._slots)
        self._placements: list[Carve | Assign] = []
        self._take_backs: list[TakeBack] = []
        self._behind: dict[tuple[ReplicaKind, str], list[Slot]] | None = None
        self._window_s = settings.residency_window.total_seconds() * max(
            sum(kind.count for kind in self._fitting.kinds), 1
        )

    def run(self) -> Plan:
        self._take_back_stopped()
        idle = FreeSlots(self._slots, load=0)
        self._fill(idle, level=0)
        self._take_back_for_idle(idle)
        self._preempt_staged()
        for level in range(1, 1 + self._settings.staged_chunks):
            self._fill(FreeSlots(self._slots, load=level), level=level)
        return Plan(
            placements=tuple(self._placements),
            take_backs=tuple(self._take_backs),
            waits=waits_of(self._demands, self._fitting, self._licences, cut_short=self._is_full),
            backlog=backlog_of(self._snapshot, self._demands, self._fitting, self._licences, self._settings),
        )

    @cached_property
    def _jobs(self) -> dict[UUID, JobView]:
        return {job.id: job for job in self._snapshot.jobs}

    @cached_property
    def _lowest_staged(self) -> int:
        """Rank of the lowest class of which a job has something in flight, and so may have something staged."""
        return max((job.priority.rank for job in self._snapshot.jobs if job.active_chunks), default=0)

    @property
    def _is_full(self) -> bool:
        return len(self._placements) >= self._settings.placements_per_tick

    def _fill(self, free: FreeSlots, *, level: int) -> None:
        """One chunk at a time to whoever is first in line, until nobody wants or nobody is free."""
        if not free.any():
            return
        for line in self._lines:
            line.form_again()
            while not self._is_full and (demand := line.first()) is not None:
                if not self._licences.allow(demand.view):
                    line.send_away(demand)
                    continue
                slot, is_warm = self._slot_for(demand, free)
                if slot is None:
                    if not free.any():
                        return  # and thousands in line need not be asked
                    line.send_away(demand)
                elif is_warm:
                    self._place(demand, slot)
                elif level == 0 and (busy := self._soon_free(demand)) is not None:
                    self._place(demand, busy)
                else:
                    self._place(self._warmer(demand, slot, line.by_model) or demand, slot)

    def _by_class(self) -> list[Line]:
        """Those that may be given something, in line by priority class, the most urgent class first."""
        ranks: dict[int, list[Demand]] = defaultdict(list)
        for demand in self._demands:
            if demand.wants and demand.kind.kinds:
                ranks[demand.view.priority.rank].append(demand)
        return [Line(ranks[rank], self._settings) for rank in sorted(ranks)]

    def _slot_for(self, demand: Demand, free: FreeSlots) -> tuple[Slot | None, bool]:
        """The free slot for the next chunk of the job, and whether it holds the model."""
        kinds = demand.kind.kinds
        blocked = self._fitting.blocked_nodes(demand.view)
        avoid: frozenset[UUID] = demand.loose[0].avoid if demand.loose else frozenset()
        wishes: list[Callable[[Slot], bool] | None] = [_not_on(blocked, avoid) if blocked or avoid else None]
        if avoid:  # where it failed before is better than nowhere
            wishes.append(_not_on(blocked, frozenset()))
        for may in wishes:
            if (slot := free.warm(demand.view.model_digest, kinds, may)) is not None:
                return slot, True
            if (slot := free.cold(kinds, may)) is not None:
                return slot, False
        return None, False

    def _soon_free(self, demand: Demand) -> Slot | None:
        """A busy replica that holds the model and is free sooner than an idle one could load it."""
        if demand.view.waited_s >= self._settings.residency_wait.total_seconds() or self._settings.staged_chunks < 1:
            return None
        if self._behind is None:
            self._behind = defaultdict(list)
            for slot in self._slots:
                if slot.view.busy_chunks and self._is_soon_free(slot):
                    for digest in slot.view.residents:
                        self._behind[slot.kind, digest].append(slot)
        avoid: frozenset[UUID] = demand.loose[0].avoid if demand.loose else frozenset()
        may = _not_on(self._fitting.blocked_nodes(demand.view), avoid)
        for kind in demand.kind.kinds:
            for slot in self._behind.get((kind, demand.view.model_digest), ()):
                if slot.load <= self._settings.staged_chunks and may(slot):
                    return slot
        return None

    def _is_soon_free(self, slot: Slot) -> bool:
        seconds = slot.free_in(self._jobs)
        return seconds is not None and seconds <= self._settings.model_load.total_seconds()

    def _warmer(self, first: Demand, slot: Slot, by_model: Mapping[str, list[Demand]]) -> Demand | None:
        """Another job of the class whose model this replica holds, if the first in line can let it pass.

        It can while it has not waited for long, and while the other's project is not far ahead of its own.
        """
        if first.view.waited_s >= self._settings.residency_wait.total_seconds() or first.late:
            return None
        limit = first.account.share + self._window_s
        passing = [
            demand
            for digest in slot.warm
            for demand in by_model.get(digest, ())
            if demand.wants
            and demand.account.share <= limit
            and slot.kind in demand.kind.kinds
            and slot.view.node not in self._fitting.blocked_nodes(demand.view)
            and not (demand.loose and slot.view.id in demand.loose[0].avoid)
            and self._licences.allow(demand.view)
        ]
        return min(passing, key=_turn, default=None)

    def _place(self, demand: Demand, slot: Slot) -> None:
        job = demand.view
        if demand.loose:
            chunk = demand.loose.pop(0)
            frames = chunk.frames
            self._placements.append(Assign(replica_id=slot.view.id, job_id=job.id, work_id=chunk.work_id))
        else:
            sharers = min(demand.kind.replicas, job.max_replicas or math.inf)
            frames = min(chunk_frames(job, self._settings, replicas=int(sharers)), demand.uncarved)
            self._placements.append(Carve(replica_id=slot.view.id, job_id=job.id, frames=frames))
            demand.uncarved -= frames
        slot.hand(job.model_digest)
        self._licences.take(job)
        demand.charge(frames, self._settings)

    def _take_back_stopped(self) -> None:
        """What is staged for a project that may start nothing more only takes the place of others' work."""
        stopped = {project.id for project in self._snapshot.projects if project.stopped is not None}
        if not stopped:
            return
        for slot in self._slots:
            for chunk in slot.view.staged:  # also on an idle replica, which may not claim it
                job = self._jobs.get(chunk.job_id)
                if job is not None and job.project_id in stopped:
                    self._take_back(slot, chunk)

    def _take_back_for_idle(self, idle: FreeSlots) -> None:
        """A staged chunk never waits behind a busy replica while a fitting one is idle, but for a moment where the
        busy one holds its model and the idle one would have to load it."""
        if not idle.any():
            return
        waiting = ((self._jobs.get(chunk.job_id), slot, chunk) for slot, chunk in self._staged)
        urgent = sorted(
            ((job, slot, chunk) for job, slot, chunk in waiting if job is not None and job.started and not job.stopped),
            key=lambda each: (each[0].priority.rank, each[2].work_id),
        )
        hopeless: set[object] = set()
        for job, slot, chunk in urgent:
            if self._is_full:
                return
            kind = self._fitting.of(job)
            if kind in hopeless:
                continue
            blocked = self._fitting.blocked_nodes(job)
            may = _not_on(blocked, frozenset()) if blocked else None
            target = idle.warm(job.model_digest, kind.kinds, may)
            if target is None:
                target = idle.cold(kind.kinds, may)
                if target is None:
                    if not blocked:
                        hopeless.add(kind)
                    continue
                if self._stays(job, slot, chunk):
                    continue
            self._take_back(slot, chunk)
            self._placements.append(Assign(replica_id=target.view.id, job_id=job.id, work_id=chunk.work_id))
            target.hand(job.model_digest)
            self._licences.take(job)

    def _stays(self, job: JobView, slot: Slot, chunk: StagedChunk) -> bool:
        return (
            job.model_digest in slot.view.residents
            and chunk.waited_s < self._settings.residency_wait.total_seconds()
            and self._is_soon_free(slot)
        )

    def _preempt_staged(self) -> None:
        """A job of a higher class takes the place behind the running chunk from one of a lower class."""
        left = self._settings.preemptions_per_tick
        for line in self._lines:
            line.form_again()
            victims: dict[ReplicaKind, list[tuple[Slot, StagedChunk]]] | None = None
            while not self._is_full and left > 0 and (demand := line.first()) is not None:
                if victims is None:
                    victims = self._victims(demand.view.priority.rank)
                if not any(victims.values()):
                    break
                found = self._victim_for(demand, victims) if self._licences.allow(demand.view) else None
                if found is None:
                    line.send_away(demand)
                    continue
                slot, chunk = found
                self._take_back(slot, chunk)
                self._place(demand, slot)
                left -= 1

    def _victims(self, rank: int) -> dict[ReplicaKind, list[tuple[Slot, StagedChunk]]]:
        """Staged chunks of lower classes: the lowest class last, and there the one whose replica is free first."""
        found: dict[ReplicaKind, list[tuple[int, float, int, Slot, StagedChunk]]] = defaultdict(list)
        if rank >= self._lowest_staged:
            return {}
        for slot, chunk in self._staged:
            job = self._jobs.get(chunk.job_id)
            if job is not None and job.priority.rank > rank:
                seconds = slot.free_in(self._jobs)
                wait = -math.inf if seconds is None else -seconds
                found[slot.kind].append((job.priority.rank, wait, -slot.number, slot, chunk))
        return {
            kind: [(slot, chunk) for _, _, _, slot, chunk in sorted(entries, key=lambda entry: entry[:3])]
            for kind, entries in found.items()
        }

    def _victim_for(
        self, demand: Demand, victims: dict[ReplicaKind, list[tuple[Slot, StagedChunk]]]
    ) -> tuple[Slot, StagedChunk] | None:
        blocked = self._fitting.blocked_nodes(demand.view)
        for kind in demand.kind.kinds:
            pairs = victims.get(kind, [])
            for index in range(len(pairs) - 1, -1, -1):
                if pairs[index][0].view.node not in blocked:
                    return pairs.pop(index)
        return None

    def _take_back(self, slot: Slot, chunk: StagedChunk) -> None:
        self._take_backs.append(TakeBack(replica_id=slot.view.id, work_id=chunk.work_id))
        self._staged.take(chunk)
        slot.load -= 1
        taken = self._jobs.get(chunk.job_id)
        if taken is not None:
            self._licences.take(taken, -1)


def _turn(demand: Demand) -> tuple[float, float, float, int]:
    return (demand.account.share, demand.in_flight / demand.view.weight, demand.view.created_order, demand.view.id.int)


def _not_on(blocked: frozenset[str], avoid: frozenset[UUID]) -> Callable[[Slot], bool]:
    return lambda slot: slot.view.node not in blocked and slot.view.id not in avoid
