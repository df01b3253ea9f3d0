"""The dispatcher: stateless ticks of plan, place, hand out. Any number may run; the one that holds the row leads.

It keeps no truth in memory: kill it at any moment and the next one goes on from the rows. Each tick is one pass of
lead → start new jobs → plan → apply → open gates (frames that wait for another job's; what is let through wakes the
next tick) → tasks; a NOTIFY wakes it, a timer is the fallback. A submit is planned before anything else is looked at:
somebody may wait for it. What need not be woken (rescue, overdue verdicts, deadlines, pruning …) is a loop of its own:
``cluster.loops``. Tasks stay here: somebody waits for a probe or a film, and whoever launched a task is the one who
knows that it still runs.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass
from uuid import UUID, uuid4

import structlog
from pydantic import ValidationError

from cluster.fanout.runner import TaskRunner
from cluster.loops.base import Loop
from cluster.metrics.ports import SILENT, DispatchMeter
from cluster.settings import ClusterSettings
from cluster.tracing import HandOuts, TracingSettings, ids_in
from db.dispatch import (
    DISPATCHER_ROLE,
    JobToPin,
    LookedAt,
    LostLeadership,
    SnapshotReader,
    apply_plan,
    jobs_to_pin,
    lead,
    open_gates,
    pin_job,
    refuse_job,
    resign,
    reuse_frames,
)
from db.errors import DatabaseUnavailable, RowsBusy
from db.listen import listen
from db.session import Database
from db.settings import DatabaseSettings
from jobs.errors import Unavailable
from jobs.fitting import Fitting
from jobs.limits import FarmLimits
from jobs.plan import make_plan
from jobs.planning import CrowdView, PlanSettings, ReplicaView, Snapshot
from jobs.spec import JobSpec
from pipelines.render_keys import render_key_of

_log = structlog.get_logger(__name__)

STARTED_PER_TICK = 200
"""Jobs that one tick starts; the others follow in the next."""
_RENEWED_AFTER = 1 / 6
"""Part of ``leader_ttl`` after which a tick renews the lead: with the pause between ticks half of it is never passed.
A renewal waits for the disk, which a burst of ticks need not each do."""
REUSE_BATCH = 10_000
"""Frames looked up among earlier jobs in one transaction."""


@dataclass(frozen=True, slots=True)
class TickReport:
    """What one tick did; for metrics and tests."""

    leads: bool
    placed: int = 0
    started_jobs: int = 0
    tasks: int = 0


@dataclass(slots=True)
class _Looks:
    """One tick's time for looking for reuse, for all jobs together. Its first look is made in any case."""

    until: float
    """By the monotonic clock."""
    any: bool = False

    @property
    def are_over(self) -> bool:
        return self.any and time.monotonic() >= self.until


class Dispatcher:
    """``run`` until cancelled; ``tick`` is one pass, for tests."""

    def __init__(
        self,
        *,
        database: Database,
        database_settings: DatabaseSettings,
        settings: ClusterSettings,
        limits: FarmLimits,
        plan_settings: PlanSettings,
        tasks: TaskRunner,
        drains: Loop | None = None,
        holder: UUID | None = None,
        meter: DispatchMeter = SILENT,
    ) -> None:
        self._database = database
        self._database_settings = database_settings
        self._settings = settings
        self._limits = limits
        self._plan_settings = plan_settings
        self._frames_traced = TracingSettings().frames_per_job
        self._tasks = tasks
        self.holder = holder or uuid4()
        self._meter = meter
        self._wake = asyncio.Event()
        self._leads = False
        self._epoch: int | None = None
        self._led_at = 0.0
        """When the lead was taken or renewed last, by the monotonic clock."""
        self._looked_at: dict[UUID, float] = {}
        """When a job that has not started looked for reuse last, by the monotonic clock. Losing it costs only time."""
        self._gates_looked_at: LookedAt = {}
        self._snapshots = SnapshotReader(
            database, cluster_id=settings.id, replica_timeout=limits.lease, settings=plan_settings
        )
        """Keeps what it read: losing it costs only time."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen_for_ever(), name="dispatcher-listen")
            group.create_task(self._tick_for_ever(), name="dispatcher-tick")
            group.create_task(self._tasks.renew_for_ever(), name="dispatcher-renew-tasks")

    async def close(self) -> None:
        """Let another lead at once."""
        await self._tasks.close()
        try:
            await resign(self._database, role=DISPATCHER_ROLE, cluster_id=self._settings.id, holder=self.holder)
        except (Unavailable, OSError) as error:
            _log.warning("resign_failed", error=str(error))

    async def tick(self) -> TickReport:
        """One pass. Raises ``Unavailable`` during an outage; leaves everything to the leader when it is another."""
        epoch = await self._lead_on()
        if epoch is None:
            self._leads = False
            return TickReport(leads=False)
        if not self._leads:
            _log.info("leads", role=DISPATCHER_ROLE, epoch=epoch, holder=str(self.holder))
            self._leads = True
        try:
            return await self._lead(epoch)
        except LostLeadership:
            _log.info("lost_leadership", role=DISPATCHER_ROLE, epoch=epoch)
            self._leads, self._epoch = False, None
            return TickReport(leads=False)

    async def _lead_on(self) -> int | None:
        """The epoch of this reign, renewed once a part of its time has passed; every write asks the row again."""
        now = time.monotonic()
        if self._epoch is None or now - self._led_at > self._settings.leader_ttl.total_seconds() * _RENEWED_AFTER:
            self._epoch = await lead(
                self._database,
                role=DISPATCHER_ROLE,
                cluster_id=self._settings.id,
                holder=self.holder,
                ttl=self._settings.leader_ttl,
            )
            self._led_at = now
        return self._epoch

    async def _lead(self, epoch: int) -> TickReport:
        snapshot = await self._snapshots.read()
        started: set[UUID] = set()
        startable = _startable(snapshot)
        looks = _Looks(until=time.monotonic() + self._settings.reuse_slice.total_seconds())
        for job in await self._to_start(snapshot, startable):
            if await self._start_or_refuse(job, startable[job.id], epoch, looks):
                started.add(job.id)
        if started:
            snapshot = _with_started(snapshot, started, startable) or await self._snapshots.read()
        plan = make_plan(snapshot, self._plan_settings)
        hand_outs = HandOuts(frames_per_job=self._frames_traced)
        await apply_plan(self._database, cluster_id=self._settings.id, plan=plan, epoch=epoch, trace=hand_outs)
        hand_outs.end()
        await open_gates(self._database, epoch=epoch, within=self._settings.gate_slice, looked_at=self._gates_looked_at)
        tasks = await self._tasks.tick(epoch)
        return TickReport(
            leads=True,
            placed=len(plan.placements),
            started_jobs=len(started),
            tasks=tasks,
        )

    async def _to_start(self, snapshot: Snapshot, startable: Mapping[UUID, ReplicaView | CrowdView]) -> list[JobToPin]:
        """The most urgent first; of one priority, whoever has looked for reuse goes behind those that have not yet."""
        self._looked_at = {job_id: at for job_id, at in self._looked_at.items() if job_id in startable}
        if not startable:
            return []
        rank = {job.id: job.priority.rank for job in snapshot.jobs}
        jobs = await jobs_to_pin(self._database, job_ids=list(startable))
        return sorted(jobs, key=lambda job: (rank[job.id], self._looked_at.get(job.id, 0.0)))

    async def _start_or_refuse(
        self, job: JobToPin, replica: ReplicaView | CrowdView, epoch: int, looks: _Looks
    ) -> bool:
        """One job that cannot be read must not keep the others waiting: it fails, and says why."""
        try:
            return await self._start(job, replica, epoch, looks)
        except ValidationError as error:
            _log.exception("job_refused", job_id=str(job.id))
            message = f"This release of the farm cannot read the job's settings; submit it again. {error}"
            await refuse_job(self._database, job_id=job.id, message=message, epoch=epoch)
            return False

    async def _start(self, job: JobToPin, replica: ReplicaView | CrowdView, epoch: int, looks: _Looks) -> bool:
        """Pin the job to an engine version and device class that the farm has, reuse what is rendered, let it run.

        False: it is not through with looking for reuse, for which this tick has no more time, and goes on in a later
        one; others are not kept waiting.
        """
        spec = JobSpec.model_validate(job.spec)
        key = await asyncio.to_thread(  # it reads the settings: see ``EngineRoom``
            render_key_of,
            spec,
            model_digest=job.model_digest,
            engine_version=replica.engines[spec.pipeline],
            device_class=replica.device_class,
        )
        pin = functools.partial(
            pin_job,
            self._database,
            job_id=job.id,
            engine_version=replica.engines[spec.pipeline],
            device_class=replica.device_class,
            render_key=key,
            epoch=epoch,
        )
        if spec.reuse:
            done = False
            if not looks.are_over:
                await pin(start=False)
            while not done and not looks.are_over:
                looks.any, self._looked_at[job.id] = True, time.monotonic()
                done = (await reuse_frames(self._database, job_id=job.id, epoch=epoch, limit=REUSE_BATCH)).done
            if not done:
                self._wake.set()
                return False
        waited_s = await pin()
        _log.info("job_started", job_id=str(job.id), epoch=epoch, **ids_in(job.traceparent))
        if waited_s is not None:
            self._meter.started(spec.priority.value, waited_s)
        return True

    async def _tick_for_ever(self) -> None:
        while True:
            self._wake.clear()
            await self._tick_once()
            await asyncio.sleep(self._settings.tick_pause.total_seconds())
            try:
                async with asyncio.timeout(self._settings.tick_every.total_seconds()):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _tick_once(self) -> None:
        """One pass that is told, and whose errors end here: the next pass tries again."""
        began = time.monotonic()
        try:
            if (await self.tick()).leads:
                self._meter.ticked(time.monotonic() - began)
            self._meter.reached(True)
        except (Unavailable, OSError) as error:
            self._meter.reached(not isinstance(error, DatabaseUnavailable) or isinstance(error, RowsBusy))
            _log.warning("tick_unavailable", error=str(error))
        except Exception:
            _log.exception("tick_failed")

    async def _listen_for_ever(self) -> None:
        async for _ in listen(self._database_settings, ["rayfarm_dispatch"]):
            self._wake.set()


def _with_started(
    snapshot: Snapshot, started: Set[UUID], on: Mapping[UUID, ReplicaView | CrowdView]
) -> Snapshot | None:
    """The same with these jobs started; None where it must be read again, as more is known of them now.

    Of a lone frame there is nothing to know: its chunk has one size, however long it may render.
    """
    jobs = []
    for job in snapshot.jobs:
        if job.id in started:
            if job.uncarved > 1:
                return None
            replica = on[job.id]
            engine_version = job.engine_version or replica.engines[job.pipeline]
            device_class = job.device_class or replica.device_class
            job = job._replace(started=True, engine_version=engine_version, device_class=device_class)
        jobs.append(job)
    return dataclasses.replace(snapshot, jobs=tuple(jobs))


def _startable(snapshot: Snapshot) -> dict[UUID, ReplicaView | CrowdView]:
    """Queued jobs that a replica fits, the most urgent first, each with that replica.

    Jobs that nothing fits are left out before they are counted: many of them must not keep others from the start.
    """
    found: dict[UUID, ReplicaView | CrowdView] = {}
    fitting = Fitting(snapshot)
    stopped = {project.id for project in snapshot.projects if project.stopped is not None}
    free = {project.id: project.free_jobs for project in snapshot.projects if project.free_jobs is not None}
    waiting = (job for job in snapshot.jobs if not job.started and job.project_id not in stopped)
    for job in sorted(waiting, key=lambda job: (job.priority.rank, job.created_order)):
        kinds = fitting.of(job).kinds
        if kinds and free.get(job.project_id, 1) > 0:
            if job.project_id in free:
                free[job.project_id] -= 1
            found[job.id] = kinds[0].sample
        if len(found) == STARTED_PER_TICK:
            break
    return found
