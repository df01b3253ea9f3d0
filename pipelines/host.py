"""The parent side of an engine: one child process, asked over a socket, killed when it must stop."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from jobs.plain_files import remove_tree
from jobs.states import EndReason
from pipelines._kernel_folders import kernel_environment
from pipelines._process import ChildProcess, signal_name, spawn_worker
from pipelines._watchdog import Breach, Watchdog, memory_cap, scratch_cap
from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, Pipeline, ProgressCallback, TrustsFolders
from pipelines.errors import EngineCrashed, EngineError, EngineKilled, EngineLost
from pipelines.output_check import check_outputs, is_below
from pipelines.protocol import (
    PROTOCOL_VERSION,
    CloseCommand,
    Event,
    FailedEvent,
    LoadCommand,
    LoadedEvent,
    ProgressEvent,
    ProtocolError,
    ReadyEvent,
    RenderCommand,
    RenderedEvent,
    parse_event,
)
from pipelines.sandbox import SandboxLevel, SandboxReport
from pipelines.settings import EngineSettings
from pipelines.video_memory import VideoMemory

logger = logging.getLogger(__name__)

_OWN_END_S = 0.2
"""A child that closed its socket gets this long to be gone by itself, so that its own exit status is what counts."""

Answer = ReadyEvent | LoadedEvent | RenderedEvent


@dataclass(slots=True)
class _Call:
    answer: asyncio.Future[Answer]
    on_progress: ProgressCallback | None = field(default=None)


class EngineHost:
    """Owns one engine process. Not thread-safe: use it from the event loop that started it.

    Cancelling a coroutine that waits in ``load`` or ``render`` does not stop the engine; ``kill`` does.
    """

    def __init__(
        self,
        *,
        child: ChildProcess,
        pipeline: Pipeline,
        workdir: Path,
        home: Path,
        settings: EngineSettings,
        watchdog: Watchdog,
    ) -> None:
        self.pipeline = pipeline
        self.workdir = workdir
        self.settings = settings
        self.sandbox: SandboxReport | None = None
        self.log_mark = 0
        """``log_position`` at its last answer: what is printed from there on is of the call behind it."""
        self.ended = asyncio.Event()
        """Set once the process is gone and reaped, whatever the cause."""
        self._child = child
        self._home = home
        self._real_workdir = os.path.realpath(workdir)
        self._calls: dict[int | None, _Call] = {}
        self._numbers = itertools.count(1)
        self._slots = asyncio.Semaphore(settings.outstanding_renders)
        self._lost: EngineLost | None = None
        self._kill_ordered = False
        self._closing = False
        self._protocol_error: str | None = None
        self._progressed_at = asyncio.get_running_loop().time()
        self._writer: asyncio.StreamWriter | None = None
        self._listener: asyncio.Task[None] | None = None
        self._watchdog = watchdog
        self._watch: asyncio.Task[None] | None = None
        self._breach: Breach | None = None

    @classmethod
    async def start(
        cls,
        *,
        pipeline: Pipeline,
        workdir: Path,
        models: Sequence[Path],
        settings: EngineSettings,
        engine_module: str | None = None,
        video: VideoMemory | None = None,
        kernels: Path | None = None,
    ) -> Self:
        """Spawn a child and wait until its engine is imported.

        ``models``: the folders of what it may be told to load; where the kernel permits, it can read no others.
        ``engine_module`` replaces the pipeline's own. ``kernels``: the project's folder of code that was compiled for
        the cards; None: it is lost with the engine.
        """
        workdir.mkdir(parents=True, exist_ok=True)
        home = Path(tempfile.mkdtemp(prefix="engine-", dir=workdir))
        environment = kernel_environment(pipeline, kernels or home)
        writable = (workdir, *pipeline.shared_paths(), *([kernels] if kernels is not None and environment else []))
        scratch_bytes = scratch_cap(settings.scratch_bytes, workdir)
        child = spawn_worker(
            engine_module=engine_module or pipeline.engine_module,
            home=home,
            writable=writable,
            readable=(*models, *(pipeline.trusted_paths() if isinstance(pipeline, TrustsFolders) else ())),
            scratch_bytes=scratch_bytes,
            settings=settings,
            environment=environment,
        )
        watchdog = Watchdog(
            child=child,
            folders=writable,
            memory_bytes=memory_cap(settings.memory_bytes),
            scratch_bytes=scratch_bytes,
            max_files=settings.max_files,
            max_threads=settings.max_threads,
            video=video,
            video_bytes=settings.vram_bytes,
        )
        host = cls(child=child, pipeline=pipeline, workdir=workdir, home=home, settings=settings, watchdog=watchdog)
        try:
            async with asyncio.timeout(settings.start_timeout.total_seconds()):
                await host._connect()
        except TimeoutError:
            await host.kill()
            raise EngineError(
                EndReason.INFRA,
                f"The engine did not start within {settings.start_timeout.total_seconds():g} s.",
                remedy="Raise RAYFARM_ENGINE_START_TIMEOUT, or look why the machine is slow.",
            ) from None
        except BaseException:
            await host.kill()
            raise
        return host

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._lost is None and not self._kill_ordered and not self._closing

    @property
    def log_tail(self) -> str:
        """The end of what the child printed."""
        return self._child.log.text

    @property
    def log_position(self) -> int:
        """Bytes that the child has printed so far; for ``log_since``."""
        return self._child.log.written

    def log_since(self, position: int) -> str:
        """What the child has printed since then, as far as it is kept."""
        return self._child.log.since(position)

    @property
    def idle_seconds(self) -> float:
        """Since the child last said anything. With ``cpu_seconds`` standing still too, it has stalled."""
        return asyncio.get_running_loop().time() - self._progressed_at

    def memory_bytes(self) -> int:
        """Resident memory of the child now."""
        return self._child.memory_bytes()

    def video_bytes(self) -> int:
        """Video memory of the child when the cards were last looked at; 0 where that is unknown."""
        return self._watchdog.video_bytes()

    def cpu_seconds(self) -> float:
        """CPU time of the child so far."""
        return self._child.cpu_seconds()

    async def load(self, model: ModelFiles) -> LoadReport:
        """Open a model; over ``load_timeout`` the child is killed."""
        number = next(self._numbers)
        try:
            async with asyncio.timeout(self.settings.load_timeout.total_seconds()):
                answer = await self._ask(number, LoadCommand.of(number, model).line())
        except TimeoutError:
            await self.kill()
            raise EngineError(
                EndReason.TIMEOUT,
                f"The model did not load within {self.settings.load_timeout.total_seconds():g} s.",
                remedy="If the model is just large, raise the job's limits.load_timeout_s.",
            ) from None
        if not isinstance(answer, LoadedEvent):
            raise await self._broken(f"a {answer.type} answer to load")
        return answer.report()

    async def render(self, request: FrameRequest, on_progress: ProgressCallback | None = None) -> FrameOutput:
        """Render one frame. A second call may be made meanwhile: the child begins it without a round trip."""
        real_scratch = os.path.realpath(request.scratch)
        if not is_below(real_scratch, self._real_workdir):
            raise ValueError(f"scratch {request.scratch} must lie under the engine's workdir {self.workdir}")
        async with self._slots:
            number = next(self._numbers)
            answer = await self._ask(number, RenderCommand.of(number, request).line(), on_progress)
        if not isinstance(answer, RenderedEvent):
            raise await self._broken(f"a {answer.type} answer to render")
        output = answer.output()
        main, extra = check_outputs(output.main, output.extra, real_scratch)
        kept = self.settings.frame_log_bytes  # a child that has been taken over may send more
        return replace(
            output,
            main=main,
            extra=extra,
            metrics={**output.metrics, **self._metrics()},
            log=output.log[-kept:] if kept else "",
        )

    async def kill(self) -> None:
        """SIGKILL and reap. Idempotent; outstanding calls raise ``EngineKilled``."""
        self._kill_ordered = True
        self._child.kill()
        await self._until_buried()

    async def close(self) -> None:
        """Ask the child to end after what it is doing; kill it if it takes too long."""
        self._closing = True
        if self._writer is not None and not self.ended.is_set():
            self._writer.write(CloseCommand().line())
            try:
                async with asyncio.timeout(self.settings.close_timeout.total_seconds()):
                    await self.ended.wait()
            except TimeoutError:
                logger.warning(
                    "engine did not close in time", extra={"action": "engine_close_timeout", "pid": self.pid}
                )
        await self.kill()

    def _metrics(self) -> dict[str, Any]:
        """What the parent knows of a frame that just ended; the child's word on it would not count."""
        return {
            "peak_rss_bytes": self._child.take_peak_bytes(),
            **({"peak_vram_bytes": peak} if (peak := self._watchdog.take_video_peak()) else {}),
            "sandbox": self.sandbox.level.value if self.sandbox is not None else None,
        }

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        ready = self._calls[None] = _Call(loop.create_future())
        reader, self._writer = await asyncio.open_unix_connection(
            sock=self._child.connection, limit=self.settings.message_limit_bytes
        )
        self._listener = asyncio.create_task(self._listen(reader), name=f"engine-{self.pid}")
        self._watch = asyncio.create_task(self._guard(), name=f"engine-watch-{self.pid}")
        event = await ready.answer
        if not isinstance(event, ReadyEvent) or event.protocol != PROTOCOL_VERSION:
            raise await self._broken(f"no greeting of protocol {PROTOCOL_VERSION}")
        self.sandbox = event.sandbox()
        self._watchdog.hold_priority()
        refuse_below(self.settings.require_sandbox, self.sandbox)

    async def _guard(self) -> None:
        self._breach = await self._watchdog.run()
        self._child.kill()  # the listener hears the end of it

    async def _ask(self, number: int, line: bytes, on_progress: ProgressCallback | None = None) -> Answer:
        if self._lost is not None:
            raise self._lost
        if not self.alive or self._writer is None:
            raise EngineKilled("The engine is closing.")
        call = self._calls[number] = _Call(asyncio.get_running_loop().create_future(), on_progress)
        self._writer.write(line)
        try:
            return await call.answer
        finally:
            self._calls.pop(number, None)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._hear(parse_event(line))
        except (ProtocolError, ValueError) as error:  # ValueError: a line over message_limit_bytes
            self._protocol_error = str(error)
        except ConnectionError:
            pass  # the child died with unread commands; burying says how
        finally:
            await self._bury()

    def _hear(self, event: Event) -> None:
        self._progressed_at = asyncio.get_running_loop().time()
        if isinstance(event, FailedEvent | RenderedEvent):
            event = event.model_copy(update={"log": self._child.log.uncut(event.log, since=self.log_mark)})
        self._child.log.trim()
        match event:
            case ProgressEvent():
                call = self._calls.get(event.call)
                if call is not None and call.on_progress is not None:
                    tally = None if event.counted is None else event.counted.tally()
                    try:
                        call.on_progress(event.fraction, event.text, tally)
                    except Exception:
                        logger.exception("progress callback failed", extra={"action": "engine_progress"})
            case FailedEvent():
                said = {"log_tail": event.log[-self.settings.log_tail_bytes :]} if event.log else {}
                self._settle(event.call, EngineError(event.reason, event.message, remedy=event.remedy, **said))
            case ReadyEvent():
                self._settle(None, event)
            case LoadedEvent() | RenderedEvent():
                self._settle(event.call, event)
        if not isinstance(event, ProgressEvent):
            self.log_mark = self._child.log.written

    def _settle(self, number: int | None, result: Answer | EngineError) -> None:
        call = self._calls.pop(number, None)
        if call is None or call.answer.done():  # its caller was cancelled
            return
        if isinstance(result, EngineError):
            call.answer.set_exception(result)
        else:
            call.answer.set_result(result)

    async def _broken(self, what: str) -> EngineLost:
        self._protocol_error = what
        self._child.kill()
        await self._until_buried()
        return self._lost or EngineCrashed(f"The engine broke the protocol: {what}.")

    async def _until_buried(self) -> None:
        if self._listener is None:  # never connected
            self._child.connection.close()
            await self._bury()
        else:
            await asyncio.shield(self._listener)

    async def _bury(self) -> None:
        """The one place where an engine ends: reap, name the cause, fail what waits, free everything."""
        if self.ended.is_set():
            return
        if self._writer is not None:
            self._writer.close()
        if await self._child.reap(0 if self._protocol_error else _OWN_END_S) is None:
            self._child.kill()  # closed its socket, or spoke nonsense, and lives on
            await self._child.reap(self.settings.kill_timeout.total_seconds())
        if self._watch is not None:
            self._watch.cancel()
        self._child.log.close()
        self._lost = self._cause_of_death()
        for number in list(self._calls):
            self._settle(number, self._lost)
        self.ended.set()
        await asyncio.to_thread(remove_tree, self._home)

    def _cause_of_death(self) -> EngineLost:
        status = self._child.exit_status
        if self._kill_ordered:
            return EngineKilled()
        if self._closing:
            return EngineKilled("The engine was closed.")
        if (breach := self._breach) is not None:
            return EngineCrashed(breach.message, reason=breach.reason, remedy=breach.remedy, log_tail=self.log_tail)
        if self._protocol_error is not None:
            how, signal_number = f"broke the protocol: {self._protocol_error}", None
        elif status is not None and status < 0:
            signal_number = -status
            how = f"was ended by {signal_name(signal_number)}"
        else:
            how, signal_number = f"ended with status {status}", None
        memory = self._child.died_of_memory()
        return EngineCrashed(
            f"The engine's process {how}{', because the machine ran out of memory' if memory else ''}.",
            exit_code=status if status is not None and status >= 0 else None,
            signal=signal_number,
            log_tail=self.log_tail,
            reason=EndReason.OUT_OF_MEMORY if memory else EndReason.ENGINE_CRASH,
        )


def refuse_below(required: SandboxLevel, report: SandboxReport) -> None:
    """Raise ``EngineError`` where less of the sandbox is in force than the operator asks for."""
    if report.level.rank >= required.rank:
        return
    raise EngineError(
        EndReason.INFRA,
        f"The engine's sandbox is {report.level.value} here, and this farm requires {required.value}. "
        f"Missing: {', '.join(report.missing)}.",
        remedy="Run the farm on Linux 5.13 or newer with Landlock and seccomp (in a container: a seccomp profile that "
        "allows landlock_* and seccomp), or lower RAYFARM_ENGINE_REQUIRE_SANDBOX.",
    )
