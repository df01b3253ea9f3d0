"""One slot of a pool: claims the chunks assigned to it, renders, uploads and itself commits.

No Ray here: the Serve deployment (``cluster.renderer``) starts and drains a ``Replica``, a test does so in process.
The database is asked and never the other way round; a dead dispatcher costs a replica nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog

from cluster.ahead import Ahead
from cluster.backoff import Patience
from cluster.chunk_run import ChunkRun
from cluster.committer import Committer
from cluster.departure import Departure
from cluster.engines import EngineRoom
from cluster.finished_frames import FinishedFrame
from cluster.flights import Stop
from cluster.frame_progress import ChunkProgress, ProgressTeller
from cluster.live_previews import LivePreviews
from cluster.logs import LogSettings
from cluster.machine_use import MachineUse
from cluster.metrics.ports import SILENT, ReplicaMeter
from cluster.settings import ClusterSettings
from cluster.tracing import TracingSettings
from db.listen import listen
from db.queue import (
    BeatReply,
    ClaimedChunk,
    FailOutcome,
    beat,
    claim_chunk,
    fail_frame,
    has_claimable,
    mark_gone,
    register_replica,
)
from db.queue.replicas import within_of
from db.session import Database
from db.settings import DatabaseSettings
from db.workers import drain_replica
from jobs.errors import Unavailable
from jobs.limits import FarmLimits
from jobs.states import EndReason
from pipelines.registry import PIPELINES
from pipelines.settings import EngineSettings
from pipelines.video_memory import open_video_memory
from storage.base import Storage

_log = structlog.get_logger(__name__)

_ASKED_TO_LEAVE = "The worker was asked to leave."
_LOCKED_PAUSE_S = 0.02
"""Seconds before a claim that met only locked chunks is made again: who holds them needs some milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaIdentity:
    """Who this process is; a new process is a new replica."""

    cluster_id: str
    pool: str
    node: str
    serve_id: str
    device_class: str
    labels: Mapping[str, str] = field(default_factory=dict)
    ray_node: str | None = None
    """Ray's id of its node process, which Ray's drains name; ``node`` is the machine."""
    id: UUID = field(default_factory=uuid4)


def installed_engines() -> dict[str, str]:
    """Pipeline -> engine version, of those whose engine is installed here."""
    found = {name: pipeline.engine_version() for name, pipeline in PIPELINES.items()}
    return {name: version for name, version in found.items() if version is not None}


class Replica:
    """``run`` until cancelled; ``drain`` first for a gentle end."""

    def __init__(
        self,
        *,
        identity: ReplicaIdentity,
        database: Database,
        database_settings: DatabaseSettings,
        storage: Storage,
        settings: ClusterSettings,
        limits: FarmLimits,
        engine_settings: EngineSettings,
        meter: ReplicaMeter = SILENT,
    ) -> None:
        self.identity = identity
        self._meter = meter
        self._database = database
        self._database_settings = database_settings
        self._settings = settings
        self._patience = Patience(settings.retry_first, settings.retry_longest)
        self._limits = limits
        self._engines = EngineRoom(
            replica_id=identity.id,
            storage=storage,
            settings=settings,
            engine_settings=engine_settings,
            video=open_video_memory(),
        )
        self._committer = Committer(
            database=database,
            storage=storage,
            replica_id=identity.id,
            settings=settings,
            on_bad_picture=self._bad_picture,
            on_superseded=self._superseded,
            meter=meter,
        )
        self._ahead = Ahead(
            database=database,
            replica_id=identity.id,
            engines=self._engines,
            settings=settings,
            engine_settings=engine_settings,
            renders=lambda: self._current is not None and self._current.progress.frame is not None,
        )
        self._teller = ProgressTeller(database=database, replica_id=identity.id, every=settings.progress_every)
        self._previews = LivePreviews(storage=storage, every=settings.live_preview_every)
        self._use = MachineUse(every=settings.use_every, busy_cpu=settings.busy_cpu)
        self._window = engine_settings.outstanding_renders
        self._frames_traced, self._log_bytes = TracingSettings().frames_per_job, LogSettings().engine_bytes
        self._current: ChunkRun | None = None
        self._departure = Departure()
        self._leaving = asyncio.Lock()
        self._left = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Register, then beat, listen, claim and render until cancelled, or until it was told to leave and has."""
        await self._patience.until_available("register_replica", self._register)
        try:
            async with asyncio.TaskGroup() as group:
                endless = [
                    group.create_task(self._beat_for_ever(), name="replica-beat"),
                    group.create_task(self._listen_for_ever(), name="replica-listen"),
                    group.create_task(self._committer.run(), name="replica-commit"),
                    group.create_task(self._work_for_ever(), name="replica-work"),
                    group.create_task(self._ahead.run(), name="replica-ahead"),
                    group.create_task(self._use.run(), name="replica-use"),
                    group.create_task(self._teller.run(self._progress, self._current_state), name="replica-progress"),
                    group.create_task(self._previews.run(self._progress, self._teller.note), name="replica-previews"),
                ]
                group.create_task(self._leave_when_told(endless), name="replica-leave")
        finally:
            self._departure.forget()
            await self._engines.close()

    async def drain(self, reason: str, within: timedelta | None = None) -> None:
        """Take no more work, finish the frame that renders, commit what is rendered, give the rest back, leave.

        ``reason``: why, for people. ``within``: the machine goes then; a frame that still renders shortly before is
        given back.
        """
        self._begin_to_leave(reason, within)
        await self._leave()

    def _begin_to_leave(self, reason: str, within: timedelta | None) -> None:
        self._departure.announce(reason, within, self._out_of_time)
        self._wake.set()
        if self._current is not None:
            self._current.stop(Stop.DRAIN, self._departure.reason)

    def _out_of_time(self) -> None:
        if self._current is not None:
            self._current.stop(Stop.TAKEN, self._departure.reason)

    async def _leave_when_told(self, endless: Sequence[asyncio.Task[None]]) -> None:
        await self._departure.announced.wait()
        await self._leave()
        for task in endless:
            task.cancel()

    async def _leave(self) -> None:
        """The planner hears first, so that nobody waits here for a long frame; then all that is left to do."""
        async with self._leaving:
            if self._left:
                return
            await self._say(self._tell_drain)
            await self._idle.wait()
            await self._committer.flush()
            await self._say(lambda: mark_gone(self._database, replica_id=self.identity.id))
            self._left = True

    async def _say(self, call: Callable[[], Awaitable[None]]) -> None:
        try:
            await call()
        except (Unavailable, OSError) as error:
            _log.warning("leave_without_word", replica_id=str(self.identity.id), error=str(error))

    async def _tell_drain(self) -> None:
        async with self._database.transaction() as tx:
            await drain_replica(tx, replica_id=self.identity.id, reason=self._departure.reason)

    async def _work_for_ever(self) -> None:
        while not self._departure.announced.is_set():
            self._wake.clear()
            chunk = await self._patience.until_available("claim_chunk", self._claim)
            if chunk is None and await self._patience.until_available("look_for_chunk", self._was_passed_over):
                await asyncio.sleep(_LOCKED_PAUSE_S)
            elif chunk is None:
                await self._rest()
            elif chunk.ordinals:
                self._meter.claimed(chunk.waited_ms / 1000)
                await self._render(chunk)

    async def _claim(self) -> ClaimedChunk | None:
        return await claim_chunk(
            self._database,
            replica_id=self.identity.id,
            cluster_id=self.identity.cluster_id,
            lease=self._limits.lease,
        )

    async def _was_passed_over(self) -> bool:
        return await has_claimable(self._database, replica_id=self.identity.id)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._settings.unclaimed_poll.total_seconds()):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _render(self, chunk: ClaimedChunk) -> None:
        run = ChunkRun(
            chunk=chunk,
            engines=self._engines,
            committer=self._committer,
            database=self._database,
            replica_id=self.identity.id,
            limits=self._limits,
            settings=self._settings,
            window=self._window,
            on_progress=self._teller.note,
            meter=self._meter,
            frames_traced=self._frames_traced,
            log_bytes=self._log_bytes,
        )
        self._current = run
        self._idle.clear()
        if self._departure.announced.is_set():
            run.stop(Stop.DRAIN, self._departure.reason)
        try:
            await run.run()
        except Exception:
            # A chunk that trips a bug of ours must not take the replica along; its lease lapses and it is rescued.
            _log.exception("chunk_run_failed", work_id=chunk.work_id, job_id=str(chunk.job_id))
        finally:
            self._current = None
            self._idle.set()

    # --- beat and messages -------------------------------------------------------------------------------------

    async def _beat_for_ever(self) -> None:
        while True:
            run = self._current  # the reply speaks of what this replica held when it asked
            try:
                reply = await beat(
                    self._database,
                    replica_id=self.identity.id,
                    held=self._committer.held() | ({run.key} if run else set()),
                    residents=self._engines.residents(),
                    current=self._current_state(),
                    lease=self._limits.lease,
                )
            except (Unavailable, OSError) as error:
                _log.warning("beat_failed", replica_id=str(self.identity.id), error=str(error))
            else:
                await self._obey(reply, run)
            await asyncio.sleep(self._limits.beat.total_seconds())

    def _progress(self) -> ChunkProgress | None:
        return self._current.progress if self._current is not None else None

    def _current_state(self) -> dict[str, Any]:
        sandbox, progress = self._engines.sandbox(), self._progress()
        return {
            **({"sandbox": sandbox} if sandbox is not None else {}),
            **(progress.as_json() if progress else {}),
            **self._use.as_json(),
            **self._engines.trouble(),
            **self._committer.trouble(),
        }

    async def _obey(self, reply: BeatReply, run: ChunkRun | None) -> None:
        if not reply.known and not self._departure.announced.is_set():
            await self._patience.until_available("register_replica", self._register)
        if run is not None and run.key in reply.canceled:
            run.stop(Stop.CANCELED)
        elif run is not None and run is self._current and reply.known and run.key not in reply.owned:
            run.stop(Stop.LOST)
        elif run is not None and run.key in reply.stopped:
            run.stop(Stop.DRAIN, reply.stopped_by.words if reply.stopped_by else "")
        if reply.drain:
            self._begin_to_leave(reply.drain_reason or _ASKED_TO_LEAVE, reply.drain_within)

    async def _listen_for_ever(self) -> None:
        channel = f"rayfarm_replica_{self.identity.id.hex}"
        async for notification in listen(self._database_settings, [channel]):
            self._wake.set()
            self._ahead.assigned()
            if notification.channel:
                self._hear(json.loads(notification.payload or "{}"))

    def _hear(self, message: dict[str, Any]) -> None:
        run = self._current
        named = run is not None and run.key == (message.get("work_id"), message.get("fence"))
        match message.get("verb"):
            case "cancel" if run is not None and named:
                run.stop(Stop.CANCELED)
            case "take_back" if run is not None and named:
                run.stop(Stop.LOST)
            case "drain":
                self._begin_to_leave(message.get("reason") or _ASKED_TO_LEAVE, within_of(message.get("within_s")))
            case _:
                pass  # "work": waking is enough

    async def _register(self) -> None:
        identity = self.identity
        await register_replica(
            self._database,
            replica_id=identity.id,
            cluster_id=identity.cluster_id,
            pool=identity.pool,
            node=identity.node,
            ray_node=identity.ray_node,
            serve_id=identity.serve_id,
            labels=dict(identity.labels),
            engines=installed_engines(),
            device_class=identity.device_class,
        )

    def _superseded(self, work_id: int, fence: int) -> None:
        if self._current is not None and self._current.key == (work_id, fence):
            self._current.stop(Stop.LOST)

    async def _bad_picture(self, finished: FinishedFrame, reason: EndReason, message: str) -> None:
        chunk = finished.chunk
        self._meter.failed(reason, warm=finished.warm)
        outcome = await self._patience.until_available(
            "fail_frame",
            lambda: fail_frame(
                self._database,
                work_id=chunk.work_id,
                fence=chunk.fence,
                replica_id=self.identity.id,
                ordinal=finished.ordinal,
                frame=finished.frame,
                attempt_id=finished.attempt_id,
                reason=reason,
                message=message,
                log=finished.output.log,
                limits=self._limits,
            ),
        )
        if outcome is FailOutcome.SUPERSEDED:
            self._superseded(chunk.work_id, chunk.fence)
