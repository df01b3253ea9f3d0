"""The planner: from what the farm looks like to who renders what next. Pure and deterministic."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from jobs.planning import (
    Assign,
    Carve,
    JobView,
    LooseChunk,
    Plan,
    PlanSettings,
    ReplicaView,
    Snapshot,
    TakeBack,
    WaitReason,
)


def make_plan(snapshot: Snapshot, settings: PlanSettings) -> Plan:
    """Fill idle replicas first, then one chunk behind each busy one; take back what an idle replica could start now.

    Order of jobs: priority class; then the project with the fewest chunks in flight per job weight (fair share);
    then age. A resident model decides between replicas that are equally free, never between jobs of other classes.
    """
    return _Planner(snapshot, settings).run()


def chunk_frames(job: JobView, settings: PlanSettings, *, replicas: int) -> int:
    """Frames of the job's next chunk: the target run time over the measured frame time, and no replica left idle."""
    if job.split_parts > 1:
        return 1  # one part of one frame
    if job.frame_seconds is None:
        return min(settings.first_chunk_frames, job.uncarved)
    by_time = math.floor(settings.chunk_target.total_seconds() / max(job.frame_seconds, 1e-4))
    fair_part = math.ceil(job.uncarved / max(replicas, 1))
    return max(1, min(by_time, settings.max_chunk_frames, fair_part, job.uncarved))


@dataclass(slots=True)
class _Slot:
    """A replica while the plan is made."""

    view: ReplicaView
    load: int
    residents: set[str]


@dataclass(slots=True)
class _Demand:
    """What a job still wants while the plan is made."""

    view: JobView
    loose: list[LooseChunk]
    uncarved: int
    in_flight: int

    @property
    def waits(self) -> bool:
        return bool(self.loose) or self.uncarved > 0

    @property
    def wants(self) -> bool:
        """Whether it may be given something now: what an unpinned job got would be dropped, and starve the others."""
        return self.view.started and self.waits


class _Planner:
    def __init__(self, snapshot: Snapshot, settings: PlanSettings) -> None:
        self._settings = settings
        self._pools = snapshot.pools
        self._slots = [
            _Slot(view, view.busy_chunks + len(view.staged), set(view.residents))
            for view in sorted(snapshot.replicas, key=lambda replica: replica.id)
            if view.accepts_work
        ]
        self._demands = [_Demand(job, list(job.loose), job.uncarved, job.active_chunks) for job in snapshot.jobs]
        self._by_job = {demand.view.id: demand for demand in self._demands}
        self._project_load: dict[UUID, float] = {}
        for demand in self._demands:
            self._charge(demand, demand.in_flight)
        self._placements: list[Carve | Assign] = []
        self._take_backs: list[TakeBack] = []

    def run(self) -> Plan:
        self._fill(up_to=1)
        self._take_back_for_idle()
        self._preempt_staged()
        self._fill(up_to=1 + self._settings.staged_chunks)
        return Plan(
            placements=tuple(self._placements),
            take_backs=tuple(self._take_backs),
            waits=self._waits(),
            backlog=self._backlog(),
        )

    def _fill(self, *, up_to: int) -> None:
        """One chunk at a time to the job that is first in line, until nobody wants or nobody is free."""
        while True:
            open_slots = [slot for slot in self._slots if slot.load < up_to]
            if not open_slots:
                return
            for demand in sorted((d for d in self._demands if d.wants), key=self._urgency):
                slot = self._best_slot(demand, open_slots)
                if slot is not None:
                    self._place(demand, slot)
                    break
            else:
                return

    def _urgency(self, demand: _Demand) -> tuple[float, ...]:
        job = demand.view
        share = self._project_load.get(job.project_id, 0.0)
        return (job.priority.rank, share, demand.in_flight / job.weight, job.created_order)

    def _best_slot(self, demand: _Demand, slots: list[_Slot]) -> _Slot | None:
        """The least loaded fitting slot; among those one that has the model, then one that keeps no model warm."""
        fitting = [slot for slot in slots if fits(demand.view, slot.view)]
        if not fitting:
            return None
        avoid: frozenset[UUID] = demand.loose[0].avoid if demand.loose else frozenset()
        digest = demand.view.model_digest
        return min(
            fitting,
            key=lambda slot: (slot.view.id in avoid, slot.load, digest not in slot.residents, len(slot.residents)),
        )

    def _place(self, demand: _Demand, slot: _Slot) -> None:
        job, replica = demand.view, slot.view
        if demand.loose:
            chunk = demand.loose.pop(0)
            self._placements.append(Assign(replica_id=replica.id, job_id=job.id, work_id=chunk.work_id))
        else:
            fitting = sum(1 for other in self._slots if fits(job, other.view))
            frames = min(chunk_frames(job, self._settings, replicas=fitting), demand.uncarved)
            self._placements.append(Carve(replica_id=replica.id, job_id=job.id, frames=frames))
            demand.uncarved -= frames
        slot.load += 1
        slot.residents.add(job.model_digest)
        demand.in_flight += 1
        self._charge(demand, 1)

    def _charge(self, demand: _Demand, chunks: int) -> None:
        project = demand.view.project_id
        self._project_load[project] = self._project_load.get(project, 0.0) + chunks

    def _take_back_for_idle(self) -> None:
        """A staged chunk never waits behind a busy replica while a fitting one is idle."""
        idle = [slot for slot in self._slots if slot.load == 0]
        for slot in self._slots:
            for chunk in slot.view.staged:
                demand = self._by_job.get(chunk.job_id)
                if demand is None or slot.view.busy_chunks == 0:
                    continue
                target = self._best_slot(demand, idle)
                if target is None:
                    continue
                idle.remove(target)
                self._move(chunk.work_id, slot, target, chunk.job_id)

    def _preempt_staged(self) -> None:
        """A job of a higher class takes the place behind the running chunk from one of a lower class."""
        waiting = sorted((d for d in self._demands if d.wants), key=self._urgency)
        for demand in waiting:
            for slot in self._slots:
                lower = [
                    chunk
                    for chunk in slot.view.staged
                    if (other := self._by_job.get(chunk.job_id)) is not None
                    and other.view.priority.rank > demand.view.priority.rank
                    and not any(back.work_id == chunk.work_id for back in self._take_backs)
                ]
                if lower and fits(demand.view, slot.view):
                    self._take_backs.append(TakeBack(replica_id=slot.view.id, work_id=lower[-1].work_id))
                    slot.load -= 1
                    self._place(demand, slot)
                    break

    def _move(self, work_id: int, source: _Slot, target: _Slot, job_id: UUID) -> None:
        self._take_backs.append(TakeBack(replica_id=source.view.id, work_id=work_id))
        self._placements.append(Assign(replica_id=target.view.id, job_id=job_id, work_id=work_id))
        source.load -= 1
        target.load += 1

    def _waits(self) -> Mapping[UUID, WaitReason]:
        reasons: dict[UUID, WaitReason] = {}
        for demand in self._demands:
            if not demand.waits:
                if demand.view.gated:
                    reasons[demand.view.id] = WaitReason.DEPENDENCY
                continue
            if not self._slots:
                reasons[demand.view.id] = WaitReason.STARTING_REPLICA
            elif not any(fits(demand.view, slot.view) for slot in self._slots):
                reasons[demand.view.id] = WaitReason.NO_REPLICA_FITS
            else:
                reasons[demand.view.id] = WaitReason.NO_CAPACITY
        return reasons

    def _backlog(self) -> Mapping[str, int]:
        """Slots that the runnable work could fill, by pool; a job without a fitting replica counts for every pool."""
        slots = dict.fromkeys(self._pools, 0)
        for demand in self._demands:
            chunks = len(demand.view.loose) + demand.view.active_chunks
            if demand.view.uncarved:
                size = chunk_frames(demand.view, self._settings, replicas=1)
                chunks += math.ceil(demand.view.uncarved / size)
            fitting = {slot.view.pool for slot in self._slots if fits(demand.view, slot.view)}
            for pool in fitting or slots.keys():
                slots[pool] = slots.get(pool, 0) + chunks
        return slots


def fits(job: JobView, replica: ReplicaView) -> bool:
    """Whether this replica can render this job: pipeline, pinned engine version and device, labels."""
    version = replica.engines.get(job.pipeline)
    if version is None or job.engine_version not in (None, version):
        return False
    if job.device_class not in (None, replica.device_class):
        return False
    return all(replica.labels.get(key) == value for key, value in job.labels.items())
