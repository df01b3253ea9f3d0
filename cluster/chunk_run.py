"""One chunk on one engine: its frames in order, each handed to the committer as soon as it is rendered.

Stops at once for a cancel, a lost lease or a machine that is taken away (the engine is killed: Blender ignores every
gentler stop), at the next frame boundary for a drain. What was not rendered goes back to the queue; what was rendered
is committed first.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import UUID

import structlog

from cluster.backoff import Patience
from cluster.committer import Committer
from cluster.engines import EngineLease, EngineRoom
from cluster.finished_frames import FinishedFrame
from cluster.flights import Flight, Stop
from cluster.frame_progress import ChunkProgress
from cluster.metrics.ports import SILENT, ReplicaMeter
from cluster.settings import ClusterSettings
from cluster.tracing import ChunkTrace, ids_of_chunk, trace_failed
from db.queue import ClaimedChunk, CutShort, FailOutcome, fail_frame, release_canceled, release_chunk, start_chunk
from db.session import Database
from jobs.ids import new_id
from jobs.limits import FarmLimits
from jobs.spec import JobSpec
from jobs.states import EndReason
from pipelines.base import FrameOutput, FramePart, FrameRequest, ProgressCallback, Tally
from pipelines.errors import EngineError, EngineLost

_log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class ChunkRun:
    """Render one claimed chunk; ``run`` returns when nothing of it is left to do here."""

    chunk: ClaimedChunk
    engines: EngineRoom
    committer: Committer
    database: Database
    replica_id: UUID
    limits: FarmLimits
    settings: ClusterSettings
    window: int
    """Frames that the engine is given at once."""
    on_progress: Callable[[], None]
    """Called when ``progress`` has news."""
    meter: ReplicaMeter = SILENT
    frames_traced: int = 100
    """Of one job, at most."""
    log_bytes: int = 0
    """Of what the engine printed for a frame, written into the log of this process."""

    progress: ChunkProgress = field(init=False)
    _spec: JobSpec = field(init=False)
    _pending: deque[tuple[int, int]] = field(init=False)
    _flights: deque[Flight] = field(init=False, default_factory=deque)
    _stop: Stop | None = field(init=False, default=None)
    _why: str | None = field(init=False, default=None)
    """What made the replica leave, for people."""
    _cut: CutShort | None = field(init=False, default=None)
    """The frame that rendered when the engine was killed for a stop."""
    _progressed_at: float = field(init=False, default=0.0)
    """When the frame that renders last reported something new, by the loop's clock."""
    _began: float = field(init=False, default_factory=time.monotonic)
    _opening_ms: float = field(init=False, default=0.0)
    """Spent on engines so far."""
    _trace: ChunkTrace | None = field(init=False, default=None)
    _halted: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    """Set by a stop that does not wait for the frame boundary."""

    def __post_init__(self) -> None:
        chunk = self.chunk
        self.progress = ChunkProgress(chunk.job_id, chunk.work_id, chunk.fence, part=chunk.part, parts=chunk.parts)
        self._pending = deque(zip(self.chunk.ordinals, self.chunk.frames, strict=True))
        self._patience = Patience(self.settings.retry_first, self.settings.retry_longest)

    @property
    def key(self) -> tuple[int, int]:
        return (self.chunk.work_id, self.chunk.fence)

    @property
    def _part(self) -> FramePart | None:
        if self.chunk.part is None or self.chunk.parts is None:
            return None
        return FramePart(number=self.chunk.part, of=self.chunk.parts, mode=self._spec.split.mode)

    def stop(self, why: Stop, words: str | None = None) -> None:
        """Ask the run to stop; the sterner of two reasons wins. ``words``: what for, shown with a frame cut short."""
        if self._stop is None or self._stop is Stop.DRAIN:
            if why is Stop.LOST:
                self.meter.lost()
            self._stop = why
            self._why = words
        if why is not Stop.DRAIN:
            self._halted.set()

    async def run(self) -> None:
        traced = ChunkTrace.of(self.chunk, replica_id=self.replica_id, frames_per_job=self.frames_traced)
        with structlog.contextvars.bound_contextvars(**ids_of_chunk(self.chunk)), traced as self._trace:
            await self._run_and_end()

    async def _run_and_end(self) -> None:
        try:
            await self._run()
        except EngineError as error:
            if self._stop is None:
                await self._fail_first(error.reason, str(error), error.log_tail)
        except Exception as error:
            # A bug of ours, or a spec of another release: charged, as the chunk would else come back for ever.
            _log.exception("chunk_run_failed")
            if self._stop is None:
                kind = type(error).__name__
                await self._fail_first(
                    EndReason.INFRA, f"The farm met an error of its own ({kind}); the worker's log says more.", ""
                )
        await self._end()

    async def _run(self) -> None:
        self._spec = JobSpec.model_validate(self.chunk.spec)
        while self._pending and self._stop is None:
            async with self.engines.use(self.chunk, self._spec, stop=self._halted) as lease:
                self._opening_ms += lease.opening_ms
                if self._trace is not None:
                    self._trace.opened(warm=lease.warm, ms=lease.opening_ms)
                if not await self._begin(lease):
                    return
                await self._render(lease)

    async def _begin(self, lease: EngineLease) -> bool:
        started = await self._patience.until_available(
            "start_chunk",
            lambda: start_chunk(self.database, work_id=self.chunk.work_id, fence=self.chunk.fence, warm=lease.warm),
        )
        if not started:
            self.stop(Stop.LOST)
        return started

    async def _fail_first(self, reason: EndReason, message: str, log: str) -> None:
        """Nothing of this chunk renders: charge the first frame. The rest goes back, it would fare no better here."""
        if self._pending:
            ordinal, frame = self._pending.popleft()
            await self._fail(ordinal, frame, new_id(), reason, message, log)

    async def _render(self, lease: EngineLease) -> None:
        """Frames until the chunk ends, the run is stopped, or the engine is gone."""
        halted = asyncio.create_task(self._halted.wait(), name="chunk-halted")
        try:
            while (self._pending and self._stop is None) or self._flights:
                while self._pending and self._may_launch(lease):
                    self._launch(lease)
                if not self._flights:
                    return
                front = self._flights[0]
                with structlog.contextvars.bound_contextvars(frame=front.frame, attempt_id=str(front.attempt_id)):
                    if not await self._land(lease, halted):
                        return
        finally:
            halted.cancel()
            await self._abandon(lease)

    def _may_launch(self, lease: EngineLease) -> bool:
        return self._stop is None and not lease.wear.worn and len(self._flights) < self.window

    def _launch(self, lease: EngineLease) -> None:
        ordinal, frame = self._pending[0]
        attempt_id = new_id()
        scratch = lease.scratch_for(attempt_id)
        every = self.settings.live_preview_every
        request = FrameRequest(
            id=attempt_id.hex,
            frame=frame,
            settings=self._spec.settings,
            scratch=scratch,
            part=self._part,
            preview_every_s=None if every is None or self._part is not None else every.total_seconds(),
        )
        self._pending.popleft()
        warm, lease.warm = lease.warm, True
        lease.wear.asked()
        task = asyncio.create_task(
            _timed(lease, request, partial(self._take_progress, (ordinal, frame, attempt_id, scratch))),
            name=f"render-{self.chunk.job_id}-{frame}",
        )
        self._flights.append(Flight(ordinal, frame, attempt_id, scratch, warm, task))

    async def _land(self, lease: EngineLease, halted: asyncio.Task[bool]) -> bool:
        """Wait for the frame that renders now; False when the engine can render no more of this chunk."""
        flight = self._flights[0]
        flight.started_at, flight.log_from = time.time(), lease.host.log_mark
        flight.queue_ms = self.chunk.waited_ms + (time.monotonic() - self._began) * 1000 - self._opening_ms
        self.progress.begin(flight.ordinal, flight.frame, flight.attempt_id, flight.scratch)
        over = await self._wait(flight, halted)
        if self._halted.is_set():
            return False
        if over is not None:
            await lease.host.kill()
            self._flights.popleft()
            flight.task.cancel()
            await self._fail_flight(flight, over, self._words_of(over, flight), lease)
            return False
        self._flights.popleft()
        try:
            output, engine_ms = flight.task.result()
        except EngineLost as error:
            if self._halted.is_set():
                return False
            await self._fail_flight(flight, error.reason, str(error), lease)
            return False
        except EngineError as error:
            await self._fail_flight(flight, error.reason, str(error), lease, log=error.log_tail)
            return self._stop is not Stop.LOST
        lease.wear.delivered()
        self._tell_output(output.log)
        await self.committer.put(
            FinishedFrame(
                chunk=self.chunk,
                ordinal=flight.ordinal,
                frame=flight.frame,
                attempt_id=flight.attempt_id,
                started_at=flight.started_at,
                rendered_at=time.monotonic(),
                engine_ms=engine_ms,
                before_ms={"queue": max(0.0, flight.queue_ms), "load": 0.0 if flight.warm else lease.opening_ms},
                output=output,
                format=lease.output_format,
                frame_size=None if self.chunk.part is not None else lease.frame_size,
                scratch=flight.scratch,
                warm=flight.warm,
                last=not self._flights and not self._pending,
                trace=self._trace.context_of(flight.ordinal) if self._trace is not None else None,
            )
        )
        return self._stop is not Stop.DRAIN

    async def _wait(self, flight: Flight, halted: asyncio.Task[bool]) -> EndReason | None:
        """Until the frame is done or the run must stop at once (None), or one of its limits is passed (which)."""
        loop = asyncio.get_running_loop()
        self._progressed_at = loop.time()
        if flight.task.done():  # while the frame before it was on its way out
            return None
        ends_at = loop.time() + self._spec.limits.frame_timeout_s
        stall = self._stall_s
        while True:
            stalls_at = self._progressed_at + stall if stall is not None else math.inf
            pause = max(0.0, min(ends_at, stalls_at) - loop.time())
            await asyncio.wait({flight.task, halted}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            if flight.task.done() or halted.done():
                return None
            if loop.time() >= ends_at:
                return EndReason.TIMEOUT
            if stall is not None and loop.time() >= self._progressed_at + stall:
                return EndReason.STALLED

    @property
    def _stall_s(self) -> float | None:
        """Longest silence of a frame in seconds: the job's own, else the farm's."""
        if self._spec.limits.stall_timeout_s is not None:
            return self._spec.limits.stall_timeout_s
        return self.limits.stall_timeout.total_seconds() if self.limits.stall_timeout is not None else None

    def _words_of(self, over: EndReason, flight: Flight) -> str:
        if over is EndReason.TIMEOUT:
            return (
                f"Frame {flight.frame} took longer than {self._spec.limits.frame_timeout_s:g} s. "
                "Raise the job's limits.frame_timeout_s, or make the frame cheaper."
            )
        at = f"{self.progress.fraction:.0%}" + (f" ({self.progress.detail})" if self.progress.detail else "")
        return (
            f"Frame {flight.frame} made no progress for {self._stall_s:g} s; it stood at {at}. Where the renderer is "
            "silent for long, raise the job's limits.stall_timeout_s; else the attempt's log says where it stopped."
        )

    async def _abandon(self, lease: EngineLease) -> None:
        """Frames that the engine was asked for and will not deliver go back to the front of the line."""
        if not self._flights:
            return
        front = self._flights[0]
        await lease.host.kill()
        await asyncio.gather(*(flight.task for flight in self._flights), return_exceptions=True)
        if self._halted.is_set() and front.started_at:
            self._cut = CutShort(
                ordinal=front.ordinal,
                attempt_id=front.attempt_id,
                message=self._why,
                log=lease.host.log_since(front.log_from) or None,
            )
        for flight in reversed(self._flights):
            self._pending.appendleft((flight.ordinal, flight.frame))
            lease.discard_scratch(flight.scratch)
        self._flights.clear()

    async def _fail_flight(
        self, flight: Flight, reason: EndReason, message: str, lease: EngineLease, *, log: str | None = None
    ) -> None:
        """``log``: what the engine printed for the frame, where it could still say so itself."""
        lease.discard_scratch(flight.scratch)
        log = lease.host.log_since(flight.log_from) if log is None else log
        self._tell_output(log)
        await self._fail(flight.ordinal, flight.frame, flight.attempt_id, reason, message, log, flight.started_at)

    def _tell_output(self, log: str) -> None:
        """What the engine printed for the frame that is bound."""
        if log and self.log_bytes:
            _log.info("engine_output", output=log.encode()[-self.log_bytes :].decode(errors="replace"))

    async def _fail(
        self,
        ordinal: int,
        frame: int,
        attempt_id: UUID,
        reason: EndReason,
        message: str,
        log: str,
        started_at: float = 0.0,
    ) -> None:
        self.meter.failed(reason, warm=started_at > 0)
        _log.warning("frame_failed", frame=frame, attempt_id=str(attempt_id), reason=reason, error=message)
        if self._trace is not None:
            context, job = self._trace.context_of(ordinal), self.chunk.job_id
            trace_failed(context, job_id=job, frame=frame, attempt_id=attempt_id, started_at=started_at, reason=reason)
        await self.committer.flush()  # a frame that fails may end the chunk: what is rendered goes first
        outcome = await self._patience.until_available(
            "fail_frame",
            lambda: fail_frame(
                self.database,
                work_id=self.chunk.work_id,
                fence=self.chunk.fence,
                replica_id=self.replica_id,
                ordinal=ordinal,
                frame=frame,
                attempt_id=attempt_id,
                reason=reason,
                message=message,
                log=log,
                limits=self.limits,
            ),
        )
        if outcome is FailOutcome.SUPERSEDED:
            self.stop(Stop.LOST)

    async def _end(self) -> None:
        if self._stop is Stop.LOST or (self._stop is not Stop.CANCELED and not self._pending):
            return  # the next chunk starts while the committer still writes the last frames of this one
        await self.committer.flush()  # a give-back raises the fence: what is rendered is committed first
        work_id, fence = self.key
        if self._stop is Stop.CANCELED:
            await self._patience.until_available(
                "release_canceled",
                lambda: release_canceled(self.database, work_id=work_id, fence=fence, cut=self._cut),
            )
        else:
            leaves = self._stop in (Stop.DRAIN, Stop.TAKEN)
            reason = EndReason.INTERRUPTED if leaves else EndReason.INFRA
            await self._patience.until_available(
                "release_chunk",
                lambda: release_chunk(self.database, work_id=work_id, fence=fence, reason=reason, cut=self._cut),
            )

    def _take_progress(
        self, one: tuple[int, int, UUID, Path], fraction: float, detail: str, tally: Tally | None = None, /
    ) -> None:
        self.progress.begin(*one)  # it may render while the one before it still waits for the committer
        if self.progress.take(fraction, detail, tally):
            self._progressed_at = asyncio.get_running_loop().time()
            self.on_progress()


async def _timed(lease: EngineLease, request: FrameRequest, on_progress: ProgressCallback) -> tuple[FrameOutput, float]:
    """The frame, and its ``engine_ms``; a failed one's time is no later one's."""
    asked_at = time.monotonic()
    try:
        output = await lease.host.render(request, on_progress)
    except EngineError:
        lease.clock.answered_ms(asked_at)
        raise
    return output, lease.clock.answered_ms(asked_at)
